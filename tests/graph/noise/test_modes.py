"""Outliers, overlaps and thresholds against sampled matrices and published closed forms."""

from functools import cache

import numpy as np
import pytest

from dctheory import CellGraph, SimilarityGraph
from dctheory.graph.noise import predict_noise, similarity_noise_model

BASE = {"classes": 4, "per_class": 100, "difficult": 30, "alpha": 0.6, "beta": 0.1, "gamma": 0.4}
SEEDS = 8


def graph_of(pairing, **changes):
    return SimilarityGraph(**{**BASE, **changes}, pairing=pairing)


def normalize(matrix):
    scale = 1 / np.sqrt(matrix.sum(axis=1))
    return scale[:, None] * matrix * scale


@cache
def samples(graph, epsilon):
    """Eigenvalues (ascending) and vectors of each seed, raw and normalised, and the clean ones."""
    clean = {"raw": graph.adjacency(), "normalized": graph.normalized_adjacency()}
    noisy = {"raw": [], "normalized": []}
    for seed in range(SEEDS):
        matrix = graph.noisy(epsilon, np.random.default_rng(seed))
        noisy["raw"].append(np.linalg.eigh(matrix))
        noisy["normalized"].append(np.linalg.eigh(normalize(matrix)))
    return {key: np.linalg.eigh(matrix) for key, matrix in clean.items()}, noisy


def measure(graph, epsilon, kind, mode):
    """(seeds,) mean position of a mode's eigenvalues, and mean squared overlap, by dense eigh."""
    clean, noisy = samples(graph, epsilon)
    values, vectors = clean[kind]
    space = vectors[:, np.abs(values - mode.clean) < 1e-9 * np.abs(values).max()]
    assert space.shape[1] == mode.multiplicity
    positions, overlaps = [], []
    for found, basis in noisy[kind]:
        nearest = np.argsort(np.abs(found - mode.position))[: mode.multiplicity]
        positions.append(found[nearest].mean())
        overlaps.append(((space.T @ basis[:, nearest]) ** 2).sum() / mode.multiplicity)
    return np.array(positions), np.array(overlaps)


def left_out(graph, mode):
    """What large-N theory omits: second-order mixing with the other modes, relative to 1/ε².

    Returned for the eigenvalue of A (a shift) and for the squared overlap.
    """
    raw = graph.noise_prediction(0.0).raw.outliers
    own = next(other.clean for other in raw if other.name == mode.name)
    others = [other for other in raw if other.name != mode.name]
    shift = sum(abs(other.multiplicity / (own - other.clean)) for other in others)
    return shift, sum(other.multiplicity / (own - other.clean) ** 2 for other in others)


CASES = [
    ("both", 0.2),
    ("both", 0.5),
    ("matched", 0.005),
    ("matched", 0.5),
    ("either", 0.2),
    ("either", 0.5),
]


@pytest.mark.parametrize("kind", ["raw", "normalized"])
@pytest.mark.parametrize(("pairing", "epsilon"), CASES)
def test_positions_and_overlaps_against_samples(pairing, epsilon, kind):
    """Every detached mode, also those in gaps and below the bulk.

    Tolerance: five standard errors of the seeds' mean, mixing between modes (1/N), and for the
    normalised matrix η⁴, the order at which its expansion stops.
    """
    graph = graph_of(pairing)
    prediction = graph.noise_prediction(epsilon)
    spectrum = getattr(prediction, kind)
    degree = float(graph.degree_easy) if kind == "normalized" else 1.0
    eta = epsilon * np.sqrt(graph.num_nodes) / float(graph.degree_easy)
    assert len(spectrum.detached) >= 2
    for mode in spectrum.detached:
        positions, overlaps = measure(graph, epsilon, kind, mode)
        shift, mixing = (epsilon**2 * value for value in left_out(graph, mode))
        error = 5 / np.sqrt(SEEDS)
        beyond = eta**4 if kind == "normalized" else 0.0
        assert abs(positions.mean() - mode.position) < (
            error * positions.std() + shift / degree + beyond * abs(mode.position) + 1e-12
        )
        assert abs(overlaps.mean() - mode.overlap) < error * overlaps.std() + 2 * mixing + beyond


