"""λ_{k+1} over arrays in JAX, against each graph's own spectrum and dense eigenvalues."""

from fractions import Fraction

import numpy as np
import pytest

from dctheory import SimilarityGraph
from dctheory.bound.edits import remove_difficult, without_difficult
from dctheory.bound.settings import MARGIN, REMOVAL, WITH, WITHOUT
from dctheory.bound.sweep import PARAMETERS, SWEPT, sweep_eigenvalue

jax = pytest.importorskip("jax")
jnp = jax.numpy
PAIRINGS = ("both", "matched", "either")
TABLE_10 = {"classes": 10, "per_class": 5000, "difficult": 400, "alpha": 0.472, "beta": 0.191}


# All calls share this length, so that JAX compiles each setting once.
COUNT = 400


def _sweep(columns, pairing, setting=WITH):
    """λ_{k+1} of columns of parameters, padded with their first row to whole lots of COUNT."""
    length = len(columns["k"])
    pad = -length % COUNT
    padded = {name: np.append(v, np.repeat(v[:1], pad)) for name, v in columns.items()}
    lots = [
        sweep_eigenvalue(
            **{name: v[i : i + COUNT] for name, v in padded.items()},
            pairing=pairing,
            setting=setting,
        )
        for i in range(0, length, COUNT)
    ]
    return np.concatenate(lots)[:length]


def _columns(rows):
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def _grid(rng, count=COUNT):
    """Random graphs of all sizes, many of them at the edges n_d = 0 and n_d = n."""
    classes, per_class = rng.integers(2, 30, count), 10 ** rng.integers(0, 9, count)
    share = rng.choice([0, 0.1, 0.5, 0.9, 1], count)
    beta, gamma, alpha = np.sort(rng.uniform(0, 1, (3, count)), axis=0)
    gamma = np.where(rng.uniform(size=count) < 0.2, beta, gamma)
    return {
        "classes": classes,
        "per_class": per_class,
        "difficult": np.round(share * per_class).astype(int),
        "alpha": alpha,
        "beta": beta,
        "gamma": gamma,
        "k": classes,
    }


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_every_position_of_small_graphs(small, dense, pairing):
    graphs = [graph for graph in small if graph.pairing == pairing]
    rows, expected = [], []
    for graph in graphs:
        values = np.linalg.eigvalsh(dense(graph)[1])[::-1]
        own = {name: getattr(graph, name) for name in PARAMETERS}
        rows += [own | {"k": k} for k in range(1, graph.num_nodes)]
        expected += values[1:].tolist()
    np.testing.assert_allclose(_sweep(_columns(rows), pairing), expected, atol=3e-15)


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_random_graphs_of_every_setting(pairing):
    grid = _grid(np.random.default_rng(0))
    found = {name: _sweep(grid, pairing, name) for name in SWEPT}
    for index in range(COUNT):
        row = {name: grid[name][index].item() for name in PARAMETERS}
        graph = SimilarityGraph(**row, pairing=pairing)
        edited = dict.fromkeys((WITHOUT, MARGIN), without_difficult(graph)) | {WITH: graph}
        if graph.n_e:
            edited[REMOVAL] = remove_difficult(graph)
        for name in SWEPT:
            value, k = found[name][index], graph.classes
            if graph.num_nodes <= k or name not in edited or edited[name].num_nodes <= k:
                assert np.isnan(value)
            else:
                # Float64 rounding of γ − β and of the roots; the graph's own value is exact.
                exact = edited[name].spectrum().eigenvalue(k + 1)
                assert value == pytest.approx(exact, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_float64_precision_at_usual_parameters(pairing):
    rows = [TABLE_10 | {"gamma": g, "k": 10} for g in np.linspace(0.191, 0.472, 57).tolist()]
    exact = [
        SimilarityGraph(**{name: row[name] for name in PARAMETERS}, pairing=pairing)
        .spectrum()
        .eigenvalue(11)
        for row in rows
    ]
    np.testing.assert_allclose(_sweep(_columns(rows), pairing), exact, rtol=1e-13)


def test_shapes_broadcast_and_numbers_are_accepted():
    found = sweep_eigenvalue(
        **(TABLE_10 | {"difficult": [[1], [400]], "alpha": Fraction(472, 1000)}),
        gamma=np.array([0.2, 0.3, 0.4]),
        setting=REMOVAL,
    )
    assert found.shape == (2, 3)
    assert sweep_eigenvalue(**TABLE_10, gamma=0.2, setting=MARGIN).shape == ()


def test_what_is_no_graph_is_nan():
    wrong = [
        *({"gamma": 0.1}, {"gamma": 0.5}, {"beta": -0.1, "gamma": 0.3}, {"alpha": 1.1}),
        *({"alpha": np.nan}, {"difficult": 5001}, {"difficult": -1}, {"classes": 1}),
        *({"k": 0}, {"k": 50_000}, {"per_class": 0, "difficult": 0}),
    ]
    rows = [TABLE_10 | {"gamma": 0.2, "k": 10} | changes for changes in ({}, *wrong)]
    found = _sweep(_columns(rows), "both")
    assert np.isfinite(found[0])
    assert np.isnan(found[1:]).all()


def test_the_users_configuration_is_left_alone():
    before = jax.config.jax_enable_x64
    assert sweep_eigenvalue(**TABLE_10, gamma=0.2, setting=MARGIN).dtype == np.float64
    assert jax.config.jax_enable_x64 == before
    assert jnp.ones(1).dtype == jnp.float32


@pytest.mark.parametrize("setting", [WITH, REMOVAL])
def test_inside_the_users_own_transformations(setting):
    gamma = np.linspace(0.2, 0.4, 5)
    expected = sweep_eigenvalue(**TABLE_10, gamma=gamma, setting=setting)

    def one(value):
        return sweep_eigenvalue(**TABLE_10, gamma=value, setting=setting)

    for function in (jax.jit(one), jax.vmap(one)):
        found = function(jnp.asarray(gamma))
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    with jax.enable_x64(True):
        np.testing.assert_allclose(jax.jit(one)(jnp.asarray(gamma)), expected, rtol=1e-13)


def test_the_gradient_is_that_of_finite_differences():
    def one(gamma):
        return sweep_eigenvalue(**TABLE_10, gamma=gamma)

    step = 1e-6
    low, high = one(np.array([0.3 - step, 0.3 + step]))
    expected = (high - low) / (2 * step)
    with jax.enable_x64(True):
        assert jax.grad(one)(0.3) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"pairing": "mached"}, ValueError, "did you mean 'matched'"),
        ({"setting": "temperature"}, ValueError, "unknown setting"),
        ({"difficult": 0.5}, ValueError, "difficult must be whole numbers, got 0.5"),
        ({"k": np.array([1.0, np.inf])}, ValueError, "k must be whole numbers, got inf"),
        ({"alpha": True}, TypeError, "alpha must be numbers"),
        ({"alpha": "0.5"}, TypeError, "alpha must be numbers"),
        ({"alpha": None}, TypeError, "alpha must be numbers"),
        ({"alpha": [0.5, 0.6], "gamma": [0.2] * 3}, ValueError, "do not broadcast"),
    ],
)
def test_bad_input(changes, error, message):
    with pytest.raises(error, match=message):
        sweep_eigenvalue(**(TABLE_10 | {"gamma": 0.2} | changes))
