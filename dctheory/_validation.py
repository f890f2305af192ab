"""Checks at the public edge: what was given, what is allowed, what to do."""

from __future__ import annotations

import difflib
import math
import numbers
import os
from collections.abc import Iterable
from typing import Any

# The share of the machine's memory that one array may take.
_MEMORY_SHARE = 0.5


def check_integer(
    name: str, value: Any, minimum: int | None = None, maximum: int | None = None
) -> int:
    """Return ``value`` as a Python int; bools and non-integers are a TypeError."""
    if type(value).__name__ in ("bool", "bool_") or not _is_integral(value):
        raise TypeError(
            f"{name} must be an integer, got {value!r} of type {type(value).__name__}; "
            f"pass a whole number such as {minimum if minimum is not None else 1}"
        )
    number = int(value)
    if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
        raise ValueError(
            f"{name} must be {_interval(minimum, maximum)}, got {number}; "
            f"choose {name} in that range"
        )
    return number


def check_real(
    name: str,
    value: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    low_open: bool = False,
) -> Any:
    """Return a finite real scalar unchanged (so exact numbers stay exact).

    Accepts float, int, ``fractions.Fraction``, sympy numbers and numpy scalars.
    Raises TypeError for another kind, ValueError for NaN, infinity or a value out of range.
    """
    if type(value).__name__ in ("bool", "bool_") or not _is_real(value):
        raise TypeError(
            f"{name} must be a real number, got {value!r} of type {type(value).__name__}; "
            "pass a float, a fractions.Fraction or a sympy Rational"
        )
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}; check how it was computed")
    too_low = low is not None and (value <= low if low_open else value < low)
    if too_low or (high is not None and value > high):
        left = "(" if low_open else "["
        raise ValueError(
            f"{name} must lie in {left}{'-inf' if low is None else low}, "
            f"{'inf' if high is None else high}], got {value}; choose {name} in that range"
        )
    return value


def check_choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """Return ``value`` if it is one of ``choices``; the error suggests the nearest one."""
    allowed = list(choices)
    if not isinstance(value, str):
        raise TypeError(
            f"{name} must be a string, one of {', '.join(allowed)}; "
            f"got {value!r} of type {type(value).__name__}"
        )
    if value not in allowed:
        nearest = difflib.get_close_matches(value, allowed, n=1, cutoff=0.4)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(f"unknown {name} {value!r}{hint} (allowed: {', '.join(allowed)})")
    return value


def check_memory(what: str, num_bytes: int) -> None:
    """Refuse an array that would not fit: ValueError with its size."""
    available = _available_bytes()
    if num_bytes > _MEMORY_SHARE * available:
        raise ValueError(
            f"{what} would take {_readable(num_bytes)}, more than half of the "
            f"{_readable(available)} available; use spectrum(), linear_operator() "
            "or a smaller graph"
        )


def _is_integral(value: Any) -> bool:
    if isinstance(value, numbers.Integral):
        return True
    return bool(getattr(value, "is_Integer", False))


def _is_real(value: Any) -> bool:
    if isinstance(value, numbers.Real):
        return True
    # sympy numbers before they register with `numbers`, and irrational constants.
    return bool(getattr(value, "is_number", False) and getattr(value, "is_real", False))


def _interval(minimum: int | None, maximum: int | None) -> str:
    if maximum is None:
        return f"at least {minimum}"
    if minimum is None:
        return f"at most {maximum}"
    return f"between {minimum} and {maximum}"


def _available_bytes() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 8 * 2**30


def _readable(num_bytes: int) -> str:
    size = float(num_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} PiB"
