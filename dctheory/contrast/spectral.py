"""The spectral contrastive loss and its remedies: of a minibatch and of a whole graph."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from dctheory._validation import check_choice
from dctheory.contrast._blocks import choose_block, rows_of, sum_rows
from dctheory.contrast._checks import (
    as_features,
    as_queue,
    check_finite,
    check_pair,
    check_positive,
    check_samples,
    check_scalar,
)
from dctheory.contrast._cosine import products, unit_rows

if TYPE_CHECKING:
    from dctheory.graph.cells import CellGraph
    from dctheory.graph.similarity import SimilarityGraph

NORMS = ("free", "unit", "ball")


def spectral_loss(
    z1: Any,
    z2: Any,
    *,
    margin: Any = None,
    temperature: Any = None,
    positive_temperature: Any = None,
    norm: str = "free",
    mu: Any = 1.0,
    queue: Any = None,
    block_size: int | None = None,
) -> jax.Array:
    """Unbiased minibatch estimate of the losses of Eq. 1 and Theorems 4.2 and 4.4.

    With s_ij = z1_i · z2_j, and pairs (x_i, x_i⁺) that are independent draws from w/W,

        −2/B Σ_i s_ii / τ_ii  +  1/(B(B−1)) Σ_{i≠j} ((s_ij + m_ij) / τ_ij)²:

    for i ≠ j the samples behind z1_i and z2_j are independent, each drawn by its degree, so this
    has the expectation :func:`population_loss`; the pairs i = j would not. With a ``queue`` of
    keys from other batches the second term is the mean over the B Q pairs (z1_i, key_j), unbiased
    as far as those keys are up to date; z2 (the momentum encoder's) and the queue then get no
    gradient, as in MoCo (He et al. 2020).

    The theorems are about ``norm="free"``: the minimiser has ‖f(x)‖² = Σ_i max(λ_i, 0) v_i(x)²/w_x
    over the top k eigenpairs of the edited Ā, so a ``"ball"`` with μ at least the largest of these
    has the same minimiser, and ``"unit"`` in general has not.

    Args:
        z1, z2: (B, d) features of the two views, row i of both from sample i, B ≥ 2 without a
            queue. Computed in float32, or in float64 if they are.
        margin: m (Theorem 4.2), a number or (B, B) for (view 1 of i, view 2 of j), whose diagonal
            is not used; (B, Q) with a queue. Margins for weights that sum to 1.
        temperature: τ > 0 (Theorem 4.4), a number or an array like ``margin``'s. With a margin
            too, the minimiser approximates T ⊙ Ā − M̄ in the norm weighted by 1/τ².
        positive_temperature: τ of the positives, a number or (B,); by default the diagonal of
            ``temperature`` or the same number. Needed with a (B, Q) ``temperature``.
        norm: "free", "unit" (rows of norm 1) or "ball" (rows of norm above √μ are scaled to √μ).
        mu: μ > 0, for "ball".
        queue: (Q, d) keys.
        block_size: rows of pairs at a time; by default it suits the device. Memory grows with
            block_size × B.

    Returns:
        The loss, a scalar.

    Raises:
        TypeError: features that are not floating point.
        ValueError: shapes that do not fit, a batch of 1, temperatures or μ that are not positive.
    """
    first, second = as_features("z1", z1), as_features("z2", z2)
    check_pair(first, second)
    check_choice("norm", norm, NORMS)
    if queue is None:
        check_samples(first.shape[0], "which the spectral loss needs")
        others = second
    else:
        others = as_queue(queue, first.shape[1])
    shape = (first.shape[0], others.shape[0])
    plain = margin is None
    margin = _entries("margin", margin, shape, check_finite)
    positive = _positive_temperature(temperature, positive_temperature, shape, queue is not None)
    temperature = _entries("temperature", temperature, shape, check_positive)
    first, second, others = (_bounded(each, norm, mu) for each in (first, second, others))
    if queue is not None:
        second, others = lax.stop_gradient((second, others))
    attraction = jnp.mean(jnp.sum(first * second, axis=1) / positive)
    margin, temperature = (jnp.asarray(each, first.dtype) for each in (margin, temperature))
    paired = queue is None
    if plain and temperature.ndim == 0 and first.shape[1] < shape[1]:
        total = _gram_squares(first, others, paired) / temperature**2
    else:
        block = choose_block(block_size, *shape)
        varied = (first, others, margin, temperature)
        total = sum_rows(_PAIRED if paired else _UNPAIRED, shape[0], block, varied, ())
    repulsion = total / (shape[0] * (shape[1] - 1 if paired else shape[1]))
    return repulsion - 2 * attraction


def population_loss(
    graph: SimilarityGraph | CellGraph, F: Any, margin: Any = None, temperature: Any = None
) -> Any:
    """The loss of Eq. 1, Theorem 4.2 or 4.4 over all pairs of a graph, exactly.

    −2 Σ_xx' w_xx' s_xx'/τ_xx' + Σ_xx' w_x w_x' ((s_xx' + m_xx')/τ_xx')² with s = F Fᵀ and weights
    A/W that sum to 1. Without remedies it is ‖Ā − UUᵀ‖²_F − ‖Ā‖²_F with rows u_x = √w_x f(x), and
    its minimum is −Σ_{i≤k} max(λ_i, 0)².

    Args:
        graph: the graph, of N nodes.
        F: (N, k) features f(x), numpy (computed in float64) or JAX (in their own precision).
        margin: m, a number or (N, N), for weights that sum to 1
            (``margin_matrix(graph, normalized=True)``).
        temperature: τ > 0, a number or (N, N).

    Returns:
        The loss, a scalar of F's kind.

    Raises:
        TypeError: features that are not floating point.
        ValueError: shapes that do not fit, temperatures that are not positive, or a graph whose
            matrix would not fit in memory.
    """
    traced = isinstance(F, jax.Array)
    features: Any = F if traced else np.asarray(F)
    if not jnp.issubdtype(features.dtype, jnp.floating):
        raise TypeError(f"F must be floating point, got {features.dtype}; convert it")
    work = jnp.promote_types(features.dtype, jnp.float32) if traced else np.float64
    features = features.astype(work)
    nodes = graph.num_nodes
    if features.ndim != 2 or features.shape[0] != nodes:
        raise ValueError(
            f"F must have shape ({nodes}, k), one row for each node, got {features.shape}"
        )
    margin = _entries("margin", margin, (nodes, nodes), check_finite)
    temperature = _entries("temperature", temperature, (nodes, nodes), check_positive)
    total = float(graph.total_weight)
    weights, marginals = graph.adjacency() / total, np.asarray(graph.degrees) / total
    similarity = products(features, features) if traced else features @ features.T
    attraction = (weights * (similarity / temperature)).sum()
    squares = ((similarity + margin) / temperature) ** 2
    return marginals @ squares @ marginals - 2 * attraction


def _entries(name: str, value: Any, shape: tuple[int, int], check: Any) -> Any:
    """Per-pair values, checked; without any, the neutral one (margin 0, temperature 1)."""
    if value is None:
        return 0.0 if name == "margin" else 1.0
    if np.shape(value) not in ((), shape):
        raise ValueError(
            f"{name} must be a number or have shape {shape}, got {np.shape(value)}; "
            "entry (i, j) belongs to view 1 of sample i and view 2 of sample j (or key j)"
        )
    return check(name, value)


def _positive_temperature(
    temperature: Any, given: Any, shape: tuple[int, int], queued: bool
) -> Any:
    if given is not None:
        if np.shape(given) not in ((), shape[:1]):
            raise ValueError(
                f"positive_temperature must be a number or have shape {shape[:1]}, "
                f"got {np.shape(given)}"
            )
        return check_positive("positive_temperature", given)
    if temperature is None or np.shape(temperature) == ():
        return 1.0 if temperature is None else temperature
    if queued:
        raise ValueError(
            "a (B, Q) temperature says nothing about the positives; pass positive_temperature"
        )
    return jnp.diagonal(jnp.asarray(temperature))


def _bounded(features: jax.Array, norm: str, mu: Any) -> jax.Array:
    if norm == "free":
        return features
    if norm == "unit":
        return unit_rows(features)
    check_scalar("mu", mu)
    radius = jnp.sqrt(jnp.asarray(check_positive("mu", mu), features.dtype))
    outside = jnp.sum(features**2, axis=1, keepdims=True) > radius**2
    return jnp.where(outside, radius * unit_rows(features), features)


def _gram_squares(first: jax.Array, others: jax.Array, paired: bool) -> jax.Array:
    """Σ s_ij² as the product of two (d, d) Gram matrices, without the matrix of pairs."""
    total = jnp.sum(products(first.T, first.T) * products(others.T, others.T))
    return total - jnp.sum(jnp.sum(first * others, axis=1) ** 2) if paired else total


def _row_squares(paired: bool, start: Any, size: int, varied: Any, fixed: Any) -> jax.Array:
    first, others, margin, temperature = varied
    own = [rows_of(each, start, size) if each.ndim else each for each in (margin, temperature)]
    scaled = (products(rows_of(first, start, size), others) + own[0]) / own[1]
    if paired:
        rows = start + jnp.arange(size)
        scaled = jnp.where(rows[:, None] == jnp.arange(others.shape[0]), 0, scaled)
    return jnp.sum(scaled**2, axis=1)


_PAIRED = partial(_row_squares, True)
_UNPAIRED = partial(_row_squares, False)
