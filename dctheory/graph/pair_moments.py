"""Moments of cosine similarities over kinds of pairs, without visiting the pairs.

The sum of x·y over all pairs of two groups is the product of the groups' sums, so means are exact
and cost O(N d). Second moments have no such form below O(N d²); they are sampled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_memory
from dctheory.graph._unit_rows import UnitRows

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
PairIndices = tuple[Indices, Indices]

# Kinds of pairs by their ends; the cells of a class are its difficult (0) and easy (1) samples.
KINDS = {"difficult": (0, 0), "mixed": (1, 0), "easy": (1, 1)}


@dataclass(frozen=True)
class PairMoments:
    """Number of ordered pairs, mean and mean square over them, and pairs sampled for the latter.

    Sums are of disjoint sets of pairs; in differences the second is a proper subset of the first.
    """

    pairs: int
    mean: float
    square: float
    sampled: int

    def __add__(self, other: PairMoments) -> PairMoments:
        return self._combine(other, 1)

    def __sub__(self, other: PairMoments) -> PairMoments:
        return self._combine(other, -1)

    def _combine(self, other: PairMoments, sign: int) -> PairMoments:
        if not other.pairs:
            return self
        if not self.pairs:
            return other
        pairs = self.pairs + sign * other.pairs
        mine, others = self.pairs / pairs, sign * other.pairs / pairs
        mean = mine * self.mean + others * other.mean
        square = mine * self.square + others * other.square
        return PairMoments(pairs, mean, square, self.sampled + other.sampled)

    @property
    def spread(self) -> float:
        """Standard deviation over the pairs; NaN if there is none, or none was sampled."""
        variance = self.square - self.mean**2
        return math.nan if math.isnan(variance) else math.sqrt(max(0.0, variance))


NO_PAIRS = PairMoments(0, math.nan, math.nan, 0)


@dataclass(frozen=True)
class Groups:
    """Samples sorted by a code; a range of codes may form a block.

    Attributes:
        order: sample indices, sorted by code.
        sizes: (codes,) samples of each code.
        starts: (codes,) where they start in ``order``.
        block_starts, block_sizes: (codes,) the same for the block of each code.
    """

    order: Indices
    sizes: Indices
    starts: Indices
    block_starts: Indices
    block_sizes: Indices

    @classmethod
    def from_codes(cls, samples: Indices, codes: Indices, blocks: Indices) -> Groups:
        """``codes`` of the ``samples``; ``blocks``, ascending, is the block of each code."""
        sizes = np.bincount(codes, minlength=len(blocks))
        starts = np.cumsum(sizes) - sizes
        totals = np.bincount(blocks, weights=sizes).astype(np.int64)
        block_starts = np.cumsum(totals) - totals
        order = samples[np.argsort(codes, kind="stable")]
        return cls(order, sizes, starts, block_starts[blocks], totals[blocks])

    def pair_count(self, other: Groups) -> int:
        """Ordered pairs of a sample here and one there in the same block with another code."""
        rest = other.block_sizes - other.sizes
        return sum(int(a) * int(b) for a, b in zip(self.sizes, rest, strict=True) if a)


def pairs_across(
    rng: np.random.Generator, first: Groups, second: Groups, count: int
) -> PairIndices:
    """Uniform ordered pairs, with replacement, of the same block and different codes."""
    rest = second.block_sizes - second.sizes
    code = _choose(rng, first.sizes, rest, count)
    i = first.order[first.starts[code] + rng.integers(0, first.sizes[code])]
    # Counted from the end of the code's own samples, around the block.
    after = second.starts[code] - second.block_starts[code] + second.sizes[code]
    offset = (after + rng.integers(0, rest[code])) % second.block_sizes[code]
    return i, second.order[second.block_starts[code] + offset]


def pairs_within(
    rng: np.random.Generator, first: Groups, second: Groups, count: int
) -> PairIndices:
    """Uniform ordered pairs, with replacement, of distinct samples with the same code."""
    distinct = 1 if first is second else 0
    rest = second.sizes - distinct
    code = _choose(rng, first.sizes, rest, count)
    offset = rng.integers(0, first.sizes[code])
    shift = rng.integers(0, rest[code])
    other = (offset + 1 + shift) % second.sizes[code] if distinct else shift
    return first.order[first.starts[code] + offset], second.order[second.starts[code] + other]


def _choose(rng: np.random.Generator, sizes: Indices, rest: Indices, count: int) -> Indices:
    """Codes drawn by their number of pairs."""
    weights = sizes.astype(np.float64) * rest
    return rng.choice(len(weights), size=count, p=weights / weights.sum())


class PairSums:
    """What one pass over the embeddings leaves: sums by cell and by matched group, sampled rows.

    Args:
        rows: the embeddings.
        cells: (N,) cell 2·class + (0 difficult, 1 easy) of each sample.
        num_classes: C.
        matched: difficult samples with partners: codes are pairs of partner id and class.
        sampled: pairs of samples whose similarities are wanted, by kind.
    """

    def __init__(
        self,
        rows: UnitRows,
        cells: Indices,
        num_classes: int,
        matched: Groups | None,
        sampled: dict[str, PairIndices],
    ) -> None:
        num_groups = 0 if matched is None else len(matched.sizes)
        check_memory(
            f"sums over {2 * num_classes} cells and {num_groups} matched groups",
            8 * (2 * num_classes + num_groups) * rows.num_columns,
        )
        self.cells = np.zeros((2 * num_classes, rows.num_columns))
        self.groups = np.zeros((num_groups, rows.num_columns))
        group_of = np.full(rows.num_rows, -1)
        if matched is not None:
            group_of[matched.order] = np.repeat(np.arange(num_groups), matched.sizes)
        wanted = np.unique(np.concatenate([*(np.concatenate(pair) for pair in sampled.values())]))
        is_wanted = np.zeros(rows.num_rows, dtype=bool)
        is_wanted[wanted] = True
        kept, filled = rows.allocate(len(wanted)), 0
        for _, part in rows.map(_block_sums, cells, group_of, is_wanted):
            for sums, (codes, added) in zip((self.cells, self.groups), part[:2], strict=True):
                sums[codes] += added
            kept[filled : filled + len(part[2])] = part[2]
            filled += len(part[2])
        self.similarities = {
            kind: np.einsum("ij,ij->i", *(kept[np.searchsorted(wanted, end)] for end in pair))
            for kind, pair in sampled.items()
        }


def sums_by_code(codes: Indices, rows: Array) -> tuple[Indices, Array]:
    """The distinct codes, and the sum of the rows with each, as one sparse product."""
    from scipy import sparse

    present, index = np.unique(codes, return_inverse=True)
    entries = (np.ones(len(codes)), (index, np.arange(len(codes))))
    return present, sparse.csr_matrix(entries, shape=(len(present), len(codes))) @ rows


def _block_sums(
    block: Array, cells: Indices, groups: Indices, wanted: NDArray[np.bool_]
) -> tuple[tuple[Indices, Array], tuple[Indices, Array], Array]:
    """Sums of the block's rows by cell and by matched group, and its wanted rows."""
    partnered = groups >= 0
    return (
        sums_by_code(cells, block),
        sums_by_code(groups[partnered], block[partnered]),
        block[wanted],
    )
