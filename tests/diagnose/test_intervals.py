"""Intervals against brute-force deletion, a naive bootstrap, and populations that are known."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ive

import dctheory
from dctheory.diagnose.intervals import similarity_intervals

NAMES = ("alpha", *(f"{p} {s}" for p in ("both", "either") for s in ("beta", "gamma", "gap")))


def named(intervals):
    found = {"alpha": intervals.alpha}
    for pairing, reading in intervals.readings.items():
        for symbol in ("beta", "gamma", "gap"):
            found[f"{pairing} {symbol}"] = getattr(reading, symbol)
    return found


def cells_of(sizes):
    """Labels and marks of classes with (difficult, easy) samples each."""
    labels = np.repeat(np.arange(len(sizes)), [a + b for a, b in sizes])
    marks = np.concatenate([np.repeat([True, False], pair) for pair in sizes])
    return labels, marks


def masks(labels, marks):
    """(N, N) bool sets of pairs, from the definitions of the readings."""
    same = np.equal.outer(labels, labels) & ~np.eye(len(labels), dtype=bool)
    cross = np.not_equal.outer(labels, labels)
    both = cross & np.logical_and.outer(marks, marks)
    either = cross & np.logical_or.outer(marks, marks)
    return {
        "alpha": same,
        **{"both beta": cross & ~both, "both gamma": both},
        **{"either beta": cross & ~either, "either gamma": either},
    }


def example(sizes, dimension=5, seed=0):
    rng = np.random.default_rng(seed)
    labels, marks = cells_of(sizes)
    centres = rng.normal(size=(len(sizes), 2, dimension)) + 0.5
    rows = centres[labels, marks.astype(int)] + rng.normal(size=(len(labels), dimension))
    return rows * rng.uniform(0.1, 10, size=(len(labels), 1)), labels, marks


def gram(rows):
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit @ unit.T


def with_gaps(values):
    values = dict(values)
    for pairing in ("both", "either"):
        values[f"{pairing} gap"] = values[f"{pairing} gamma"] - values[f"{pairing} beta"]
    return values


# --- Against brute force


def test_by_sample_is_the_stratified_delete_one_jackknife():
    rows, labels, marks = example([(3, 5), (4, 4), (3, 7)])
    cosines, cells = gram(rows), 2 * labels + marks
    sets = masks(labels, marks)

    def means(kept):
        """Every set's mean, pairs of cells keeping the weights that they have in all the data."""
        found = {}
        for name, mask in sets.items():
            total = 0.0
            for first in np.unique(cells):
                for second in np.unique(cells):
                    block = mask & np.equal.outer(cells == first, cells == second)
                    block &= np.logical_and.outer(cells == first, cells == second)
                    left = block & np.logical_and.outer(kept, kept)
                    if block.any():
                        total += block.sum() * cosines[left].mean()
            found[name] = total / mask.sum()
        return with_gaps(found)

    variances = dict.fromkeys(NAMES, 0.0)
    for cell in np.unique(cells):
        members = np.flatnonzero(cells == cell)
        without = [means(np.arange(len(labels)) != i) for i in members]
        for name in NAMES:
            values = np.array([each[name] for each in without])
            variances[name] += (len(members) - 1) * values.var()
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    found = named(similarity_intervals(rows, labels, estimate))
    for name in NAMES:
        assert found[name].error ** 2 == pytest.approx(variances[name], rel=1e-9), name


@pytest.mark.parametrize("matched", [False, True])
def test_by_class_leaves_out_each_class(matched):
    rows, labels, marks = example([(2, 5), (4, 4), (3, 7), (1, 3), (2, 2)])
    rng = np.random.default_rng(1)
    partners = np.where(marks, rng.integers(0, 2, len(labels)), -1) if matched else None
    estimate = dctheory.estimate_similarities(rows, labels, marks, partners)
    found = named(similarity_intervals(rows, labels, estimate, by="class", partners=partners))
    without = []
    for label in range(5):
        kept = labels != label
        ids = partners[kept] if matched else None
        each = dctheory.estimate_similarities(rows[kept], labels[kept], marks[kept], ids)
        values = {"alpha": each.alpha}
        for pairing in each.readings:
            values[f"{pairing} beta"] = each.beta(pairing)
            values[f"{pairing} gamma"] = each.gamma(pairing)
            values[f"{pairing} gap"] = each.gamma(pairing) - each.beta(pairing)
        without.append(values)
    assert len(found) == (10 if matched else 7)
    for name, interval in found.items():
        variance = 4 * np.var([each[name] for each in without])
        assert interval.error**2 == pytest.approx(variance, rel=1e-9), name
        assert interval.freedom == pytest.approx(4)


