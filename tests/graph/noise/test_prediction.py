"""The prediction as a whole: eigenvalues by index, invariance, edge cases, caveats, bad input."""

import time
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory import CellGraph, SimilarityGraph
from dctheory.graph.noise import predict_noise, similarity_noise_model
from dctheory.graph.noise.model import Cell, Family, NoiseModel, Sector, SectorMode

BASE = {"classes": 4, "per_class": 60, "difficult": 20, "alpha": 0.6, "beta": 0.1, "gamma": 0.4}
PAIRINGS = ("both", "matched", "either")
EDGE_CASES = [
    {},
    {"difficult": 0},
    {"difficult": 1},
    {"difficult": 60},
    {"classes": 2},
    {"per_class": 1, "difficult": 1, "classes": 120},
    {"per_class": 1, "difficult": 0, "classes": 120},
    {"per_class": 2, "difficult": 1, "classes": 80},
    {"gamma": 0.1},
    {"beta": 0.0},
    {"beta": 0.0, "gamma": 0.0},
    {"gamma": 0.6},
    {"beta": 0.6, "gamma": 0.6},
    {"alpha": 1.0},
    {"alpha": Fraction(3, 5), "beta": Fraction(1, 10), "gamma": Fraction(2, 5)},
]


def graph_of(pairing="both", **changes):
    return SimilarityGraph(**{**BASE, **changes}, pairing=pairing)


@pytest.mark.parametrize("changes", EDGE_CASES, ids=str)
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_every_eigenvalue_against_samples(pairing, changes):
    """The mean over 3 seeds of all N eigenvalues, in order, outliers included.

    Bulk eigenvalues fluctuate by less than their spacing, which at the edges is about N^(−2/3) of
    the width; positions of outliers have standard deviation width/2, here of the order of ε.
    """
    graph = graph_of(pairing, **changes)
    epsilon = 0.1
    prediction = graph.noise_prediction(epsilon)
    raw, normalized = [], []
    for seed in range(3):
        noisy = graph.noisy(epsilon, np.random.default_rng(seed))
        raw.append(np.linalg.eigvalsh(noisy)[::-1])
        scale = 1 / np.sqrt(noisy.sum(axis=1))
        normalized.append(np.linalg.eigvalsh(scale[:, None] * noisy * scale)[::-1])
    for spectrum, found in ((prediction.raw, raw), (prediction.normalized, normalized)):
        assert spectrum.num_nodes == graph.num_nodes
        expected = np.array([spectrum.eigenvalue(j) for j in range(1, graph.num_nodes + 1)])
        width = max(high - low for low, high in spectrum.edges)
        error = np.mean(found, axis=0) - expected
        assert np.sqrt(np.mean(error**2)) < 0.02 * width
        spread = max(mode.width for mode in spectrum.detached)
        assert np.abs(error).max() < 0.08 * width + 2 * spread


