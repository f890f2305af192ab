"""The reading by the theory against dense matrices made from the definitions."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest

import dctheory
from dctheory.diagnose.levels import fit_levels
from dctheory.diagnose.theory import CELLS, LEVELS, read_theory


def of_graph(**parameters):
    """The estimate of embeddings whose cosines are exactly the graph's similarities."""
    graph = dctheory.SimilarityGraph(**parameters)
    values, vectors = np.linalg.eigh(graph.adjacency())
    rows = vectors * np.sqrt(np.maximum(values, 0))
    partners = None
    if graph.pairing == "matched":
        partners = np.where(graph.is_difficult, np.tile(np.arange(graph.n), graph.classes), -1)
    return graph, dctheory.estimate_similarities(
        rows, graph.labels, graph.is_difficult, partners, spread_pairs=50
    )


def normalized(matrix):
    root = 1 / np.sqrt(matrix.sum(axis=1))
    return root[:, None] * matrix * root


def error_bound(matrix, labels, k):
    """4δ/(1 − λ) + 8δ from the dense matrix, δ half the share of the weight between classes."""
    eigenvalue = np.linalg.eigvalsh(normalized(matrix))[::-1][k]
    delta = matrix[np.not_equal.outer(labels, labels)].sum() / matrix.sum() / 2
    return eigenvalue, delta, 4 * delta / (1 - eigenvalue) + 8 * delta


SMALL = {"classes": 3, "per_class": 8, "difficult": 3, "alpha": 0.6, "beta": 0.1, "gamma": 0.15}


@pytest.mark.parametrize("pairing", ["both", "either", "matched"])
@pytest.mark.parametrize("k", [3, 5, 11])
def test_a_graph_is_read_from_its_own_embeddings(pairing, k):
    graph, estimate = of_graph(**SMALL, pairing=pairing)
    found = read_theory(estimate, k=k, pairing=pairing)
    eigenvalue, delta, bound = error_bound(graph.adjacency(), graph.labels, k)
    assert found.violations == ()
    assert found.levels.name == LEVELS
    assert found.levels.eigenvalue == pytest.approx(eigenvalue, abs=1e-12)
    assert float(found.levels.delta.value) == pytest.approx(delta, abs=1e-12)
    assert float(found.levels.bound) == pytest.approx(bound, abs=1e-11)
    assert float(found.bounds["with difficult"].exact) == pytest.approx(bound, abs=1e-11)
    assert found.noise.epsilon == pytest.approx(0, abs=1e-6)
    if pairing != "matched":
        assert found.cells.eigenvalue == pytest.approx(eigenvalue, abs=1e-9)