def test_matched_pairs_by_sample_leave_out_whole_groups():
    # The fourth group of the last class has no partners and is none.
    rows, labels, marks = example([(5, 5), (4, 4), (8, 2)])
    partners = np.full(len(labels), -1)
    for label in range(3):
        members = np.flatnonzero(marks & (labels == label))
        partners[members] = np.arange(len(members)) // 2
    partners[~marks] = 0  # ids of easy samples count for nothing
    estimate = dctheory.estimate_similarities(rows, labels, marks, partners)
    found = named(similarity_intervals(rows, labels, estimate, partners=partners))
    cosines = gram(rows)
    matched = masks(labels, marks)["both gamma"] & np.equal.outer(partners, partners)
    assert partners.max() == 3
    without = []
    for group in range(3):
        kept = partners != group
        without.append(cosines[matched & np.logical_and.outer(kept, kept)].mean())
    variance = 2 * np.var(without)
    assert found["matched gamma"].estimate == pytest.approx(cosines[matched].mean())
    assert found["matched gamma"].error ** 2 == pytest.approx(variance, rel=1e-9)
    assert found["matched gap"].error > found["matched gamma"].error


def test_a_naive_bootstrap_has_the_same_spread():
    rows, labels, marks = example([(12, 30)] * 3, dimension=4)
    cosines, sets = gram(rows), masks(labels, marks)
    rng = np.random.default_rng(2)
    cells = 2 * labels + marks
    draws = {name: [] for name in NAMES}
    for _ in range(600):
        weight = np.zeros(len(labels))
        for cell in np.unique(cells):
            members = np.flatnonzero(cells == cell)
            np.add.at(weight, rng.choice(members, len(members)), 1)
        pairs = np.outer(weight, weight)
        means = {
            name: (pairs * cosines)[mask].sum() / pairs[mask].sum() for name, mask in sets.items()
        }
        for name, value in with_gaps(means).items():
            draws[name].append(value)
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    found = named(similarity_intervals(rows, labels, estimate))
    for name in NAMES:
        # 600 draws: a standard error of 3 %; the methods differ by some 1/n = 8 % in the smallest.
        assert found[name].error == pytest.approx(np.std(draws[name]), rel=0.13), name


# --- Against known populations: von Mises-Fisher, whose mean is a ratio of Bessel functions


def von_mises_fisher(rng, mean, concentration, count):
    """Unit rows (Wood 1994)."""
    d = len(mean)
    b = (-2 * concentration + math.hypot(2 * concentration, d - 1)) / (d - 1)
    x = (1 - b) / (1 + b)
    limit = concentration * x + (d - 1) * math.log(1 - x * x)
    along = np.empty(count)
    todo = np.arange(count)
    while len(todo):
        z = rng.beta((d - 1) / 2, (d - 1) / 2, len(todo))
        tried = (1 - (1 + b) * z) / (1 - (1 - b) * z)
        height = concentration * tried + (d - 1) * np.log(1 - x * tried) - limit
        taken = height >= np.log(rng.random(len(todo)))
        along[todo[taken]] = tried[taken]
        todo = todo[~taken]
    across = rng.normal(size=(count, d))
    across -= np.outer(across @ mean, mean)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    return along[:, None] * mean + np.sqrt(1 - along**2)[:, None] * across


def population(classes, dimension, concentration):
    """Mean directions of the cells and the matrix of their population similarities."""
    levels = np.full((2 * classes, 2 * classes), 0.3)
    levels[::2, ::2] = 0.4
    for c in range(classes):
        levels[2 * c : 2 * c + 2, 2 * c : 2 * c + 2] = 0.9
    np.fill_diagonal(levels, 1)
    values, vectors = np.linalg.eigh(levels)
    directions = np.pad(vectors * np.sqrt(values), ((0, 0), (0, dimension - 2 * classes)))
    length = ive(dimension / 2, concentration) / ive(dimension / 2 - 1, concentration)
    return directions, length**2 * levels


