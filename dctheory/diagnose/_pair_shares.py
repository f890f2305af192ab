"""In how many selected pairs each sample is (Eq. 12), against a reference sample of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._progress import Progress
from dctheory.graph._unit_rows import UnitRows

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

# Cosines that are held at a time.
_CHUNK_ENTRIES = 2**22

# What a percentile computed in floating point may be above the number that was meant.
_RANK_SLACK = 1e-9


@dataclass(frozen=True)
class Reference:
    """The rows against which all are compared, and what they select among themselves.

    Attributes:
        indices: (m,) ascending, in the whole set.
        rows: (m, d) unit rows.
        lower, upper: (m,) thresholds: reference row i selects a sample with
            lower_i ≤ cosine < upper_i.
        codes: (m,) classes; None without labels, where all pairs count.
        percentiles: (pos_high, pos_low).
    """

    indices: Indices
    rows: Floats
    lower: Floats
    upper: Floats
    codes: Indices | None
    percentiles: tuple[float, float]


@dataclass(frozen=True)
class PairShares:
    """What was counted for each of N samples.

    Attributes:
        own: share of the pairs (i, j) of a sample i, j in the reference, that row i selects.
        others: share of the pairs (j, i) that row j selects.
        counted: pairs that count of each sample: all, with labels the cross-class ones.
        partner: the most similar reference row among the pairs that count as difficult (without
            labels the selected ones, with labels all cross-class ones), as an index of the whole
            set; −1 where there is none.
        cosine: with that one; −∞ where there is none.
    """

    own: Array
    others: Array
    counted: Indices
    partner: Indices
    cosine: Array


def make_reference(
    rows: Array, indices: Indices, codes: Indices | None, percentiles: tuple[float, float]
) -> Reference:
    """Thresholds of the reference rows, from the cosines among them.

    Args:
        rows: (m, d) unit rows, m ≥ 3.
        indices: (m,) theirs, ascending, in the whole set.
        codes: (m,) classes, or None.
        percentiles: (pos_high, pos_low).

    Raises:
        ValueError: percentiles that select no pair; rows of a single class.
    """
    high, low = (int(_rank(q, len(rows) - 1)) for q in percentiles)
    if high == low:
        raise ValueError(
            f"percentiles {percentiles[0]:.6g} to {percentiles[1]:.6g} select none of the "
            f"{len(rows) - 1} pairs of a row; choose pos_high and pos_low further apart"
        )
    if codes is not None and len(np.unique(codes)) < 2:
        raise ValueError(
            f"the {len(rows)} random rows that all are compared with are of one class; choose a "
            "larger sample"
        )
    unit = rows.astype(np.float32)
    found = []
    block = max(1, _CHUNK_ENTRIES // len(unit))
    for start in range(0, len(unit), block):
        cosine = unit[start : start + block] @ unit.T
        place = np.arange(len(cosine))
        cosine[place, start + place] = -np.inf
        found.append(_thresholds(cosine, len(unit) - 1, percentiles))
    lower, upper = np.concatenate(found, axis=1)
    return Reference(indices, unit, lower, upper, codes, percentiles)


def count_pairs(
    rows: UnitRows,
    references: Sequence[Reference],
    codes: Indices | None,
    progress: Progress | None = None,
) -> tuple[PairShares, ...]:
    """What was counted against each of the references, in one pass over all rows.

    Time grows with N·m·d for m reference rows in all, memory with m·d and one block.
    """
    places = np.full((rows.num_rows, len(references)), -1)
    for column, reference in enumerate(references):
        places[reference.indices, column] = np.arange(len(reference.indices))
    per_row = (places,) if codes is None else (places, codes)
    found: list[list[tuple[Any, ...]]] = [[] for _ in references]
    for start, block in rows.map(partial(_count_block, tuple(references)), *per_row):
        for parts, part in zip(found, block, strict=True):
            parts.append(part)
        if progress is not None:
            progress(start + len(block[0][0]), rows.num_rows, "difficult pairs")
    return tuple(PairShares(*_joined(parts)) for parts in found)


def _count_block(
    references: tuple[Reference, ...], block: Array, places: Indices, codes: Indices | None = None
) -> list[tuple[Any, ...]]:
    short, found = block.astype(np.float32), []
    for column, reference in enumerate(references):
        size = max(1, _CHUNK_ENTRIES // len(reference.rows))
        parts = []
        for start in range(0, len(block), size):
            cut = slice(start, start + size)
            own = None if codes is None else codes[cut]
            parts.append(_count(reference, short[cut], places[cut, column], own))
        found.append(_joined(parts))
    return found


def _joined(parts: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def _count(
    reference: Reference, block: Floats, places: Indices, codes: Indices | None
) -> tuple[Any, ...]:
    """The fields of :class:`PairShares` for (b, d) rows; ``places`` are theirs in the reference."""
    cosine = block @ reference.rows.T
    inside = np.flatnonzero(places >= 0)
    # A row is in no pair with itself.
    cosine[inside, places[inside]] = -np.inf
    candidates = len(reference.rows) - (places >= 0)
    chosen = (cosine >= reference.lower) & (cosine < reference.upper)
    chosen[inside, places[inside]] = False
    if reference.codes is None or codes is None:
        counted, rival = candidates, chosen
        high, low = (_rank(q, candidates) for q in reference.percentiles)
        own = low - high
    else:
        rival = codes[:, None] != reference.codes
        counted = rival.sum(axis=1)
        lower, upper = _thresholds(cosine, len(reference.rows), reference.percentiles)
        lower[inside] = reference.lower[places[inside]]
        upper[inside] = reference.upper[places[inside]]
        own = ((cosine >= lower[:, None]) & (cosine < upper[:, None]) & rival).sum(axis=1)
        chosen &= rival
    others = chosen.sum(axis=1)
    np.copyto(cosine, -np.inf, where=~rival)
    nearest = cosine.argmax(axis=1)
    highest = cosine[np.arange(len(cosine)), nearest].astype(np.float64)
    partner = np.where(np.isneginf(highest), -1, reference.indices[nearest])
    return own / counted, others / counted, counted, partner, highest


def _thresholds(cosine: Floats, count: int, percentiles: tuple[float, float]) -> Floats:
    """(2, b) lower and upper threshold of each row, of which ``count`` entries are candidates.

    As in :func:`dctheory.contrast.selection.select_thresholds`: halfway between the cosine of a
    rank and the next smaller one, so that another rounding selects the same pairs.
    """
    high, low = percentiles
    return np.stack([_threshold(cosine, count, int(_rank(q, count))) for q in (low, high)])


def _threshold(cosine: Floats, count: int, rank: int) -> Floats:
    if rank in (0, count):
        return np.full(len(cosine), np.inf if rank == 0 else -np.inf, np.float32)
    place = cosine.shape[1] - rank
    value = np.partition(cosine, place, axis=1)[:, place]
    below = np.max(cosine, axis=1, where=cosine < value[:, None], initial=-np.inf)
    middle = value / 2 + below / 2
    return np.where((middle > below) | np.isneginf(below), middle, value)


def _rank(percentile: float, count: Any) -> Any:
    """⌈qM/100⌉: how many of M cosines are at least Sim_q, if none are equal."""
    return np.ceil(percentile * np.asarray(count) / 100 - _RANK_SLACK).astype(np.int64)
