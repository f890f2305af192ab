"""Rows that lie in several arrays, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_memory
from dctheory.graph._unit_rows import release_pages


class ShardedRows:
    """An (N, d) array in parts, of which row slices are read.

    Args:
        parts: (n_i, d) arrays of one dtype, e.g. memory maps.
        names: of the parts, for messages.

    Attributes:
        shape, ndim, dtype: of the whole.

    Raises:
        ValueError: parts that differ in width or dtype; the message names the first that does.
    """

    def __init__(self, parts: Sequence[Any], names: Sequence[str]) -> None:
        self._parts, self._names = tuple(parts), tuple(names)
        first = self._parts[0]
        for part, name in zip(self._parts, self._names, strict=True):
            if part.shape[1:] != first.shape[1:] or part.dtype != first.dtype:
                raise ValueError(
                    f"{name!r} has rows of shape {part.shape[1:]} and dtype {part.dtype}, "
                    f"{self._names[0]!r} of shape {first.shape[1:]} and dtype {first.dtype}; all "
                    "shards must agree"
                )
        self._stops = np.cumsum([len(part) for part in self._parts])
        self.shape = (int(self._stops[-1]), *first.shape[1:])
        self.ndim, self.dtype = len(self.shape), first.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<ShardedRows {self.shape} {self.dtype} in {len(self._parts)} shards>"

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """A copy of rows start … stop − 1."""
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise TypeError(f"shards give slices of rows with step 1 only, got {rows!r}")
        start, stop, _ = rows.indices(len(self))
        pieces = [np.empty((0, *self.shape[1:]), self.dtype)]
        for part, end in zip(self._parts, self._stops.tolist(), strict=True):
            offset = end - len(part)
            if start < end and offset < stop:
                pieces.append(np.array(part[max(0, start - offset) : stop - offset]))
                release_pages(part)
        return np.concatenate(pieces)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        check_memory(f"all {len(self)} rows", int(np.prod(self.shape)) * self.dtype.itemsize)
        return self[:].astype(dtype or self.dtype, copy=False)

    def row_name(self, row: int) -> str:
        """The row with its file and its place there, for messages."""
        index = int(np.searchsorted(self._stops, row, side="right"))
        place = row - int(self._stops[index]) + len(self._parts[index])
        return f"{row} (row {place} of {self._names[index]!r})"