def coverage(classes, hard, easy, dimension, concentration, sets, seed=0, **options):
    rng = np.random.default_rng(seed)
    directions, levels = population(classes, dimension, concentration)
    labels, marks = cells_of([(hard, easy)] * classes)
    cells = 2 * labels + ~marks
    truth = with_gaps(
        {
            name: levels[np.ix_(cells, cells)][mask].mean()
            for name, mask in masks(labels, marks).items()
        }
    )
    counts = np.tile([hard, easy], classes)
    hits = dict.fromkeys(NAMES, 0)
    for _ in range(sets):
        rows = np.concatenate(
            [
                von_mises_fisher(rng, mean, concentration, m)
                for mean, m in zip(directions, counts, strict=True)
            ]
        )
        estimate = dctheory.estimate_similarities(rows, labels, marks, spread_pairs=2)
        found = named(similarity_intervals(rows, labels, estimate, **options))
        for name in NAMES:
            hits[name] += found[name].low <= truth[name] <= found[name].high
    return {name: count / sets for name, count in hits.items()}


@pytest.mark.parametrize("cells", [(8, 22), (2, 6)])
def test_known_similarities_are_covered(cells):
    found = coverage(3, *cells, dimension=8, concentration=10.0, sets=150)
    # Four standard errors of a share of 150 around 95 %, upwards more: intervals may be wide.
    assert all(share >= 0.88 for share in found.values()), found
    assert min(found.values()) < 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("classes", "hard", "easy", "concentration", "options"),
    [(4, 8, 22, 20.0, {}), (3, 2, 6, 10.0, {}), (10, 16, 184, 30.0, {"sample": 500})],
)
def test_the_stated_rate(classes, hard, easy, concentration, options):
    sets = 1000 if classes < 10 else 400
    found = coverage(classes, hard, easy, 24, concentration, sets, **options)
    error = math.sqrt(0.95 * 0.05 / sets)
    for name, share in found.items():
        assert 0.95 - 4 * error <= share <= 0.99 + 2 * error, (name, share)


def test_other_classes_are_covered_by_class():
    """Directions of classes drawn anew: α, β of that population, exact in the mean."""
    rng = np.random.default_rng(3)
    labels, marks = cells_of([(2, 4)] * 8)
    mean = np.zeros(6)
    mean[0] = 1.0
    outer = ive(3, 4.0) / ive(2, 4.0)
    inner = ive(3, 20.0) / ive(2, 20.0)
    hits = {"class": 0, "sample": 0}
    for _ in range(150):
        centres = von_mises_fisher(rng, mean, 4.0, 8)
        rows = np.concatenate([von_mises_fisher(rng, c, 20.0, 6) for c in centres])
        estimate = dctheory.estimate_similarities(rows, labels, marks, spread_pairs=2)
        for by in hits:
            interval = similarity_intervals(rows, labels, estimate, by=by).readings["either"].gamma
            hits[by] += interval.low <= (outer * inner) ** 2 <= interval.high
    assert hits["class"] / 150 >= 0.88
    assert hits["sample"] / 150 < 0.75, "intervals by sample are for the same classes"


# --- Behaviour


