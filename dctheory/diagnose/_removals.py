"""What sums over sets of pairs lose when a sample, a matched group or a class is left out.

A set is given by which pairs (i, j), i ≠ j, it holds: its sum of cosines is Σ x_i·x_j over ordered
pairs. Sample i has the part 2 x_i·Σ_j x_j of it, j over its partners in the set, and that inner
sum depends on the cell of i only: no pair is visited.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory.graph._sample_checks import check_labels, check_partners
from dctheory.graph._unit_rows import UnitRows
from dctheory.graph.pair_moments import sums_by_code
from dctheory.graph.similarity_estimate import SimilarityEstimate

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

# Sets of pairs: same class, all cross-class ones, and the difficult ones of each reading.
SAME, CROSS, BOTH, EITHER, MATCHED = "same", "cross", "both", "either", "matched"

# Rows of a cell that are looked at whatever the size of the sample.
_FEWEST_ROWS = 8


@dataclass(frozen=True, eq=False)
class Removal:
    """A mean over ordered pairs, and what each unit contributes to it.

    Attributes:
        total, count: sum of cosines and number of ordered pairs.
        parts, part_counts: (u,) how much of them goes with each of u units.
    """

    total: float
    count: float
    parts: Array
    part_counts: Array

    def __sub__(self, other: Removal) -> Removal:
        return Removal(
            self.total - other.total,
            self.count - other.count,
            self.parts - other.parts,
            self.part_counts - other.part_counts,
        )

    def excess(self) -> Array:
        """(u,) what each unit's part is above the mean's share of it."""
        mean = self.total / self.count if self.count else math.nan
        return self.parts - mean * self.part_counts


@dataclass(frozen=True, eq=False)
class Units:
    """Units that may be left out, by stratum: another draw would have as many in each.

    Attributes:
        removals: by set of pairs.
        strata: (u,) stratum of each unit that was looked at.
        sizes: (s,) units of each stratum, looked at or not.
        keep_weight: whether the rest of a stratum takes the weight of a unit that is left out.
            Otherwise there is one stratum, and the mean is that of the pairs that are left.
    """

    removals: dict[str, Removal]
    strata: Indices
    sizes: Indices
    keep_weight: bool

    def influences(self, removal: Removal) -> Array:
        """(u,) numbers whose sample variance, times their number, is the jackknife's variance.

        They are the changes that leaving out each unit makes, in units of (m − 1)/m, m being the
        stratum's size. NaN where no pair would be left.
        """
        left = np.full(len(removal.parts), float(removal.count))
        if not self.keep_weight:
            size = float(self.sizes[0])
            left = (left - removal.part_counts) * (size / (size - 1) if size > 1 else 0.0)
        missing = np.full(len(removal.parts), math.nan)
        return np.divide(removal.excess(), left, out=missing, where=left > 0)

    def spread(self, influences: Array) -> tuple[float, float]:
        """Variance of a statistic with these influences, and its degrees of freedom.

        A stratum of m units adds m times their sample variance; the degrees of freedom of the sum
        are Satterthwaite's. NaN where a stratum has a single unit.
        """
        seen = np.bincount(self.strata, minlength=len(self.sizes))
        if np.isnan(influences).any() or np.any(seen[self.sizes > 0] < 2):
            return math.nan, math.nan
        seen = np.maximum(seen, 2)
        means = np.bincount(self.strata, influences, len(seen)) / seen
        squares = np.bincount(self.strata, (influences - means[self.strata]) ** 2, len(seen))
        parts = self.sizes * squares / (seen - 1)
        variance, weight = float(parts.sum()), float((parts**2 / (seen - 1)).sum())
        return variance, variance**2 / weight if weight else math.inf


def class_codes(labels: Any, estimate: SimilarityEstimate) -> Indices:
    """(N,) index of each sample's class; ValueError if the labels are not the estimate's."""
    classes, codes = check_labels(labels, estimate.num_samples)
    sizes = tuple(np.bincount(codes).tolist())
    if classes != estimate.classes or sizes != estimate.class_sizes:
        raise ValueError(
            f"labels hold {len(classes)} classes of sizes {_shown(sizes)}, the estimate "
            f"{len(estimate.classes)} of sizes {_shown(estimate.class_sizes)}; pass the labels "
            "that it was made with"
        )
    return codes


def _rows_of(embeddings: Any, estimate: SimilarityEstimate) -> UnitRows:
    rows = UnitRows(embeddings)
    if rows.num_rows != estimate.num_samples:
        raise ValueError(
            f"embeddings have {rows.num_rows} rows, the estimate {estimate.num_samples} samples; "
            "pass the embeddings that it was made with"
        )
    return rows


def _shown(sizes: tuple[int, ...]) -> str:
    return ", ".join(map(str, sizes[:5])) + (", …" if len(sizes) > 5 else "")


# --- By sample


def sample_units(
    embeddings: Any, codes: Indices, estimate: SimilarityEstimate, sample: int, seed: int
) -> Units:
    """Samples as units, in strata by cell, from one pass over the rows."""
    rows = _rows_of(embeddings, estimate)
    cells = 2 * codes + ~estimate.is_difficult
    sizes = np.bincount(cells, minlength=2 * len(estimate.classes))
    chosen = _choose_rows(cells, sizes, sample, np.random.default_rng(seed))
    sums, kept = np.zeros((len(sizes), rows.num_columns)), rows.allocate(int(chosen.sum()))
    filled = 0
    for _, ((present, added), found) in rows.map(_block_sums, cells, chosen):
        sums[present] += added
        kept[filled : filled + len(found)] = found
        filled += len(found)
    removals = _sample_removals(sums, sizes, kept, cells[chosen])
    place = _merge_single(sizes)
    merged = np.bincount(place, sizes, len(sizes)).astype(np.int64)
    return Units(removals, place[cells[chosen]], merged, keep_weight=True)


def _sample_removals(
    sums: Array, sizes: Indices, kept: Array, cell_of: Indices
) -> dict[str, Removal]:
    """For the rows ``kept`` of cells ``cell_of``; ``sums`` and ``sizes`` are those of the cells."""
    numbers = sizes[:, None].astype(np.float64)
    partners, counts = (
        _partner_sums(each.reshape(-1, 2, each.shape[1])) for each in (sums, numbers)
    )
    removals = {}
    for name in (SAME, CROSS, BOTH, EITHER):
        across, number = partners[name].reshape(sums.shape), counts[name].reshape(-1, 1)
        total, count = float((sums * across).sum()), float((numbers * number).sum())
        if name == SAME:
            # A sample is no partner of its own, and what it lacks in its cell's sum makes up for
            # m/(m − 1) of its influence through that cell (m samples, m − 1 pairs each).
            total, count = total - float(numbers.sum()), count - float(numbers.sum())
            across = across + sums / np.maximum(numbers - 2, 1) * (numbers > 2)
            number = number - 1
        parts = np.einsum("ij,ij->i", kept, across[cell_of])
        removals[name] = Removal(total, count, 2 * parts, 2 * number[cell_of, 0])
    return removals


def _choose_rows(
    cells: Indices, sizes: Indices, sample: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """(N,) bool: about ``sample`` rows, the same share of each cell but a few at least."""
    order = np.lexsort((rng.random(len(cells)), cells))
    position = np.arange(len(cells)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    share = min(1.0, sample / len(cells))
    wanted = np.maximum(_FEWEST_ROWS, np.ceil(share * sizes))
    chosen = np.zeros(len(cells), dtype=bool)
    chosen[order] = position < wanted[cells[order]]
    return chosen


def _block_sums(
    block: Array, codes: Indices, chosen: NDArray[np.bool_]
) -> tuple[tuple[Indices, Array], Array]:
    """Sums of the block's rows by code (−1 for none), and its chosen rows."""
    known = codes >= 0
    return sums_by_code(codes[known], block[known]), block[chosen]


