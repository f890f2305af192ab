"""Public names that are loaded on first use, so that importing a package is cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy(
    package: str, exports: Mapping[str, str], subpackages: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` (PEP 562) of a package.

    Args:
        package: its ``__name__``.
        exports: public name -> the module that defines it.
        subpackages: names of packages below it that are attributes too.
    """
    below = frozenset(subpackages)
    names = sorted({*exports, *below})

    def get(name: str) -> Any:
        if name in exports:
            return getattr(import_module(exports[name]), name)
        if name in below:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: names
