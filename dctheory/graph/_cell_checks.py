"""Checks of a cell graph's sizes, similarities, names and classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dctheory._validation import check_integer

Array = NDArray[np.float64]

# Node counts stay far inside the range of float64.
MAX_NODES = 10**100

# Entries that a caller computed twice, e.g. (i, j) and (j, i) of a table of means, may differ by
# rounding.
_SYMMETRY_TOLERANCE = 1e-12


def check_sizes(sizes: Iterable[int]) -> tuple[int, ...]:
    """``sizes`` as exact ints of at least 1."""
    checked = tuple(check_integer(f"sizes[{i}]", size, 1) for i, size in enumerate(sizes))
    if not checked:
        raise ValueError("sizes is empty; a graph needs at least one cell")
    check_integer("the sum of sizes", sum(checked), 1, MAX_NODES)
    return checked


def check_entries(name: str, values: ArrayLike) -> Array:
    """``values`` as a float64 array with entries in [0, 1]."""
    given = np.asarray(values)
    if given.dtype.kind not in "fiuO":
        raise TypeError(f"{name} must hold real numbers, got dtype {given.dtype}")
    array = given.astype(np.float64)
    bad = np.argwhere(~((array >= 0) & (array <= 1)))
    if len(bad):
        where = tuple(int(index) for index in bad[0])
        place = f"{name}[{', '.join(map(str, where))}]" if where else name
        raise ValueError(f"{place} must be a finite number in [0, 1], got {array[where]}")
    return array


def check_similarity(similarity: ArrayLike, count: int) -> Array:
    """``similarity`` as a symmetric (count, count) float64 matrix with entries in [0, 1]."""
    array = check_entries("similarity", similarity)
    if array.shape != (count, count):
        raise ValueError(
            f"similarity must have the shape ({count}, {count}), one row and column for each "
            f"cell of sizes, got {array.shape}"
        )
    difference = np.abs(array - array.T)
    if difference.max() > _SYMMETRY_TOLERANCE:
        i, j = (int(x) for x in np.unravel_index(difference.argmax(), array.shape))
        raise ValueError(
            f"similarity must be symmetric, got similarity[{i}, {j}] = {array[i, j]} but "
            f"similarity[{j}, {i}] = {array[j, i]}; give each pair of cells one value"
        )
    return (array + array.T) / 2


def check_names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """``names`` as distinct strings, by default ``"cell 0"`` …"""
    if names is None:
        return tuple(f"cell {i}" for i in range(count))
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"names must be a sequence of strings, got {names!r}")
    if len(names) != count or len(set(names)) != count:
        raise ValueError(f"names must be {count} distinct strings, got {list(names)!r}")
    return tuple(str(name) for name in names)


def check_classes(classes: Iterable[int] | None, count: int) -> tuple[int, ...]:
    """``classes`` as one int for each cell, by default 0, 1, …"""
    if classes is None:
        return tuple(range(count))
    checked = tuple(check_integer(f"classes[{i}]", label, 0) for i, label in enumerate(classes))
    if len(checked) != count:
        raise ValueError(
            f"classes must have {count} entries, one for each cell, got {len(checked)}"
        )
    return checked
