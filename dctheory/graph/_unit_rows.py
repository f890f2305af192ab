"""Embeddings read in blocks, each row scaled to length 1."""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_memory

Array = NDArray[np.float64]

# A block of float64 rows fits into a processor's cache.
_BLOCK_BYTES = 4 * 2**20

# Of a block of float64 rows that a task of Dask works on, and how many tasks run at once: their
# results are held together.
_CHUNK_BYTES = 256 * 2**20
_MOST_TASKS = 32

# Squared norms outside this range may have lost digits to overflow or underflow.
_SAFE_SQUARES = (1e-250, 1e250)

# Directions closer than this in every coordinate are one direction, scaled and rounded.
_SAME_DIRECTION = 1e-12


class UnitRows:
    """A checked (N, d) source of unit rows that is never held in memory as a whole.

    Args:
        embeddings: anything with a shape whose row slices ``numpy.asarray`` understands (numpy
            and JAX arrays, memory maps), or nested lists. A Dask array is worked on by its
            scheduler; it is computed anew in each pass unless it has been persisted.
    """

    def __init__(self, embeddings: Any) -> None:
        self._source: Any = embeddings if hasattr(embeddings, "shape") else _as_array(embeddings)
        shape = tuple(self._source.shape)
        if len(shape) != 2:
            raise ValueError(
                f"embeddings must be two-dimensional, one row for each sample, got shape {shape}; "
                "reshape them to (samples, features)"
            )
        if 0 in shape:
            raise ValueError(f"embeddings are empty, got shape {shape}; pass at least two rows")
        if not all(float(each).is_integer() for each in shape):
            raise ValueError(
                "embeddings are a Dask array with chunks of unknown size; call its "
                "compute_chunk_sizes() first"
            )
        self.num_rows, self.num_columns = int(shape[0]), int(shape[1])
        lazy = is_dask(self._source)
        dtype = self._source.dtype if lazy else np.asarray(self._source[:1]).dtype
        self._row_name = getattr(self._source, "row_name", partial(_row_name, self._source))
        # The second are the short floats of JAX, which numpy does not count as floating.
        if dtype.kind not in "fiu" and not dtype.name.startswith(("bfloat", "float")):
            raise TypeError(
                f"embeddings must hold real numbers, got dtype {dtype}; convert them, e.g. with "
                ".astype('float32') or, if sparse, .toarray()"
            )

    def map(self, function: Callable[..., Any], *per_row: NDArray[Any]) -> Iterator[Any]:
        """Pairs of the first row's index and ``function(unit rows, *slices)``, block by block.

        The blocks of a Dask array are its chunks (parts of them where they are large): ``function``
        runs where the chunk is, on the scheduler in force, and only its result comes here. On a
        cluster it must be something that pickle can send, such as a function of a module.

        Args:
            function: of a fresh (m, d) float64 block and the same rows of ``per_row``; called in
                no order on a cluster, while results come in that of the rows.
            per_row: arrays with one entry for each row.

        Raises:
            ValueError: a zero vector, NaN or infinity; the message names the first such row.
        """
        if is_dask(self._source):
            yield from self._map_chunks(function, per_row)
            return
        size = max(1, _BLOCK_BYTES // (8 * self.num_columns))
        for start in range(0, self.num_rows, size):
            stop = min(start + size, self.num_rows)
            rows = self._source[start:stop]
            yield start, _apply(function, rows, start, self._row_name, _cut(per_row, start, stop))
            del rows
            release_pages(self._source)

    def _map_chunks(
        self, function: Callable[..., Any], per_row: tuple[NDArray[Any], ...]
    ) -> Iterator[Any]:
        import dask

        limit = max(1, _CHUNK_BYTES // (8 * self.num_columns))
        source = self._source.rechunk((_parts(self._source.chunks[0], limit), (self.num_columns,)))
        stops = np.cumsum(source.chunks[0]).tolist()
        starts = [0, *stops[:-1]]
        sent = dask.delayed(function, traverse=False)
        tasks = [
            dask.delayed(_attempt)(sent, chunk, start, str, _cut(per_row, start, stop))
            for chunk, start, stop in zip(source.to_delayed()[:, 0], starts, stops, strict=True)
        ]
        # A few at first, for those who need no more; then enough to keep a cluster busy.
        first, window = 0, 1
        while first < len(tasks):
            for start, found in zip(
                starts[first:], dask.compute(*tasks[first : first + window]), strict=False
            ):
                if isinstance(found, ValueError):
                    raise found
                yield start, found
            first, window = first + window, min(2 * window, _MOST_TASKS)

    def blocks(self) -> Iterator[tuple[int, Array]]:
        """Pairs of the first row's index and a fresh block of unit rows."""
        return self.map(_itself)

    def take(self, indices: NDArray[np.int64], dtype: Any = np.float64) -> NDArray[Any]:
        """The unit rows at ascending ``indices``, in one pass over the blocks."""
        wanted = np.zeros(self.num_rows, dtype=bool)
        wanted[indices] = True
        rows = self.allocate(len(indices), dtype)
        filled = 0
        for _, chosen in self.map(_chosen, wanted):
            rows[filled : filled + len(chosen)] = chosen
            filled += len(chosen)
        return rows

    def allocate(self, count: int, dtype: Any = np.float64) -> NDArray[Any]:
        """An uninitialised (count, d) array; refused with its size if it would not fit."""
        size = np.dtype(dtype).itemsize
        check_memory(
            f"{count} rows of {self.num_columns} features", size * count * self.num_columns
        )
        return np.empty((count, self.num_columns), dtype)

    def check_directions_differ(self) -> None:
        """ValueError if all rows have one direction: every cosine would be 1."""
        first = None
        for _, (row, alike) in self.map(_common_direction):
            first = row if first is None else first
            if not alike or np.any(np.abs(row - first) > _SAME_DIRECTION):
                return
        raise ValueError(
            f"embeddings are constant: all {self.num_rows} rows have the same direction, so every "
            "cosine similarity is 1; check the encoder that made them"
        )


def is_dask(source: Any) -> bool:
    """Whether ``source`` is a Dask array."""
    return hasattr(source, "__dask_graph__") and hasattr(source, "rechunk")


def release_pages(source: Any) -> None:
    """Let go of the pages of a read-only memory map, which would otherwise count as ours."""
    base = source
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and getattr(source, "mode", None) == "r":
        with contextlib.suppress(AttributeError):  # not on every system
            base.madvise(mmap.MADV_DONTNEED)


def num_threads() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


# --- Functions of a block


def _itself(block: Array) -> Array:
    return block


def _chosen(block: Array, wanted: NDArray[np.bool_]) -> Array:
    return block[wanted]


def _common_direction(block: Array) -> tuple[Array, bool]:
    """The first row, and whether all others have its direction."""
    return block[0], not np.any(np.abs(block - block[0]) > _SAME_DIRECTION)


def _apply(
    function: Callable[..., Any],
    rows: Any,
    start: int,
    name: Callable[[int], str],
    slices: list[NDArray[Any]],
) -> Any:
    block = np.asarray(rows).astype(np.float64)
    return function(_normalize(block, start, name), *slices)


def _attempt(*arguments: Any) -> Any:
    """The result, or the error: of several chunks with one, the first is to be told."""
    try:
        return _apply(*arguments)
    except ValueError as error:
        return error


def _cut(per_row: tuple[NDArray[Any], ...], start: int, stop: int) -> list[NDArray[Any]]:
    return [each[start:stop] for each in per_row]


def _parts(sizes: tuple[int, ...], limit: int) -> tuple[int, ...]:
    """Chunks cut into parts of at most ``limit`` rows."""
    return tuple(min(limit, size - at) for size in sizes for at in range(0, size, limit))


def _row_name(source: Any, row: int) -> str:
    """The row, and its file where ``source`` is the whole of a memory map."""
    whole = isinstance(getattr(source, "base", None), mmap.mmap)
    return f"{row} of {str(source.filename)!r}" if whole else str(row)


def _as_array(embeddings: Any) -> NDArray[Any]:
    try:
        return np.asarray(embeddings)
    except ValueError as error:
        raise ValueError(
            "embeddings must be two-dimensional, one row for each sample, got rows of different "
            "lengths"
        ) from error


def _normalize(block: Array, start: int, name: Callable[[int], str]) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", block, block)
    unsafe = np.flatnonzero(~((squares > _SAFE_SQUARES[0]) & (squares < _SAFE_SQUARES[1])))
    if len(unsafe):
        block[unsafe] /= _largest_entries(block[unsafe], unsafe + start, name)[:, None]
        squares[unsafe] = np.einsum("ij,ij->i", block[unsafe], block[unsafe])
    block /= np.sqrt(squares)[:, None]
    return block


def _largest_entries(rows: Array, indices: NDArray[np.int64], name: Callable[[int], str]) -> Array:
    largest: Array = np.abs(rows).max(axis=1)
    bad = np.flatnonzero(~((largest > 0) & np.isfinite(largest)))
    if len(bad):
        first = bad[0]
        what = "is a zero vector" if largest[first] == 0 else "holds NaN or infinity"
        raise ValueError(
            f"embeddings row {name(int(indices[first]))} {what}, so its cosine similarity is "
            "undefined; drop or repair such rows"
        )
    return largest
