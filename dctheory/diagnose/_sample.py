"""A few rows of embeddings, read without a pass over all of them where the source allows it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory.graph._unit_rows import UnitRows, is_dask, release_pages

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

# Rows that are read at a time from a source that gives slices only.
_BLOCK_ROWS = 4096


def choose_rows(rng: np.random.Generator, count: int, size: int) -> Indices:
    """Ascending indices of ``size`` of ``count`` rows at random, or of all if they are fewer."""
    if size >= count:
        return np.arange(count)
    return np.sort(rng.choice(count, size, replace=False))


def sample_unit_rows(embeddings: Any, indices: Indices) -> tuple[Array, Array]:
    """The unit rows at ascending ``indices``, and their lengths before.

    Raises:
        TypeError, ValueError: what :class:`UnitRows` refuses, naming the row in the source.
    """
    whole = UnitRows(embeddings)
    whole.allocate(len(indices))
    raw = _Sample(embeddings if hasattr(embeddings, "shape") else np.asarray(embeddings), indices)
    unit = UnitRows(raw).take(np.arange(len(indices)))
    return unit, np.einsum("ij,ij->i", raw[:], unit)


class _Sample:
    """Rows in memory that go by the names that they have in the source."""

    def __init__(self, source: Any, indices: Indices) -> None:
        self._rows = np.asarray(_read(source, indices)).astype(np.float64)
        self._indices, self._name = indices, getattr(source, "row_name", str)
        self.shape = self._rows.shape

    def __getitem__(self, rows: slice) -> Array:
        return self._rows[rows]

    def row_name(self, row: int) -> str:
        name: str = self._name(int(self._indices[row]))
        return name


def _read(source: Any, indices: Indices) -> Any:
    if is_dask(source):
        return source[indices].compute()
    if isinstance(source, np.ndarray):
        rows = np.empty((len(indices), *source.shape[1:]), source.dtype)
        for start in range(0, len(indices), _BLOCK_ROWS):
            part = slice(start, start + _BLOCK_ROWS)
            rows[part] = source[indices[part]]
            release_pages(source)  # a row brings its neighbours: all would bring the whole file
        return rows
    blocks = []
    for start in range(0, source.shape[0], _BLOCK_ROWS):
        first, last = np.searchsorted(indices, [start, start + _BLOCK_ROWS])
        if first < last:
            block = np.asarray(source[start : start + _BLOCK_ROWS])
            blocks.append(block[indices[first:last] - start])
    return np.concatenate(blocks)