def _partner_sums(amounts: Array) -> dict[str, Array]:
    """(C, 2, m) for each set: the sum of ``amounts`` (C, 2, m) over the partners of a cell.

    Cells are the difficult and the easy samples of each class; a cell is its own partner in SAME.
    """
    own = amounts.sum(axis=1, keepdims=True)
    others = own.sum(axis=0) - own
    hard = amounts[:, :1].sum(axis=0) - amounts[:, :1]
    nothing = np.zeros_like(hard)
    return {
        SAME: np.concatenate([own, own], axis=1),
        CROSS: np.concatenate([others, others], axis=1),
        BOTH: np.concatenate([hard, nothing], axis=1),
        EITHER: np.concatenate([others, hard], axis=1),
    }


def _merge_single(sizes: Indices) -> Indices:
    """(2C,) stratum of each cell: those of one sample, which have no spread, are put together.

    All such difficult (or easy) ones form one stratum; a lone one joins the smallest other cell
    of its kind, or else the rest of its class.
    """
    place = np.arange(len(sizes))
    for kind in (0, 1):
        cells = np.arange(kind, len(sizes), 2)
        single = cells[sizes[cells] == 1]
        rest = cells[sizes[cells] > 1]
        if len(single) > 1:
            place[single] = single[0]
        elif len(single):
            place[single] = rest[sizes[rest].argmin()] if len(rest) else single ^ 1
    return place


