"""Which samples are difficult: a score for each, a ranking, and a set to try without.

Eq. 12 selects the pairs whose cosine lies between two percentiles of a row. A sample's score is the
share of its pairs (i, j) and (j, i) that are selected, with labels that of its cross-class pairs.

Which percentiles find difficult samples was measured on planted classes of 3 to 50 and on an
encoder trained on digits, 20 % of them mixed of two classes, as the chance that a mixed image
scores above another one. With posLow = 100 that chance is below one half (0.28 without labels, 0.19
with): nearly all pairs are selected, and easy samples, far from everything, score highest. Without
labels the border between same-class and other pairs, at a share of 1/C, tells most: 0.82 for
percentiles 50/C to 150/C, 0.75 for 100/C to 200/C. Labels take the place of posHigh, and then
percentiles 0 to 100/C, the cross-class pairs that the rows hold for same-class ones, give 0.81.

Classes of shares p_c have Σ p_c² of all pairs, as 1/Σ p_c² classes of equal size have: C is that
number. Of 50 classes of sizes from 0.4 % to 13 % (C = 18.9, 8 % of the samples mixed) that makes
0.67 without labels; C = 50 would make 0.41.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._progress import Progress
from dctheory._validation import check_integer, check_real
from dctheory.diagnose._pair_shares import (
    PairShares,
    Reference,
    count_pairs,
    make_reference,
)
from dctheory.diagnose._sample import sample_unit_rows
from dctheory.diagnose.ranking import DifficultPair, Difficulty
from dctheory.graph._sample_checks import check_labels
from dctheory.graph._unit_rows import UnitRows
from dctheory.graph.classifier_gap import classifier_gaps, smallest

__all__ = ["DifficultPair", "Difficulty", "score_difficulty"]

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

# By default the reference sample has as many rows as make this many pairs with all others, but
# not fewer than some.
_PAIRS = 10**8
_FEWEST_REFERENCES = 1024
_REFERENCES_PER_CLASS = 4


def score_difficulty(
    embeddings: Any,
    labels: Any = None,
    *,
    classes: float | None = None,
    pos_high: float | None = None,
    pos_low: float | None = None,
    gaps: Any = None,
    share: float = 0.08,
    sample: int | None = None,
    num_pairs: int = 24,
    seed: int = 0,
    progress: Progress | None = None,
) -> Difficulty:
    """Score all samples by Eq. 12, rank them, and suggest which to try without.

    A row's candidates are all other samples; Sim_q is the ⌈qM/100⌉-th largest of its M cosines, as
    in :func:`dctheory.contrast.select_pairs`. Where N² pairs are too many, all samples are compared
    with two halves of a random reference sample, the percentiles of each standing for those of all.

    Args:
        embeddings: (N, d) as for :class:`dctheory.graph._unit_rows.UnitRows`.
        labels: (N,) integers or strings; None for scores without them.
        classes: C > 1 where there are no labels, for classes of shares p_c best the
            effective number of classes 1/Σ p_c²; by default as many as
            :func:`dctheory.diagnose.classes.estimate_classes` finds, at least 2.
        pos_high: percentile in [0, 100); by default 0 with labels, else 50/C.
        pos_low: percentile above ``pos_high``, to 100; by default 100/C more than ``pos_high``.
        gaps: (N,) top-2 gaps of a held-out classifier; by default they are computed. Only with
            labels.
        share: in (0, 1), of each class (without labels, of all) that is suggested.
        sample: rows of the reference sample, at least 6; all rows if there are not more. By
            default 10⁸/N, but at least 1024 and 4 C.
        num_pairs: of the pairs that are listed, at most.
        seed: of the reference sample and of the classifier's folds.
        progress: called with rows done, N, and a label.

    Raises:
        TypeError, ValueError: what ``UnitRows`` and the checks of labels refuse; percentiles that
            select no pair; gaps without labels or of another length; a reference sample of one
            class.
    """
    share = float(check_real("share", share, 0, 1, low_open=True))
    if share == 1:
        raise ValueError("share must be below 1, got 1: some samples must stay")
    check_integer("num_pairs", num_pairs, 0)
    rng = np.random.default_rng(check_integer("seed", seed, 0))
    rows = UnitRows(embeddings)
    codes = None if labels is None else check_labels(labels, rows.num_rows)[1]
    gap = _check_gaps(gaps, codes, rows.num_rows)
    if codes is None:
        effective = _num_classes(classes, embeddings, seed)
        count = math.ceil(effective)
    else:
        effective, count = effective_classes(codes), int(codes.max()) + 1
        gap = classifier_gaps(rows, codes, seed) if gap is None else gap
    references = _num_references(sample, rows.num_rows, count)
    percentiles = _percentiles(pos_high, pos_low, effective, codes is not None)
    halves = [
        _reference(embeddings, indices, codes, percentiles)
        for indices in _halves(rng, rows.num_rows, references, codes)
    ]
    shares = count_pairs(rows, halves, codes, progress)
    scores = np.stack([(half.own + half.others) / 2 for half in shares])
    score = scores.mean(axis=0)
    ranking = np.argsort(-score if gap is None else gap, kind="stable")
    suggested, rule = _suggest(score, gap, codes, share)
    return Difficulty(
        score=score,
        error=_standard_error(scores, references / rows.num_rows),
        gap=gap,
        ranking=ranking,
        suggested=suggested,
        pairs=_pick_pairs(shares, ranking if codes is None else None, num_pairs),
        pos_high=percentiles[0],
        pos_low=percentiles[1],
        references=references,
        rule=rule,
        seed=seed,
    )


def effective_classes(codes: Indices) -> float:
    """1/Σ p_c²: classes of equal size that have the same share of pairs within them.

    Args:
        codes: (N,) class of each sample, 0 and above.
    """
    return len(codes) ** 2 / float(np.square(np.bincount(codes), dtype=np.float64).sum())


# --- Checks and defaults


def _check_gaps(gaps: Any, codes: Indices | None, num_rows: int) -> Array | None:
    if gaps is None:
        return None
    if codes is None:
        raise ValueError("gaps are those of a classifier of labels; pass labels too")
    array = np.asarray(gaps, dtype=np.float64)
    if array.shape != (num_rows,) or not np.isfinite(array).all():
        raise ValueError(
            f"gaps must be {num_rows} finite numbers, one for each row of embeddings, got shape "
            f"{array.shape}"
        )
    return array


def _num_references(sample: int | None, num_rows: int, classes: int) -> int:
    if num_rows < 3:
        raise ValueError(f"percentiles of pairs need at least 3 samples, got {num_rows}")
    if sample is None:
        sample = max(_FEWEST_REFERENCES, _REFERENCES_PER_CLASS * classes, _PAIRS // num_rows)
    return min(check_integer("sample", sample, 6), num_rows)


def _num_classes(classes: float | None, embeddings: Any, seed: int) -> float:
    if classes is not None:
        return float(check_real("classes", classes, 1, low_open=True))
    from dctheory.diagnose.classes import estimate_classes

    return max(2, estimate_classes(embeddings, seed=seed).count)


def _percentiles(
    pos_high: float | None, pos_low: float | None, classes: float, labelled: bool
) -> tuple[float, float]:
    width = 100 / classes
    high = (0.0 if labelled else width / 2) if pos_high is None else pos_high
    high = float(check_real("pos_high", high, 0, 100))
    low = float(
        check_real("pos_low", min(100.0, high + width) if pos_low is None else pos_low, 0, 100)
    )
    if high >= low:
        raise ValueError(
            f"pos_high must be below pos_low, got {high:.6g} and {low:.6g}; percentiles count from "
            "the most similar pair down"
        )
    return high, low


# --- What follows from scores and pairs


def _suggest(
    score: Array, gap: Array | None, codes: Indices | None, share: float
) -> tuple[Indices, str]:
    if gap is not None and codes is not None:
        mask, rule = smallest(gap, codes, share)
        return np.flatnonzero(mask), rule
    count = min(max(1, math.floor(share * len(score) + 0.5)), len(score) - 1)
    chosen = np.sort(np.argsort(-score, kind="stable")[:count])
    return chosen, f"the {100 * share:.4g} % of samples with the highest score"


def _halves(
    rng: np.random.Generator, num_rows: int, references: int, codes: Indices | None
) -> list[Indices]:
    """All rows, or two disjoint random samples, whose difference shows the error.

    Systematic sampling of the rows in random order within their classes: each half has of each
    class what is due to it but for one sample.
    """
    if references == num_rows:
        return [np.arange(num_rows)]
    order = rng.permutation(num_rows)
    if codes is not None:
        order = order[np.argsort(codes[order], kind="stable")]
    places = np.floor((np.arange(references) + rng.random()) * (num_rows / references))
    chosen = order[places.astype(np.int64)]
    return [np.sort(chosen[half::2]) for half in (0, 1)]


def _reference(
    embeddings: Any, indices: Indices, codes: Indices | None, percentiles: tuple[float, float]
) -> Reference:
    rows, _ = sample_unit_rows(embeddings, indices)
    return make_reference(rows, indices, None if codes is None else codes[indices], percentiles)


def _standard_error(scores: Array, fraction: float) -> float:
    """Root mean square error of the mean of two halves' scores; 0 for one score of all pairs.

    Halves drawn without replacement differ by twice the standard error of their mean, but for the
    finite population's factor, as large as ``fraction`` of it they are.
    """
    if len(scores) == 1:
        return 0.0
    return float(np.sqrt(np.mean((scores[0] - scores[1]) ** 2) / 4 * (1 - fraction)))


def _pick_pairs(
    shares: Sequence[PairShares], ranking: Indices | None, most: int
) -> tuple[DifficultPair, ...]:
    """Samples with their partners in the order of a ranking, or else of their cosines."""
    cosines = np.stack([half.cosine for half in shares])
    nearer = cosines.argmax(axis=0)[None]
    cosine = np.take_along_axis(cosines, nearer, axis=0)[0]
    partner = np.take_along_axis(np.stack([half.partner for half in shares]), nearer, axis=0)[0]
    order = np.argsort(-cosine, kind="stable") if ranking is None else ranking
    seen: set[int] = set()
    pairs: list[DifficultPair] = []
    for i in order:
        first, second = int(i), int(partner[i])
        if len(pairs) == most:
            break
        if second >= 0 and not {first, second} & seen:
            seen |= {first, second}
            pairs.append(DifficultPair(first, second, float(cosine[i])))
    return tuple(pairs)
