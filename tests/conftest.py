import jax
import pytest

FLAG = "jax_disable_most_optimizations"


@pytest.fixture(scope="module")
def quickly_compiled():
    """No optimisations by XLA, here and in processes: most of these tests' time is compiling."""
    before = jax.config.read(FLAG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FLAG.upper(), "1")
        jax.config.update(FLAG, True)
        yield
    jax.config.update(FLAG, before)