def test_rows_sampled_from_larger_data_give_nearly_the_same_errors():
    rows, labels, marks = example([(60, 540)] * 4, dimension=6)
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    whole = similarity_intervals(rows, labels, estimate)
    part = similarity_intervals(rows, labels, estimate, sample=600)
    assert whole.rows == 2400
    assert 600 <= part.rows < 620
    assert "600 random rows of 2400" in " ".join(part.notes)
    for name, interval in named(part).items():
        assert interval.estimate == named(whole)[name].estimate
        # 60 difficult rows: their variance has a relative error of 18 %, its root 9 %.
        assert interval.error == pytest.approx(named(whole)[name].error, rel=0.3), name


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["sample", "class"]))
def test_order_scale_and_rotation_do_not_matter(seed, by):
    rows, labels, marks = example([(2, 3), (3, 4), (2, 5)], seed=seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    turned = rows @ np.linalg.qr(rng.normal(size=(5, 5)))[0]
    turned *= rng.uniform(0.01, 100, size=(len(labels), 1))
    plain = dctheory.estimate_similarities(rows, labels, marks)
    moved = dctheory.estimate_similarities(turned[order], labels[order], marks[order])
    first = named(similarity_intervals(rows, labels, plain, by=by))
    second = named(similarity_intervals(turned[order], labels[order], moved, by=by))
    for name, interval in first.items():
        assert second[name].low == pytest.approx(interval.low, abs=1e-9)
        assert interval.low <= interval.estimate <= interval.high


def test_wider_level_wider_interval():
    rows, labels, marks = example([(3, 5)] * 3)
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    narrow = similarity_intervals(rows, labels, estimate, level=0.5)
    wide = similarity_intervals(rows, labels, estimate, level=0.99)
    assert wide.alpha.low < narrow.alpha.low < narrow.alpha.estimate


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_dask_array_gives_the_same():
    dask_array = pytest.importorskip("dask.array")
    rows, labels, marks = example([(3, 5)] * 3)
    partners = np.where(marks, np.arange(len(labels)) % 8, -1)
    lazy = dask_array.from_array(rows, chunks=(7, 5))
    estimate = dctheory.estimate_similarities(rows, labels, marks, partners)
    plain = named(similarity_intervals(rows, labels, estimate, partners=partners))
    found = named(similarity_intervals(lazy, labels, estimate, partners=partners))
    for name, interval in plain.items():
        assert found[name].low == pytest.approx(interval.low, abs=1e-12), name


def test_single_difficult_samples_are_put_together():
    rows, labels, marks = example([(1, 6)] * 4)
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    found = similarity_intervals(rows, labels, estimate)
    assert found.readings["both"].gamma.error > 0


def test_one_difficult_sample_leaves_no_gamma():
    rows, labels, marks = example([(1, 6), (0, 7)])
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    found = similarity_intervals(rows, labels, estimate)
    gamma = found.readings["both"].gamma
    assert math.isnan(gamma.low)
    assert gamma.contains_zero is None
    assert any("no interval for γ (both)" in note for note in found.notes)
    assert found.alpha.error > 0


def test_no_interval_goes_beyond_what_a_cosine_can_be():
    # Two difficult samples in all, as far apart as can be from what else there is.
    rows = np.array([[1.0], [-1], [1], [1], [-1], [-1], [1], [-1]])
    labels, marks = cells_of([(2, 2), (2, 2)])
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    both = similarity_intervals(rows, labels, estimate).readings["both"]
    assert both.gamma.error > 1 / 12.7
    assert (both.gamma.low, both.gamma.high) == (-1, 1)
    assert (both.gap.low, both.gap.high) == (-2, 2)


def test_equal_samples_have_no_width():
    rows = np.repeat(np.eye(3), 4, axis=0)
    labels, marks = cells_of([(1, 3)] * 3)
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    found = similarity_intervals(rows, labels, estimate)
    assert (found.alpha.low, found.alpha.high) == (1, 1)


def test_rendering():
    rows, labels, marks = example([(1, 6), (0, 7)])
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    found = similarity_intervals(rows, labels, estimate)
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["alpha"]["low"] < record["alpha"]["estimate"] < record["alpha"]["high"]
    assert record["readings"]["both"]["gamma"]["low"] is None
    assert "γ − β" in str(found)
    assert "<table>" in found._repr_html_()


def test_bad_arguments():
    rows, labels, marks = example([(2, 4), (2, 4)])
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    for options, message in [
        ({"by": "row"}, "unknown by 'row'"),
        ({"by": "class"}, "at least 3 classes, got 2"),
        ({"level": 1}, "level must be below 1"),
        ({"level": 0}, "level must lie in"),
        ({"sample": 3}, "sample must be at least 100"),
    ]:
        with pytest.raises(ValueError, match=message):
            similarity_intervals(rows, labels, estimate, **options)
    with pytest.raises(ValueError, match="pass the labels that it was made with"):
        similarity_intervals(rows, 1 - (np.arange(12) > 4), estimate)
    with pytest.raises(ValueError, match="embeddings have 11 rows"):
        similarity_intervals(rows[:-1], labels, estimate)