@pytest.mark.parametrize("changes", EDGE_CASES, ids=str)
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_without_noise_it_is_the_clean_spectrum(pairing, changes):
    graph = graph_of(pairing, **changes)
    prediction, clean = graph.noise_prediction(0), graph.spectrum()
    values = np.linalg.eigvalsh(graph.adjacency())[::-1]
    for j in range(1, graph.num_nodes + 1):
        assert prediction.normalized.eigenvalue(j) == pytest.approx(clean.eigenvalue(j), abs=1e-12)
        assert prediction.raw.eigenvalue(j) == pytest.approx(values[j - 1], abs=1e-9)
    assert prediction.caveats == ()
    assert prediction.reliable


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(PAIRINGS),
    st.integers(2, 40),
    st.integers(1, 10**6),
    st.floats(0, 1),
    st.lists(st.integers(0, 1000), min_size=3, max_size=3),
    st.floats(-4, 0),
)
def test_any_graph(pairing, classes, per_class, share, similarities, exponent):
    """No failure; indices, bands and modes are consistent; positions beyond no edge by mistake."""
    beta, gamma, alpha = (value / 1000 for value in sorted(similarities))
    graph = SimilarityGraph(
        classes=classes,
        per_class=per_class,
        difficult=int(share * per_class),
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        pairing=pairing,
    )
    prediction = graph.noise_prediction(10**exponent)
    for spectrum in (prediction.raw, prediction.normalized):
        assert spectrum.num_nodes == graph.num_nodes
        assert sum(band.count for band in spectrum.bands) == spectrum.bulk.count
        ends = [end for band in spectrum.bands for end in (band.upper, band.lower)]
        assert ends == sorted(ends, reverse=True)
        for mode in spectrum.outliers:
            assert mode.detached == (spectrum.epsilon < mode.threshold)
            assert mode.detached == np.isfinite(mode.position)
            assert 0 <= mode.overlap <= 1
        if spectrum.bulk.count and np.isfinite(ends).all():
            chosen = sorted(
                {1, 2, graph.num_nodes // 2 + 1, graph.num_nodes}
                & set(range(1, graph.num_nodes + 1))
            )
            values = [spectrum.eigenvalue(j) for j in chosen]
            spread = max((m.width for m in spectrum.detached), default=0.0)
            assert all(b <= a + 2 * spread for a, b in pairwise(values))


@pytest.mark.parametrize("pairing", ["both", "either"])
def test_cells_give_the_same_prediction(pairing):
    """The same graph through its cells: another route to each mode, equal up to rounding."""
    graph = graph_of(pairing)
    first = graph.noise_prediction(0.2)
    second = CellGraph.from_similarity(graph).noise_prediction(0.2)
    for one, two in ((first.raw, second.raw), (first.normalized, second.normalized)):
        assert np.allclose(np.array(one.edges), np.array(two.edges), rtol=1e-8)
        key = lambda m: -m.clean  # noqa: E731
        for a, b in zip(sorted(one.outliers, key=key), sorted(two.outliers, key=key), strict=True):
            assert (a.multiplicity, a.detached) == (b.multiplicity, b.detached)
            ours = (a.position, a.overlap, a.threshold, a.width)
            assert (b.position, b.overlap, b.threshold, b.width) == pytest.approx(
                ours, rel=1e-6, nan_ok=True
            )


def test_scaling_all_weights():
    """Weights and noise times 1/4: the raw spectrum shrinks, the normalised one stays."""
    sizes, similarity = [50, 70, 30], np.array([[0.6, 0.1, 0.2], [0.1, 0.5, 0.1], [0.2, 0.1, 0.7]])
    full = CellGraph(sizes, similarity).noise_prediction(0.2)
    quarter = CellGraph(sizes, similarity / 4, 0.25).noise_prediction(0.05)
    assert np.allclose(np.array(full.normalized.edges), np.array(quarter.normalized.edges))
    assert np.allclose(np.array(full.raw.edges), 4 * np.array(quarter.raw.edges))
    for a, b in zip(full.normalized.outliers, quarter.normalized.outliers, strict=True):
        assert (a.position, a.overlap) == pytest.approx((b.position, b.overlap), nan_ok=True)
        assert a.threshold == pytest.approx(4 * b.threshold)


def test_relabelled_cells_change_nothing():
    sizes, similarity = [50, 70, 30], np.array([[0.6, 0.1, 0.2], [0.1, 0.5, 0.1], [0.2, 0.1, 0.7]])
    order = [2, 0, 1]
    first = CellGraph(sizes, similarity).noise_prediction(0.2).normalized
    second = (
        CellGraph([sizes[i] for i in order], similarity[np.ix_(order, order)])
        .noise_prediction(0.2)
        .normalized
    )
    assert [m.position for m in first.outliers] == pytest.approx(
        [m.position for m in second.outliers], nan_ok=True
    )
    assert np.allclose(np.array(first.edges), np.array(second.edges))


def test_quantiles_are_the_semicircles_where_there_is_one_degree():
    """Raw, `both`: centre 1 − α, radius 2ε√(N − 8), and Kepler's equation for the quantile."""
    from scipy.stats import semicircular

    graph = graph_of("both")
    spectrum = graph.noise_prediction(0.05).raw
    assert spectrum.bulk.count == 240 - 8
    law = semicircular(loc=0.4, scale=2 * 0.05 * np.sqrt(232))
    assert spectrum.edges == (pytest.approx(law.support()),)
    for j in (1, 7, 116, 232):
        assert spectrum.quantile(j) == pytest.approx(law.isf((j - 0.5) / 232))
    # Eigenvalue j counts the detached modes: 1 + 1 + 3 of them above the bulk, 3 below.
    assert spectrum.eigenvalue(6) == spectrum.quantile(1)
    assert spectrum.eigenvalue(1) == spectrum.detached[0].position


def test_noise_hides_the_difficult_mode_and_then_the_classes():
    """At the thresholds, in this order, for these parameters."""
    graph = graph_of("both")
    modes = {m.name: m.threshold for m in graph.noise_prediction(0).normalized.outliers}
    spurious, classes = modes["difficult-against-easy"], modes["class"]
    assert spurious < classes
    for epsilon, hidden, detectable in (
        (0.99 * spurious, False, True),
        (1.01 * spurious, True, True),
        (1.01 * classes, True, False),
    ):
        prediction = graph.noise_prediction(epsilon)
        assert (prediction.difficult_hidden, prediction.classes_detectable) == (hidden, detectable)


def test_difficult_pairs_make_the_classes_undetectable():
    """`either`, all similar to all: γ close to α leaves the classes too little contrast."""
    epsilon = 0.6
    without = graph_of("either", difficult=0).noise_prediction(epsilon)
    with_pairs = graph_of("either", difficult=50, gamma=0.55).noise_prediction(epsilon)
    assert without.classes_detectable
    assert not with_pairs.classes_detectable


def test_matched_bulk_is_hidden_when_its_band_merges():
    graph = graph_of("matched")
    seen, gone = graph.noise_prediction(0.01), graph.noise_prediction(0.2)
    assert not seen.normalized.hidden("matched bulk")
    assert seen.difficult_hidden is False
    assert gone.normalized.hidden("matched bulk")
    assert gone.difficult_hidden is True


@pytest.mark.parametrize("difficult", [0, 60])
def test_no_difficult_mode_to_hide(difficult):
    assert graph_of("both", difficult=difficult).noise_prediction(0.1).difficult_hidden is None


def test_modes_at_the_bulk_never_detach():
    """α = β: classes are not in the graph."""
    prediction = graph_of("both", beta=0.6, gamma=0.6).noise_prediction(0.001)
    assert not prediction.classes_detectable
    thresholds = {m.name: m.threshold for m in prediction.normalized.outliers}
    assert thresholds.pop("trivial") > 0
    assert set(thresholds.values()) == {0.0}


@pytest.mark.parametrize(
    ("changes", "epsilon", "text"),
    [
        ({}, 4.0, "negative noisy degree"),
        ({}, 1.0, "degrees vary"),
        ({"per_class": 5, "difficult": 2}, 0.01, "only 20 nodes"),
        ({}, 0.205, "Tracy-Widom"),
        ({"classes": 60, "per_class": 6, "difficult": 2}, 0.05, "left out"),
        ({"beta": 0.0, "gamma": 0.0}, 0.1, "closer than their spread"),
        ({"alpha": 0.01, "beta": 0.0, "gamma": 0.01}, 0.001, "on average only"),
        ({"classes": 150, "per_class": 2, "difficult": 1}, 0.05, "mean degree"),
    ],
)
def test_caveats(changes, epsilon, text):
    prediction = graph_of("both", **changes).noise_prediction(epsilon)
    assert any(text in caveat for caveat in prediction.caveats)
    assert not prediction.reliable


def test_no_caveat_in_a_large_graph_with_weak_noise():
    prediction = graph_of("both", per_class=10**5, difficult=10**4).noise_prediction(0.1)
    assert prediction.caveats == ()


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_cost_does_not_depend_on_the_number_of_nodes(pairing):
    """Measured 10 to 40 ms on one core; the bound is loose because machines are busy."""
    graph = graph_of(pairing, classes=10, per_class=10**11, difficult=10**10)
    graph.noise_prediction(0.1)
    start = time.perf_counter()
    prediction = graph.noise_prediction(0.3)
    prediction.normalized.eigenvalue(10**11)
    assert time.perf_counter() - start < 0.5
    assert prediction.normalized.num_nodes == 10**12
    assert prediction.normalized.outliers[0].position == 1.0


def test_it_prints_modes_and_caveats():
    text = str(graph_of("both").noise_prediction(1.0))
    assert "difficult-against-easy" in text
    assert "caveat: normalized: degrees vary" in text
    assert graph_of().noise_prediction(0.1).normalized.table().rows


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda g: g.noise_prediction(-1), ValueError, "epsilon.*-1"),
        (lambda g: g.noise_prediction(float("nan")), ValueError, "epsilon"),
        (lambda g: g.noise_prediction(float("inf")), ValueError, "epsilon"),
        (lambda g: g.noise_prediction(True), TypeError, "epsilon"),
        (lambda g: g.noise_prediction("0.1"), TypeError, "epsilon"),
        (lambda g: predict_noise(g, 0.1), TypeError, "noise_prediction"),
        (lambda g: g.noise_prediction(0.1).raw.eigenvalue(0), ValueError, "j must"),
        (lambda g: g.noise_prediction(0.1).raw.eigenvalue(241), ValueError, "240"),
        (lambda g: g.noise_prediction(0.1).raw.quantile(241), ValueError, "j must"),
        (lambda g: g.noise_prediction(0.1).raw.quantile(1.5), TypeError, "j must"),
        (lambda g: g.noise_prediction(0.1).raw.hidden("clas"), ValueError, "'class'"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call(graph_of())


def test_a_model_must_account_for_every_direction():
    cells, mode = (Cell(10, 5.0),), (SectorMode("trivial", 1.0),)
    sector = Sector("trivial", np.array([[5.0]]), (0,), 1, mode, True)
    NoiseModel(cells, (Family("bulk", 9, 0.5, 0),), (sector,))
    with pytest.raises(ValueError, match=r"9 directions.*10 nodes"):
        NoiseModel(cells, (Family("bulk", 8, 0.5, 0),), (sector,))
    wide = Sector("trivial", np.eye(2), (0,), 1, mode, True)
    with pytest.raises(ValueError, match="shape \\(2, 2\\)"):
        NoiseModel(cells, (Family("bulk", 9, 0.5, 0),), (wide,))


def test_model_takes_exact_numbers():
    """Fractions and floats of the same value give the same model."""
    exact = similarity_noise_model(
        graph_of(alpha=Fraction(1, 2), beta=Fraction(1, 8), gamma=Fraction(1, 4))
    )
    rounded = similarity_noise_model(graph_of(alpha=0.5, beta=0.125, gamma=0.25))
    assert exact.cells == rounded.cells
    assert exact.families == rounded.families
