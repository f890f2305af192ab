"""A uniform sample of rows that does not depend on their order or on how they were cut into parts.

Each row has a random key, a function of its number and a seed, and the rows with the smallest keys
are kept (bottom-k sampling; Cohen and Kaplan 2007, "Summarizing data using bottom-k sketches").
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Keys = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class RowSample:
    """Rows drawn uniformly without replacement, in random order.

    Attributes:
        rows: (m, d) float32 unit rows.
        index: (m,) numbers of the rows.
        codes: (m,) index of each label among the sorted labels; zeros without labels.
        difficult: (m,) mask; all False where it was not given.
        population: rows that they were drawn from; m where all were kept.
    """

    rows: NDArray[np.float32]
    index: Indices
    codes: Indices
    difficult: NDArray[np.bool_]
    population: int

    def __len__(self) -> int:
        return len(self.rows)

    def first(self, count: int) -> RowSample:
        """The first rows, which are a uniform sample too."""
        return RowSample(
            self.rows[:count],
            self.index[:count],
            self.codes[:count],
            self.difficult[:count],
            self.population,
        )


@dataclass(frozen=True, eq=False)
class Kept:
    """Rows in the order of their keys."""

    keys: Keys
    index: Indices
    rows: NDArray[np.float32]
    labels: NDArray[np.object_]
    difficult: NDArray[np.bool_]

    @classmethod
    def none(cls) -> Kept:
        return cls(
            np.empty(0, np.uint64),
            np.empty(0, np.int64),
            np.empty((0, 0), np.float32),
            np.empty(0, object),
            np.empty(0, bool),
        )

    def merged(self, other: Kept, size: int) -> Kept:
        """Those ``size`` of both with the smallest keys."""
        parts = [part for part in (self, other) if len(part.keys)]
        order = np.argsort(np.concatenate([part.keys for part in parts]))[:size]
        return Kept(
            *(
                np.concatenate([getattr(part, field.name) for part in parts])[order]
                for field in fields(Kept)
            )
        )


def row_keys(index: Indices, seed: int) -> Keys:
    """A random key for each row number: splitmix64 (Steele, Lea and Flood 2014), a bijection."""
    start = np.random.default_rng(seed).integers(2**64, dtype=np.uint64)
    keys: Keys = (index.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + start
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def smallest(keys: Keys, size: int) -> NDArray[np.bool_]:
    """Mask of the ``size`` smallest of distinct keys."""
    if len(keys) <= size:
        return np.ones(len(keys), dtype=bool)
    return keys <= np.partition(keys, size - 1)[size - 1]
