"""The linear probe and the k-NN classifier, against scikit-learn and optax.

The features are correlated, as an encoder's are: their variance falls by e^8 over the dimensions.
All probes minimise the same objective on standardised features, to the same accuracy: the gap is
that of the objectives, computed in float64.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dctheory.train.neighbours import knn_predict
from dctheory.train.probe import ProbeFit, fit_probe

CLASSES = 10
RIDGE, TOLERANCE, ITERATIONS = 1e-4, 1e-5, 1000
NEIGHBOURS, TEMPERATURE = 20, 0.1
MEMBERS = 10


def run(quick: bool) -> list[dict[str, Any]]:
    """Times of probe and k-NN, and of ten probes at once."""
    rows = [*_probe(10_000, 128), _neighbours(10_000, 2_000, 128), _members(1_000, 64)]
    return rows if quick else [*rows, *_probe(50_000, 512, ("optax.lbfgs",)), _large_neighbours()]


def _probe(
    samples: int, dimension: int, peers: tuple[str, ...] = ("scikit-learn, lbfgs", "optax.lbfgs")
) -> list[dict[str, Any]]:
    features, labels = _data(samples, dimension)
    fit = partial(fit_probe, iterations=ITERATIONS, ridge=RIDGE, tolerance=TOLERANCE)
    seconds, found = _timed(lambda: fit(features, labels, CLASSES))
    row = {"name": f"probe, {samples:,} × {dimension} × {CLASSES}", "unit": "s", "ours": seconds}
    value = _objective(features, labels, found.coefficients, found.intercept)
    rows = []
    for name in peers:
        try:
            peer = _optax if name == "optax.lbfgs" else _sklearn
            theirs, (coefficients, intercept, steps) = peer(features, labels)
        except ImportError as error:
            rows.append(row | {"note": str(error)})
            continue
        gap = _objective(features, labels, coefficients, intercept) - value
        note = f"{int(found.iterations)} steps and {int(steps)}; theirs − ours {gap:.1e}"
        rows.append(row | {"peer": theirs, "peer_name": name, "note": note})
    return rows


def _sklearn(features: jax.Array, labels: np.ndarray) -> tuple[float, tuple[Any, ...]]:
    from sklearn.linear_model import LogisticRegression

    inputs = np.asarray(features)
    penalty = 1 / (RIDGE * len(labels))
    model = LogisticRegression(C=penalty, tol=TOLERANCE, max_iter=ITERATIONS)
    seconds, _ = _timed(lambda: model.fit(inputs, labels))
    return seconds, (model.coef_.T, model.intercept_, model.n_iter_.max())


def _optax(features: jax.Array, labels: np.ndarray) -> tuple[float, tuple[Any, ...]]:
    import optax

    targets = jax.nn.one_hot(labels, CLASSES)
    optimizer = optax.lbfgs()

    @jax.jit
    def solve(features: jax.Array) -> tuple[Any, ...]:
        def loss(parameters: Any) -> jax.Array:
            logits = features @ parameters[0] + parameters[1]
            entropy = optax.losses.softmax_cross_entropy(logits, targets).mean()
            return entropy + RIDGE / 2 * jnp.sum(parameters[0] ** 2)

        def step(carry: tuple[Any, ...]) -> tuple[Any, ...]:
            parameters, state, value, gradient, count = carry
            updates, state = optimizer.update(
                gradient, state, parameters, value=value, grad=gradient, value_fn=loss
            )
            value, gradient = (optax.tree.get(state, name) for name in ("value", "grad"))
            return optax.apply_updates(parameters, updates), state, value, gradient, count + 1

        def unfinished(carry: tuple[Any, ...]) -> jax.Array:
            return (carry[-1] < ITERATIONS) & (optax.tree.norm(carry[-2]) > TOLERANCE)

        zeros = jnp.zeros((features.shape[1], CLASSES)), jnp.zeros(CLASSES)
        start = zeros, optimizer.init(zeros), *jax.value_and_grad(loss)(zeros), 0
        found, _, _, _, count = jax.lax.while_loop(unfinished, step, start)
        return *found, count

    return _timed(lambda: solve(features))


def _objective(features: Any, labels: np.ndarray, coefficients: Any, intercept: Any) -> float:
    weights = np.asarray(coefficients, np.float64)
    logits = np.asarray(features, np.float64) @ weights + np.asarray(intercept, np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
    return float(losses.mean() + RIDGE / 2 * (weights**2).sum())


def _neighbours(known: int, rows: int, dimension: int) -> dict[str, Any]:
    from sklearn.neighbors import KNeighborsClassifier

    features, labels = _data(known + rows, dimension)
    fit, test = features[:known], features[known:]
    seconds, found = _timed(lambda: _vote(fit, labels[:known], test))
    peer = KNeighborsClassifier(
        NEIGHBOURS,
        metric="cosine",
        algorithm="brute",
        weights=lambda distance: np.exp((1 - distance) / TEMPERATURE),
    ).fit(np.asarray(fit), labels[:known])
    inputs = np.asarray(test)
    theirs, expected = _timed(lambda: peer.predict(inputs))
    return {
        "name": f"{NEIGHBOURS}-NN, {known:,} and {rows:,} × {dimension}",
        "unit": "s",
        "ours": seconds,
        "peer": theirs,
        "peer_name": "scikit-learn, brute",
        "note": f"{np.mean(np.asarray(found) == expected):.4%} of the labels agree",
    }


def _large_neighbours() -> dict[str, Any]:
    known, rows, dimension = 50_000, 10_000, 512
    features, labels = _data(known + rows, dimension)
    seconds, _ = _timed(lambda: _vote(features[:known], labels[:known], features[known:]), 1)
    name = f"{NEIGHBOURS}-NN, {known:,} and {rows:,} × {dimension}"
    note = f"the matrix of pairs would take {4 * known * rows / 2**30:.3g} GiB"
    return {"name": name, "unit": "s", "ours": seconds, "note": note}


def _vote(fit: jax.Array, labels: np.ndarray, test: jax.Array) -> jax.Array:
    return knn_predict(fit, labels, test, CLASSES, neighbours=NEIGHBOURS, temperature=TEMPERATURE)


def _members(samples: int, dimension: int) -> dict[str, Any]:
    """Ten probes of one program against one after the other, both compiled before."""
    labels = _data(samples, dimension)[1]
    members = jnp.stack([_data(samples, dimension, seed)[0] for seed in range(MEMBERS)])

    def fit(features: jax.Array) -> ProbeFit:
        return fit_probe(features, labels, CLASSES, ridge=RIDGE)

    at_once = jax.jit(jax.vmap(fit))
    seconds, found = _timed(lambda: at_once(members))
    theirs, _ = _timed(lambda: [fit(member) for member in members])
    return {
        "name": f"{MEMBERS} probes by vmap, {samples:,} × {dimension} × {CLASSES}",
        "unit": "s",
        "ours": seconds,
        "peer": theirs,
        "peer_name": "one after the other",
        "note": f"{found.iterations.min()} to {found.iterations.max()} steps",
    }


def _data(samples: int, dimension: int, seed: int = 0) -> tuple[jax.Array, np.ndarray]:
    """Standardised features of overlapping classes; the labels do not depend on the seed."""
    labels = np.random.default_rng(0).integers(0, CLASSES, samples)
    rng = np.random.default_rng(seed + 1)
    distance = 2.5 / np.sqrt(dimension)
    features = rng.normal(size=(samples, dimension))
    features += distance * rng.normal(size=(CLASSES, dimension))[labels]
    decay = np.exp(-4 * np.arange(dimension) / dimension)
    features = features @ (rng.normal(size=(dimension, dimension)) * decay[:, None])
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    return jnp.asarray(features, jnp.float32), labels


def _timed(function: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Median time of several calls after one that is not counted, and the last result."""
    result = jax.block_until_ready(function())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = jax.block_until_ready(function())
        times.append(time.perf_counter() - start)
    return float(np.median(times)), result
