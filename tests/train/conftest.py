import pytest


@pytest.fixture(scope="module", autouse=True)
def _compile_quickly(quickly_compiled):
    pass