def test_width_is_the_spread_of_a_mode():
    """Twice the standard deviation of one eigenvalue, here of the raw trivial mode.

    A standard deviation from 64 values has a standard error of 9 %: five of them.
    """
    graph = graph_of("both", per_class=40, difficult=12)
    mode = next(m for m in graph.noise_prediction(0.2).raw.outliers if m.multiplicity == 1)
    found = [
        np.linalg.eigvalsh(graph.noisy(0.2, np.random.default_rng(seed)))[-1] for seed in range(64)
    ]
    assert np.std(found) == pytest.approx(mode.width / 2, rel=0.45)


@pytest.mark.parametrize("pairing", ["both", "either"])
def test_raw_thresholds_of_one_family(pairing):
    """θ/√c for c bulk directions at distance θ (Baik, Ben Arous and Péché 2005)."""
    graph = graph_of(pairing)
    count = 4 * (69 + 29)
    values = np.linalg.eigvalsh(graph.adjacency())
    distances = np.unique(np.round(np.abs(values - 0.4), 7))[1:]
    modes = graph.noise_prediction(0.1).raw.outliers
    assert sorted(m.threshold for m in modes) == pytest.approx(distances / np.sqrt(count), rel=1e-6)


def test_raw_outlier_of_one_family_in_closed_form():
    """Position θ + ε²c/θ and squared overlap 1 − ε²c/θ² (Benaych-Georges, Nadakuditi 2011)."""
    graph = graph_of("both", difficult=0)
    mode = graph.noise_prediction(1.0).raw.outliers[1]
    theta, count = 100 * (0.6 - 0.1), 4 * 99
    assert mode.name == "class"
    assert mode.position == pytest.approx(0.4 + theta + count / theta)
    assert mode.overlap == pytest.approx(1 - count / theta**2)
    assert mode.threshold == pytest.approx(theta / np.sqrt(count))


@pytest.mark.parametrize("kind", ["raw", "normalized"])
@pytest.mark.parametrize("pairing", ["both", "either"])
def test_just_below_and_above_the_threshold(pairing, kind):
    """ "difficult-against-easy" stands out of sampled bulks below its threshold, not above.

    At 0.8 of it the squared overlap is about 0.36 and the eigenvalue beyond the edge; at 1.4 no
    eigenvector besides those of trivial and class modes has more than 10 % of the mode.
    """
    graph = graph_of(pairing)
    base = getattr(graph.noise_prediction(0.0), kind).outliers
    threshold = next(m.threshold for m in base if m.name == "difficult-against-easy")
    below, above = 0.8 * threshold, 1.4 * threshold
    spectrum = getattr(graph.noise_prediction(below), kind)
    mode = next(m for m in spectrum.outliers if m.name == "difficult-against-easy")
    assert mode.detached
    assert mode.position > spectrum.edges[0][1] or mode.position < spectrum.edges[-1][0]
    _, overlaps = measure(graph, below, kind, mode)
    assert overlaps.mean() > 0.2

    spectrum = getattr(graph.noise_prediction(above), kind)
    hidden = next(m for m in spectrum.outliers if m.name == "difficult-against-easy")
    assert not hidden.detached
    assert np.isnan(hidden.position)
    assert hidden.overlap == 0
    clean, noisy = samples(graph, above)
    values, vectors = clean[kind]
    vector = vectors[:, np.argmin(np.abs(values - mode.clean))]
    seen = {m.name: m.multiplicity for m in spectrum.detached}
    bulk = [basis[:, : len(values) - sum(seen.values())] for _, basis in noisy[kind]]
    assert np.mean([((vector @ basis) ** 2).max() for basis in bulk]) < 0.1