def example(seed=0):
    """Unequal classes, every pair of cells with a level of its own."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), [9, 12, 7])
    marks = np.zeros(len(labels), dtype=bool)
    marks[[0, 1, 2, 9, 10, 21, 22, 23]] = True
    centres = np.eye(6)[labels] + 0.4 + 0.4 * np.outer(marks, np.eye(6)[3])
    return centres + 0.2 * rng.normal(size=(len(labels), 6)), labels, marks


def test_cells_are_read_from_the_table_of_means():
    rows, labels, marks = example()
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = unit @ unit.T
    cells = 2 * labels + ~marks
    matrix = np.empty_like(cosines)
    off = ~np.eye(len(labels), dtype=bool)
    for first in range(6):
        for second in range(6):
            block = np.logical_and.outer(cells == first, cells == second)
            matrix[block] = cosines[block & off].mean()
    np.fill_diagonal(matrix, 1)
    estimate = dctheory.estimate_similarities(rows, labels, marks, spread_pairs=5000)
    found = read_theory(estimate, k=4)
    eigenvalue, delta, bound = error_bound(matrix, labels, 4)
    assert found.cells.name == CELLS
    assert found.cells.eigenvalue == pytest.approx(eigenvalue, abs=1e-12)
    assert float(found.cells.delta.value) == pytest.approx(delta, abs=1e-12)
    assert float(found.cells.bound) == pytest.approx(bound, abs=1e-11)
    values = {"class": [], "between cells of a class": []}
    for mode in found.cells.spectrum.modes:
        values.setdefault(mode.name, []).append(mode.value)
    assert found.cells.last_class.value == min(values["class"]) < max(values["class"])
    assert found.cells.spurious.value == max(values["between cells of a class"])


def test_epsilon_is_the_spread_about_the_levels():
    rows, labels, marks = example()
    estimate = dctheory.estimate_similarities(rows, labels, marks, spread_pairs=20_000)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = unit @ unit.T
    same = np.equal.outer(labels, labels)
    level = np.where(same, 0, 1 + np.logical_and.outer(marks, marks))
    off = ~np.eye(len(labels), dtype=bool)
    groups = [cosines[off & (level == each)] for each in range(3)]
    residual = np.concatenate([each - each.mean() for each in groups])
    found = read_theory(estimate)
    assert found.noise.name == LEVELS
    assert found.noise.epsilon == pytest.approx(residual.std(), rel=0.02)
    assert found.noise.prediction.epsilon == found.noise.epsilon
    assert found.noise.epsilon == fit_levels(estimate).within


def second_mode(graph):
    """Share of the second eigenvector of Ā that is a function of class, up to degrees."""
    matrix = graph.adjacency()
    vector = np.linalg.eigh(normalized(matrix))[1][:, -2]
    root = np.sqrt(matrix.sum(axis=1))
    basis = np.stack([(graph.labels == c) * root for c in range(graph.classes)])
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    return float(np.sum((basis @ vector) ** 2))


@pytest.mark.parametrize(("gamma", "ahead"), [(0.35, False), (0.59, True)])
def test_a_spurious_mode_ahead_of_the_classes(gamma, ahead):
    graph, estimate = of_graph(
        classes=12, per_class=4, difficult=2, alpha=0.6, beta=0.3, gamma=gamma
    )
    assert (second_mode(graph) < 0.5) == ahead
    found = read_theory(estimate)
    assert found.levels.spurious_ahead == ahead
    assert found.cells.spurious_ahead == ahead
    assert found.levels.spurious.name == "difficult-against-easy"


def test_the_limits_are_where_the_bound_is_one():
    _, estimate = of_graph(**SMALL)
    found = read_theory(estimate, k=3).levels
    at_limit = 4 * found.largest_delta / (1 - found.eigenvalue) + 8 * found.largest_delta
    assert at_limit == pytest.approx(1)
    assert found.largest_eigenvalue is None
    assert "because of δ" in found.blame


@pytest.mark.parametrize(("beta", "hopeless"), [(0.11, True), (0.09, False)])
def test_vacuous_at_every_size(beta, hopeless):
    # δ is at least rβ/(2(1 + rβ)) at any n: 1/12 where rβ = 1/5.
    _, estimate = of_graph(**(SMALL | {"beta": beta}))
    found = read_theory(estimate, k=3).levels
    assert found.bound.is_vacuous
    assert ("no n, n_d, γ or k" in found.blame) == hopeless


def test_blame_of_the_eigenvalue_and_of_nothing():
    # Samples that hardly meet at all: δ is small, and λ near 1.
    parameters = {"classes": 2, "per_class": 2, "difficult": 1, "alpha": 0.02}
    _, estimate = of_graph(**parameters, beta=0.0195, gamma=0.0198)
    found = read_theory(estimate, k=2).levels
    delta = float(found.delta.value)
    limit = found.largest_eigenvalue
    assert 4 * delta / (1 - limit) + 8 * delta == pytest.approx(1)
    assert found.eigenvalue > limit
    assert f"because of λ_3 = {found.eigenvalue:.4g}" in found.blame
    _, estimate = of_graph(classes=2, per_class=20, difficult=4, alpha=0.8, beta=0.02, gamma=0.08)
    found = read_theory(estimate, k=2).levels
    assert float(found.bound) < 1
    assert "says something" in found.blame


def test_removal_of_random_samples():
    _, estimate = of_graph(**SMALL)
    found = read_theory(estimate, k=3)
    # 5 of 8 samples are left in each class, of them 5 · 3/8 = 1.9 difficult.
    left = dctheory.SimilarityGraph(**(SMALL | {"per_class": 5, "difficult": 2}))
    expected = error_bound(left.adjacency(), left.labels, 3)[2]
    assert float(found.random_removal) == pytest.approx(expected, abs=1e-12)
    assert float(found.bounds["removal"].exact) < expected


def test_broken_order_leaves_the_cells():
    rows, labels, marks = example()
    rows[marks] += 2 * np.eye(6)[labels[marks]]
    found = read_theory(dctheory.estimate_similarities(rows, labels, marks))
    assert len(found.violations) == 1
    assert (found.levels, found.bounds, found.random_removal) == (None, None, None)
    assert found.cells is not None
    assert found.noise.name == CELLS
    assert any("fails" in note for note in found.table().notes)


def test_negative_similarities_leave_no_cells():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 10)
    rows = rng.normal(size=(20, 4)) + np.where(labels, 3, -3)[:, None]
    marks = np.tile(np.arange(10) < 3, 2)
    found = read_theory(dctheory.estimate_similarities(rows, labels, marks))
    assert found.cells is None
    assert "edge weights are not negative" in found.cells_refused
    assert found.noise is None
    assert found.table().rows == []
    json.dumps(found.to_dict(), allow_nan=False)


def test_levels_that_no_augmentation_has():
    parameters = {"classes": 2, "per_class": 20, "difficult": 4, "alpha": 0.8, "beta": 0.02}
    for gamma, possible in [(0.06, True), (0.1, False)]:
        _, estimate = of_graph(**parameters, gamma=gamma)
        notes = read_theory(estimate).notes
        assert any("not positive semidefinite" in note for note in notes) is not possible


def test_many_features_and_sizes_given():
    _, estimate = of_graph(**SMALL)
    found = read_theory(estimate, k=23)
    assert found.levels.eigenvalue == found.levels.spectrum.eigenvalue(24)
    larger = read_theory(estimate, per_class=1000)
    assert larger.levels.graph.per_class == 1000
    assert larger.levels.graph.difficult == 375
    for bad in (0, 24):
        with pytest.raises(ValueError, match="k must be"):
            read_theory(estimate, k=bad)
    with pytest.raises(TypeError, match="k must be an integer"):
        read_theory(estimate, k=2.5)
    with pytest.raises(ValueError, match="no partners were given"):
        read_theory(estimate, pairing="matched")


def test_rendering():
    _, estimate = of_graph(**SMALL)
    found = read_theory(estimate)
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["levels"]["vacuous"] is True
    assert record["cells"]["spurious_ahead"] == found.cells.spurious_ahead
    assert math.isclose(record["random_removal"], float(found.random_removal))
    assert len(found.tables()) == 5
    assert "difficult-against-easy" in str(found)
    assert "<table>" in found._repr_html_()
    assert not isinstance(record["levels"]["delta"], (str, Fraction))
