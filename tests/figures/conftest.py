"""The figures are scripts beside their outputs; the tests import them from there."""

from pathlib import Path

import pytest

FIGURES = Path(__file__).resolve().parents[2] / "figures"


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(str(FIGURES))