@pytest.mark.parametrize("kind", ["raw", "normalized"])
@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
def test_modes_are_continuous_in_the_noise(pairing, kind):
    """From the clean eigenvalue with overlap 1 to the edge of the bulk with overlap 0.

    Normalised, the law of the bulk averages the degrees' noise, which leaves a jump of order η².
    """
    graph = graph_of(pairing)
    model = similarity_noise_model(graph)
    for mode in getattr(predict_noise(model, 0.0), kind).outliers:
        # The vector of ones stays an exact eigenvector of the normalised matrix.
        if mode.threshold == 0 or (kind, mode.name) == ("normalized", "trivial"):
            continue

        def at(share, name=mode.name, threshold=mode.threshold):
            spectrum = getattr(predict_noise(model, share * threshold), kind)
            return spectrum, next(m for m in spectrum.outliers if m.name == name)

        start, end = at(1e-4)[1], at(1 - 1e-9)
        assert start.position == pytest.approx(mode.clean, rel=1e-6)
        assert start.overlap == pytest.approx(1, abs=1e-6)
        eta = mode.threshold * np.sqrt(graph.num_nodes) / float(graph.degree_easy)
        assert end[1].overlap < 1e-3 + (2 * eta**2 if kind == "normalized" else 0)
        assert not at(1 + 1e-9)[1].detached
        places = [at(share)[1].position for share in (0.2, 0.4, 0.6, 0.8, 0.99)]
        steps = np.diff([mode.clean, *places])
        assert np.all(steps >= 0) or np.all(steps <= 0)


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0])
def test_the_normalized_trivial_eigenvalue_is_one(pairing, epsilon):
    mode = graph_of(pairing).noise_prediction(epsilon).normalized.outliers[0]
    assert mode.name == "trivial"
    assert mode.position == 1.0
    assert mode.overlap <= 1


def test_overlap_of_the_trivial_vector_against_its_exact_form():
    """Its noisy eigenvector is D̃^(1/2) 1 exactly, so only degrees need sampling."""
    graph = graph_of("both")
    found = []
    for seed in range(40):
        noisy = graph.noisy(1.0, np.random.default_rng(seed)).sum(axis=1)
        found.append(
            np.sqrt(noisy * graph.degrees).sum() ** 2 / (noisy.sum() * graph.degrees.sum())
        )
    mode = graph.noise_prediction(1.0).normalized.outliers[0]
    # η⁴ terms: at η = 0.22 the next coefficient would have to be above 0.5 to matter.
    error = 5 * np.std(found) / np.sqrt(40)
    assert mode.overlap == pytest.approx(np.mean(found), abs=error + 0.5 * 0.22**4)


def test_clean_names_and_values_are_the_spectrums():
    graph = graph_of("either")
    expected = {m.name: (m.value, m.multiplicity) for m in graph.spectrum().modes}
    found = graph.noise_prediction(0.0).normalized.outliers
    assert {m.name for m in found} == {
        "trivial",
        "class",
        "difficult-against-easy",
        "class, difficult-against-easy",
    }
    for mode in found:
        assert (mode.clean, mode.multiplicity) == expected[mode.name]


def test_cells_of_a_long_tail_against_samples():
    """Unequal classes: modes of one sector with unequal degrees, solved in a subspace."""
    sizes = [160, 110, 70, 45, 30, 20]
    similarity = np.full((6, 6), 0.1) + 0.4 * np.eye(6)
    graph = CellGraph(sizes, similarity)
    epsilon = 0.25
    spectrum = graph.noise_prediction(epsilon).normalized
    assert len(spectrum.detached) >= 4
    _, noisy = samples(graph, epsilon)
    largest = np.mean(
        [values[::-1][: len(spectrum.detached)] for values, _ in noisy["normalized"]], 0
    )
    spread = np.std(
        [values[::-1][: len(spectrum.detached)] for values, _ in noisy["normalized"]], 0
    )
    for place, mode in enumerate(spectrum.detached[:4]):
        tolerance = 5 * spread[place] / np.sqrt(SEEDS) + 5e-3 * mode.position
        assert largest[place] == pytest.approx(mode.position, abs=tolerance)
        overlaps = measure(graph, epsilon, "normalized", mode)[1]
        assert mode.overlap == pytest.approx(
            overlaps.mean(), abs=5 * overlaps.std() / np.sqrt(SEEDS) + 0.01
        )