# --- By class


def class_units(estimate: SimilarityEstimate) -> Units:
    """Classes as units of one stratum, from the estimate's table of cells."""
    count = len(estimate.classes)
    hard = np.array(estimate.difficult_sizes)
    sizes = np.stack([hard, np.array(estimate.class_sizes) - hard], axis=1)
    flat = sizes.reshape(-1).astype(np.float64)
    pairs = np.outer(flat, flat) - np.diag(flat)
    sums = np.where(pairs > 0, np.nan_to_num(estimate.cell_table), 0.0) * pairs
    shape = (count, 2, count, 2)
    tables = [each.reshape(shape) for each in (sums, pairs)]
    removals = {name: _class_removal(name, *tables) for name in (SAME, CROSS, BOTH, EITHER)}
    return Units(removals, np.zeros(count, dtype=np.int64), np.array([count]), keep_weight=False)


def _class_removal(name: str, sums: Array, pairs: Array) -> Removal:
    def by_class(table: Array) -> tuple[float, Array]:
        whole = table.sum(axis=(1, 3))
        if name == SAME:
            own = whole.diagonal().copy()
            return float(own.sum()), own
        chosen = {CROSS: whole, BOTH: table[:, 0, :, 0], EITHER: whole - table[:, 1, :, 1]}[name]
        chosen = chosen - np.diag(chosen.diagonal())
        return float(chosen.sum()), 2 * chosen.sum(axis=1)

    (total, parts), (count, part_counts) = by_class(sums), by_class(pairs)
    return Removal(total, count, parts, part_counts)


# --- The reading "matched"


def matched_units(
    embeddings: Any, codes: Indices, estimate: SimilarityEstimate, partners: Any, by: str
) -> Units:
    """Matched groups, or classes, as units of one stratum, with the set of matched pairs."""
    rows = _rows_of(embeddings, estimate)
    ids = check_partners(partners, rows.num_rows)
    members = np.flatnonzero(estimate.is_difficult & (ids >= 0))
    # A group is the members of one class among those with one id.
    present, group = np.unique(
        np.stack([ids[members], codes[members]]), axis=1, return_inverse=True
    )
    group_of = np.full(rows.num_rows, -1)
    group_of[members] = group.reshape(-1)
    _, block = np.unique(present[0], return_inverse=True)
    sums = rows.allocate(present.shape[1])
    sums[:] = 0
    none = np.zeros(rows.num_rows, dtype=bool)
    for _, ((found, added), _) in rows.map(_block_sums, group_of, none):
        sums[found] += added
    sizes = np.bincount(group.reshape(-1), minlength=present.shape[1]).astype(np.float64)
    products = np.einsum("ij,ij->i", sums, _others(sums, block))
    counts = sizes * _others(sizes[:, None], block)[:, 0]
    if by == "class":
        units, copies, number = present[1], 2.0, len(estimate.classes)
    else:
        # Whole ids; those without a pair are no units.
        used = counts > 0
        products, counts = products[used], counts[used]
        _, units = np.unique(block[used], return_inverse=True)
        copies, number = 1.0, len(np.unique(units))
    removal = Removal(
        float(products.sum()),
        float(counts.sum()),
        np.bincount(units, copies * products, number).astype(np.float64),
        np.bincount(units, copies * counts, number).astype(np.float64),
    )
    strata = np.zeros(number, dtype=np.int64)
    return Units({MATCHED: removal}, strata, np.array([number]), keep_weight=False)


def _others(amounts: Array, block: Indices) -> Array:
    """Sum over each group's block, less the group itself."""
    whole = sums_by_code(block, amounts)[1]
    return np.asarray(whole[block] - amounts)
