"""Embeddings read in blocks, each row scaled to length 1."""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_memory

Array = NDArray[np.float64]

# A block of float64 rows fits into a processor's cache.
_BLOCK_BYTES = 4 * 2**20

# Squared norms outside this range may have lost digits to overflow or underflow.
_SAFE_SQUARES = (1e-250, 1e250)

# Directions closer than this in every coordinate are one direction, scaled and rounded.
_SAME_DIRECTION = 1e-12


class UnitRows:
    """A checked (N, d) source of unit rows that is never held in memory as a whole.

    Args:
        embeddings: anything with a shape whose row slices ``numpy.asarray`` understands (numpy
            and JAX arrays, memory maps), or nested lists.
    """

    def __init__(self, embeddings: Any) -> None:
        self._source = embeddings if hasattr(embeddings, "shape") else _as_array(embeddings)
        shape = tuple(self._source.shape)
        if len(shape) != 2:
            raise ValueError(
                f"embeddings must be two-dimensional, one row for each sample, got shape {shape}; "
                "reshape them to (samples, features)"
            )
        if 0 in shape:
            raise ValueError(f"embeddings are empty, got shape {shape}; pass at least two rows")
        self.num_rows, self.num_columns = int(shape[0]), int(shape[1])
        dtype = np.asarray(self._source[:1]).dtype
        # The second are the short floats of JAX, which numpy does not count as floating.
        if dtype.kind not in "fiu" and not dtype.name.startswith(("bfloat", "float")):
            raise TypeError(
                f"embeddings must hold real numbers, got dtype {dtype}; convert them, e.g. with "
                ".astype('float32') or, if sparse, .toarray()"
            )

    def blocks(self) -> Iterator[tuple[int, Array]]:
        """Pairs of the first row's index and a fresh block of unit rows.

        Raises ValueError, naming the first such row, for a zero vector and for NaN or infinity.
        """
        size = max(1, _BLOCK_BYTES // (8 * self.num_columns))
        for start in range(0, self.num_rows, size):
            block = np.asarray(self._source[start : start + size]).astype(np.float64)
            _release(self._source)
            yield start, _normalize(block, start)

    def take(self, indices: NDArray[np.int64]) -> Array:
        """The unit rows at ascending ``indices``, in one pass over the blocks."""
        rows = self.allocate(len(indices))
        for start, block in self.blocks():
            keep(rows, indices, start, block)
        return rows

    def allocate(self, count: int) -> Array:
        """An uninitialised (count, d) array; refused with its size if it would not fit."""
        check_memory(f"{count} rows of {self.num_columns} features", 8 * count * self.num_columns)
        return np.empty((count, self.num_columns))

    def check_directions_differ(self) -> None:
        """ValueError if all rows have one direction: every cosine would be 1."""
        first = None
        for _, block in self.blocks():
            first = block[0] if first is None else first
            if np.any(np.abs(block - first) > _SAME_DIRECTION):
                return
        raise ValueError(
            f"embeddings are constant: all {self.num_rows} rows have the same direction, so every "
            "cosine similarity is 1; check the encoder that made them"
        )


def keep(rows: Array, indices: NDArray[np.int64], start: int, block: Array) -> None:
    """Copy those rows of ``block`` that ascending ``indices`` ask for into ``rows``."""
    first, last = np.searchsorted(indices, [start, start + len(block)])
    rows[first:last] = block[indices[first:last] - start]


def _as_array(embeddings: Any) -> NDArray[Any]:
    try:
        return np.asarray(embeddings)
    except ValueError as error:
        raise ValueError(
            "embeddings must be two-dimensional, one row for each sample, got rows of different "
            "lengths"
        ) from error


def _normalize(block: Array, start: int) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", block, block)
    unsafe = np.flatnonzero(~((squares > _SAFE_SQUARES[0]) & (squares < _SAFE_SQUARES[1])))
    if len(unsafe):
        block[unsafe] /= _largest_entries(block[unsafe], unsafe + start)[:, None]
        squares[unsafe] = np.einsum("ij,ij->i", block[unsafe], block[unsafe])
    block /= np.sqrt(squares)[:, None]
    return block


def _largest_entries(rows: Array, indices: NDArray[np.int64]) -> Array:
    largest: Array = np.abs(rows).max(axis=1)
    bad = np.flatnonzero(~((largest > 0) & np.isfinite(largest)))
    if len(bad):
        first = bad[0]
        what = "is a zero vector" if largest[first] == 0 else "holds NaN or infinity"
        raise ValueError(
            f"embeddings row {indices[first]} {what}, so its cosine similarity is undefined; "
            "drop or repair such rows"
        )
    return largest


def _release(source: Any) -> None:
    """Let go of the pages of a read-only memory map, which would otherwise count as ours."""
    base = source
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and getattr(source, "mode", None) == "r":
        with contextlib.suppress(AttributeError):  # not on every system
            base.madvise(mmap.MADV_DONTNEED)
