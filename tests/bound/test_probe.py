"""Probe errors: exact ones against eigh, sampled ones against limits, heads against sklearn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from dctheory.bound.features import (
    cell_features,
    dense_features,
    leading_eigenpairs,
    node_features,
    nystrom,
)
from dctheory.bound.heads import error_rate, fit
from dctheory.bound.probe import confidence_interval, probe_error
from dctheory.bound.table import bounds
from dctheory.bound.trials import SETTINGS, splitter
from dctheory.graph.similarity import SimilarityGraph

PAIRINGS = ("both", "matched", "either")


def make(pairing="both", classes=4, per_class=6, difficult=2, alpha=0.6, beta=0.2, gamma=0.3):
    return SimilarityGraph(
        classes=classes,
        per_class=per_class,
        difficult=difficult,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        pairing=pairing,
    )


def generator(seed=0):
    return np.random.default_rng(seed)


# --- Heads


def sample_rows(rows=80, features=4, classes=3, seed=0):
    rng = generator(seed)
    labels = rng.integers(0, classes, rows)
    values = rng.standard_normal((rows, features))
    values[np.arange(rows), labels] += 1
    weights = rng.random(rows)
    return values, labels, weights / weights.sum()


def test_logistic_head_agrees_with_sklearn():
    values, labels, weights = sample_rows()
    ridge = 1e-3
    ours = fit("logistic", values, labels, weights, 3, ridge)
    theirs = LogisticRegression(C=1 / ridge, fit_intercept=False, tol=1e-10, max_iter=10**4)
    theirs.fit(values, labels, sample_weight=weights)
    # A constant added to all classes' scores is no difference; the ridge makes it zero here.
    np.testing.assert_allclose(ours, theirs.coef_.T, rtol=0, atol=1e-4)


def test_least_squares_head_solves_the_normal_equations():
    values, labels, weights = sample_rows()
    head = fit("least squares", values, labels, weights, 3, 1.0)
    residual = values @ head - np.eye(3)[labels]
    np.testing.assert_allclose(values.T @ (weights[:, None] * residual), 0, atol=1e-13)


def test_error_rate_shares_ties():
    scores = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 0.0], [5.0, 5.0, 5.0]])
    assert error_rate(scores, np.array([0, 1, 2]), np.array([2.0, 1.0, 1.0])) == pytest.approx(
        (2 * 1 / 2 + 0 + 2 / 3) / 4
    )
    assert error_rate(scores, np.array([2, 0, 2]), np.array([1.0, 1.0, 0.0])) == 1


# --- Without noise


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize("head", ["least squares", "logistic"])
@pytest.mark.parametrize("uniform", [False, True])
def test_cells_give_the_error_of_the_nodes(pairing, head, uniform):
    graph = make(pairing, difficult=3, gamma=0.55)
    values, vectors = np.linalg.eigh(graph.normalized_adjacency())
    values, vectors = values[::-1], vectors[:, ::-1]
    whole = np.cumsum(graph.spectrum().multiplicities)[:-1]
    assert len(whole) >= 4
    for k in whole.tolist():
        features = node_features(vectors[:, :k], values[:k], graph.degrees).values
        weights = np.ones(graph.num_nodes) if uniform else graph.degrees
        matrix = fit(head, features, graph.labels, weights, graph.classes, 1e-4)
        brute = error_rate(features @ matrix, graph.labels, weights)
        found = probe_error(
            graph,
            k,
            settings=["with difficult"],
            heads=[head],
            weights="uniform" if uniform else "degree",
        ).estimates[0]
        assert found.basis == "exact"
        assert found.interval == (found.error, found.error)
        assert found.error == pytest.approx(brute, abs=1e-9)
        assert found.eigenvalue == pytest.approx(values[k], abs=1e-12)


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_all_settings_are_right_once_the_classes_are_in(pairing):
    graph = make(pairing)
    spectrum = graph.spectrum()
    k = next(j for j in range(1, 25) if spectrum.mode(j).name == "class") + graph.r - 1
    result = probe_error(graph, k)
    assert {each.setting for each in result.estimates} == set(SETTINGS)
    assert all(each.error == 0 for each in result.estimates)
    assert all(each.bound > 1 for each in result.estimates)


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_bounds_are_those_of_the_table(pairing):
    graph = make(pairing)
    result = probe_error(graph, 5, rng=generator())
    table = bounds(graph, 5)
    for setting in SETTINGS:
        nodes = "kept" if setting == "removal" else "all"
        each = result.estimate(setting, nodes=nodes)
        assert each.bound == pytest.approx(float(table[setting].exact), rel=1e-12)
        assert each.delta == pytest.approx(float(table[setting].delta), rel=1e-12)


def test_kind_without_class_information_is_guessed():
    # With γ = α and pairing "either" nothing tells a difficult node's class.
    graph = make("either", alpha=0.6, beta=0.1, gamma=0.6)
    k = 1 + graph.r
    assert [graph.spectrum().mode(j).name for j in (1, 2, k)] == ["trivial", "class", "class"]
    share = (
        graph.n_d
        * graph.degree_difficult
        / (graph.n_d * graph.degree_difficult + graph.n_e * graph.degree_easy)
    )
    result = probe_error(graph, k)
    for head in ("least squares", "logistic"):
        found = result.estimate("with difficult", head)
        assert found.error == pytest.approx(share * graph.r / graph.classes, abs=1e-9)
        assert result.estimate("removal", head, "kept").error == 0
        assert result.estimate("removal", head).error == pytest.approx(found.error, abs=1e-9)
        assert result.estimate("margin", head).error == 0


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_random_bases_agree_with_random_bases_of_nodes(pairing):
    graph, k = make(pairing, classes=5, difficult=3), 3
    assert graph.spectrum().gap(k) == 0
    found = probe_error(graph, k, settings=["with difficult"], samples=120, rng=generator())
    estimate = found.estimate("with difficult")
    assert estimate.basis == "mean over bases"
    rng, errors = generator(1), []
    for _ in range(120):
        features = dense_features(graph, k, rng).values
        matrix = fit("least squares", features, graph.labels, graph.degrees, 5, 1.0)
        errors.append(error_rate(features @ matrix, graph.labels, graph.degrees))
    spread = np.sqrt((np.var(errors) + np.var(estimate.errors)) / 120)
    assert 0 < estimate.error < 0.8
    # Two means of 120 independent draws each: five standard errors.
    assert abs(np.mean(errors) - estimate.error) < 5 * spread
    low, high = estimate.interval
    assert low < estimate.error < high


def test_one_class_vector_is_enough_for_some_head():
    # Least squares needs all r class vectors; some linear head needs only one of them.
    graph = make(difficult=0, classes=6)
    result = probe_error(graph, 2, settings=["with difficult"], ridge=1e-9, rng=generator())
    assert result.estimate("with difficult", "least squares").error > 0.5
    assert result.estimate("with difficult", "logistic").error < 0.05


def test_cut_through_classes_and_bulk_is_computed_on_nodes():
    # At α = β the class vectors are in the bulk's eigenspace.
    graph = make(alpha=0.5, beta=0.5, gamma=0.5)
    found = probe_error(graph, 12, settings=["with difficult"], rng=generator(), samples=5)
    assert found.estimate("with difficult").basis == "mean over bases"
    assert 0 < found.estimate("with difficult").error < 0.75
    large = make(per_class=10**6, alpha=0.5, beta=0.5, gamma=0.5)
    with pytest.raises(ValueError, match="at most 2000 nodes"):
        probe_error(large, 12, rng=generator())


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_removed_nodes_on_cells_as_on_nodes(pairing):
    graph = make(pairing, classes=3, difficult=2, gamma=0.5)
    kept = make(pairing, classes=3, per_class=4, difficult=0)
    cells, nodes = cell_features(kept, 3, None), dense_features(kept, 3, generator())
    cross = 0.5 if pairing == "either" else 0.2
    small = nystrom(cells, np.where(np.eye(3, dtype=bool), 0.6, cross))
    hard = graph.is_difficult
    full = nystrom(nodes, graph.adjacency()[np.ix_(hard, ~hard)])
    # Gram matrices do not depend on the basis.
    expected = np.repeat(np.repeat(small @ small.T, 2, axis=0), 2, axis=1)
    np.testing.assert_allclose(full @ full.T, expected, atol=1e-10)


def test_nystrom_extends_eigenvectors_to_their_own_nodes():
    graph = make("matched")
    features = dense_features(graph, 5, generator())
    np.testing.assert_allclose(
        nystrom(features, graph.adjacency()), features.values, rtol=0, atol=1e-10
    )


def test_many_nodes_cost_nothing():
    graph = make("both", classes=10, per_class=10**9, difficult=10**8)
    assert probe_error(graph, 11).estimate("with difficult").error == 0


@pytest.mark.parametrize(
    ("classes", "per_class", "difficult"), [(2, 1, 1), (2, 2, 1), (2, 3, 0), (3, 2, 2)]
)
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_edge_cases(pairing, classes, per_class, difficult):
    graph = make(pairing, classes, per_class, difficult, beta=0.0)
    for k in range(1, graph.num_nodes):
        result = probe_error(graph, k, rng=generator(), samples=2)
        for each in result.estimates:
            assert 0 <= each.error <= 1 - 1 / classes + 1e-9
        present = {each.setting for each in result.estimates}
        assert present | {name for name, _ in result.skipped} == set(SETTINGS)
        assert ("temperature" in present) is (difficult == 0)
        assert ("removal" in present) is (classes * (per_class - difficult) > k)


# --- With noise


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_little_noise_changes_nothing_and_much_noise_leaves_chance(pairing):
    graph = make(pairing, classes=4, per_class=12, difficult=3)
    low = probe_error(graph, 5, epsilon=1e-6, samples=2, rng=generator())
    assert all(each.error == 0 for each in low.estimates)
    assert all(each.basis == "sampled" for each in low.estimates)
    exact = graph.spectrum().eigenvalue(6)
    assert low.estimate("with difficult").eigenvalue == pytest.approx(exact, abs=1e-5)
    # At this ε the bulk covers the class vectors: half of the nodes held out are guessed.
    high = probe_error(
        make(pairing, classes=4, per_class=30, alpha=0.62, beta=0.6, gamma=0.61),
        5,
        epsilon=0.7,
        samples=8,
        held_out=True,
        heads=["least squares"],
        settings=["with difficult"],
        rng=generator(),
    ).estimate("with difficult")
    # 8 · 60 test nodes of four classes: chance 3/4 with a standard error of about 0.02.
    assert high.error == pytest.approx(0.75, abs=0.1)


def test_settings_share_the_noise():
    # Without difficult pairs all settings are the same matrix.
    graph = make(difficult=2, beta=0.2, gamma=0.2)
    result = probe_error(graph, 4, epsilon=0.4, samples=4, rng=generator())
    first = result.estimate("without difficult").errors
    assert first.max() > 0
    assert np.array_equal(result.estimate("with difficult").errors, first)
    again = probe_error(graph, 4, epsilon=0.4, samples=4, rng=generator())
    assert np.array_equal(again.estimate("with difficult").errors, first)
    empty = probe_error(make(difficult=0), 4, epsilon=0.4, samples=4, rng=generator())
    reference = empty.estimate("with difficult").errors
    assert np.array_equal(empty.estimate("removal", nodes="kept").errors, reference)
    assert np.array_equal(empty.estimate("removal").errors, reference)


def test_margin_helps_where_difficult_pairs_hide_the_classes():
    graph = make(classes=5, per_class=40, difficult=12, alpha=0.5, beta=0.1, gamma=0.4)
    result = probe_error(
        graph,
        5,
        epsilon=0.5,
        samples=8,
        rng=generator(),
        heads=["least squares"],
        settings=["with difficult", "margin"],
    )
    with_difficult, margin = (result.estimate(setting) for setting in ("with difficult", "margin"))
    low, _ = confidence_interval(with_difficult.errors - margin.errors)
    assert low > 0
    # The bound, at the δ of the same data, hardly moves.
    assert margin.bound == pytest.approx(with_difficult.bound, rel=0.02)


def test_split_halves_each_kind_of_each_class():
    graph = make(classes=3, per_class=9, difficult=4)
    split = splitter(graph, True)(generator())
    assert np.array_equal(split.test, ~split.train)
    for label in range(3):
        cell = split.train[(graph.labels == label) & graph.is_difficult]
        assert (len(cell), cell.sum()) == (4, 2)
        assert split.train[graph.labels == label].sum() == 5
    with pytest.raises(ValueError, match="at least 2 of each"):
        splitter(make(difficult=1), True)


def test_held_out_nodes_are_harder():
    graph = make(classes=3, per_class=10, difficult=4)
    options = {"epsilon": 0.5, "samples": 10, "settings": ["with difficult"]}
    same = probe_error(graph, 12, rng=generator(), **options)
    held = probe_error(graph, 12, rng=generator(), held_out=True, **options)
    assert held.estimate("with difficult").error > same.estimate("with difficult").error
    assert "held-out half" in str(held)


# --- Rendering and bad input


def test_renders_with_its_conventions():
    text = str(probe_error(make(beta=0.0), 4))
    assert "no intercept" in text
    assert "Nyström" in text
    assert "temperature: left out" in text
    assert "<table" in probe_error(make(), 4)._repr_html_()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"k": 0}, ValueError, "k must be between"),
        ({"k": 24}, ValueError, "between 1 and 23"),
        ({"k": True}, TypeError, "k must be an integer"),
        ({"epsilon": -1.0}, ValueError, "epsilon"),
        ({"epsilon": float("nan")}, ValueError, "epsilon must be finite"),
        ({"samples": 1}, ValueError, "samples must be at least 2"),
        ({"ridge": 0}, ValueError, "ridge"),
        ({"heads": ["logistik"]}, ValueError, "did you mean 'logistic'"),
        ({"settings": ["remove"]}, ValueError, "did you mean 'removal'"),
        ({"weights": "degrees"}, ValueError, "did you mean 'degree'"),
        ({"epsilon": 0.1}, ValueError, "pass rng"),
        ({"k": 2}, ValueError, "cuts an eigenspace"),
        ({"epsilon": 50.0, "rng": generator()}, ValueError, "row sum"),
        ({"graph": np.eye(3)}, TypeError, "SimilarityGraph"),
    ],
)
def test_bad_input(change, error, words):
    arguments = {"graph": make(), "k": 4} | change
    with pytest.raises(error, match=words):
        probe_error(arguments.pop("graph"), arguments.pop("k"), **arguments)


def test_too_many_nodes_for_noise():
    with pytest.raises(ValueError, match="noisy probe of 40000000 nodes"):
        probe_error(make(per_class=10**7), 4, epsilon=0.1, rng=generator())


def test_unknown_estimate_lists_the_known():
    with pytest.raises(ValueError, match="computed are"):
        probe_error(make(), 4).estimate("margin", "perceptron")


def test_iterative_solver_agrees_with_the_dense_one(monkeypatch):
    matrix = make(classes=3, per_class=40, difficult=10).noisy(0.3, generator())
    dense = leading_eigenpairs(matrix, 6, generator())
    monkeypatch.setattr("dctheory.bound.features.DENSE_LIMIT", 50)
    values, vectors = leading_eigenpairs(matrix, 6, generator())
    np.testing.assert_allclose(values, dense[0], rtol=1e-10)
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-8)
