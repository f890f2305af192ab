from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def page():
    """Text of a page by its name."""
    return lambda name: (DOCS / f"{name}.md").read_text(encoding="utf-8")


@pytest.fixture
def fenced(page):
    """Blocks of a page, (language, text) in their order."""
    return lambda name: re.findall(r"^```(\w+)\n(.*?)^```$", page(name), flags=re.M | re.S)
