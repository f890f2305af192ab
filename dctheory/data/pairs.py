"""Positive pairs (x, x⁺) drawn from a graph with probability A_xx' / W, on the accelerator.

The law is that of HaoChen et al. 2021, whose edge weights are joint probabilities. A draw picks
a *kind* of pair (a node with itself, two of a class, an easy and a difficult one of two classes …)
by its total weight and then a pair of that kind uniformly, so cost and memory grow with the number
of kinds, not with N: at most 7 kinds for the paper's graph, c² + c for a graph of c cells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dctheory._validation import check_integer, check_memory
from dctheory.data._draws import AliasTable, alias_table, check_key, draw, uniform_below
from dctheory.graph.cells import CellGraph
from dctheory.graph.similarity import SimilarityGraph

# How the second index follows from the first: the same, another of the same range, or free.
_SAME, _DISTINCT, _FREE = 0, 1, 2

# Sums of two indices stay below 2^31.
_MAX_NODES = 2**30


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class PairSampler:
    """Draws pairs and nodes; made by :func:`pair_sampler`. A JAX pytree.

    The nodes are ``groups`` runs of ``stride`` (one run of all of them but for the paper's graph,
    whose classes are alike). Of K kinds, kind k takes a first node in the range that begins at
    ``first_start[k]`` of a run and a second one in the range at ``second_start[k]`` of the same
    run, or of another where ``crosses[k]``.

    Attributes:
        num_nodes: N.
        groups, stride: runs of nodes, and nodes in each.
        kinds: alias table of the kinds by their weight.
        first_start, first_size, second_start: (K,) int32 ranges.
        choices: (K,) int32 second nodes that are left when the first is known.
        relation: (K,) int32: the same index in both ranges, another one of the same range, or any.
        crosses: (K,) bool.
    """

    num_nodes: int = field(metadata={"static": True})
    groups: int = field(metadata={"static": True})
    stride: int = field(metadata={"static": True})
    kinds: AliasTable
    first_start: jax.Array
    first_size: jax.Array
    second_start: jax.Array
    choices: jax.Array
    relation: jax.Array
    crosses: jax.Array

    def pairs(
        self, key: jax.Array, shape: int | tuple[int, ...] = ()
    ) -> tuple[jax.Array, jax.Array]:
        """Nodes x and x⁺, int32 of the given shape: independent pairs, P(x, x⁺) = A_xx⁺ / W.

        Raises:
            TypeError: ``key`` is no JAX key (``jax.random.key(seed)``).
            ValueError: more than one key, a negative size.
        """
        return _draw_pairs(self, check_key(key), _as_shape(shape))

    def nodes(self, key: jax.Array, shape: int | tuple[int, ...] = ()) -> jax.Array:
        """Independent nodes, int32, with probability w_x = d_x / W: the marginal of the pairs."""
        return self.pairs(key, shape)[0]

    def __repr__(self) -> str:
        return f"<PairSampler: {self.num_nodes} nodes, {len(self.relation)} kinds of pairs>"


@partial(jax.jit, static_argnames="shape")
def _draw_pairs(
    sampler: PairSampler, key: jax.Array, shape: tuple[int, ...]
) -> tuple[jax.Array, jax.Array]:
    # All bits at once: each call of the generator costs compile time.
    words = jax.random.bits(key, (6, 2, *shape), jnp.uint32)
    kind = draw(sampler.kinds, words[:2])
    group = uniform_below(words[2], sampler.groups)
    jump = 1 + uniform_below(words[3], max(sampler.groups - 1, 1))
    other = jnp.where(sampler.crosses[kind], (group + jump) % sampler.groups, group)
    size, relation = sampler.first_size[kind], sampler.relation[kind]
    first = uniform_below(words[4], size)
    free = uniform_below(words[5], sampler.choices[kind])
    distinct = (first + 1 + free) % size
    second = jnp.where(relation == _SAME, first, jnp.where(relation == _DISTINCT, distinct, free))
    x = group * sampler.stride + sampler.first_start[kind] + first
    return x, other * sampler.stride + sampler.second_start[kind] + second


def pair_sampler(graph: SimilarityGraph | CellGraph | Any) -> PairSampler:
    """The sampler of a graph, or of a matrix of similarities.

    Args:
        graph: a :class:`SimilarityGraph` or :class:`CellGraph` of at most 2^30 nodes; or an (N, N)
            symmetric matrix, numpy or scipy sparse, of finite similarities ≥ 0, such as a noisy
            one of ``graph.noisy``: there every entry is a kind, so memory grows with the non-zero
            entries (some 50 bytes each).

    Raises:
        TypeError: neither graph nor matrix.
        ValueError: too many nodes; a matrix that is not square, not symmetric, negative or zero.
    """
    if isinstance(graph, SimilarityGraph):
        _check_nodes(graph.num_nodes)
        return _from_columns(graph.num_nodes, graph.classes, *_similarity_kinds(graph))
    if isinstance(graph, CellGraph):
        _check_nodes(graph.num_nodes)
        check_memory(f"kinds of pairs of {graph.num_cells} cells", 150 * graph.num_cells**2)
        return _from_columns(graph.num_nodes, 1, *_cell_kinds(graph))
    if not hasattr(graph, "shape"):
        raise TypeError(
            "graph must be a SimilarityGraph, a CellGraph or a matrix, got "
            f"{type(graph).__name__}; make one with dctheory.SimilarityGraph(...)"
        )
    return _from_matrix(graph)


def _check_nodes(count: int) -> None:
    if count > _MAX_NODES:
        raise ValueError(
            f"the graph has {count} nodes, and pairs are drawn as 32-bit indices of at most "
            f"{_MAX_NODES}; draw from a graph with fewer nodes in each class"
        )


# --- Kinds of pairs: columns first start, first size, second start, choices, relation, crosses


def _similarity_kinds(graph: SimilarityGraph) -> tuple[np.ndarray, np.ndarray]:
    """Weights in one class, and rows of columns, of every kind of the paper's graph."""
    n, r = graph.n, graph.r
    alpha, beta, gamma = (float(each) for each in (graph.alpha, graph.beta, graph.gamma))
    hard, easy = (0, graph.n_d), (graph.n_d, graph.n_e)
    kinds: list[tuple[float, tuple[int, ...]]] = [
        (float(n), (0, n, 0, 1, _SAME, 0)),
        (alpha * n * (n - 1), (0, n, 0, n - 1, _DISTINCT, 0)),
    ]
    mixed = gamma if graph.pairing == "either" else beta
    cross = [(easy, easy, beta), (hard, easy, mixed), (easy, hard, mixed)]
    if graph.pairing == "matched":
        m = graph.n_d
        kinds.append((r * gamma * m, (0, m, 0, 1, _SAME, 1)))
        kinds.append((r * beta * m * (m - 1), (0, m, 0, m - 1, _DISTINCT, 1)))
    else:
        cross.append((hard, hard, gamma))
    for (start, size), (other, choices), similarity in cross:
        weight = r * similarity * size * choices
        kinds.append((weight, (start, size, other, choices, _FREE, 1)))
    weights, columns = zip(*kinds, strict=True)
    return np.array(weights), np.array(columns)


def _cell_kinds(graph: CellGraph) -> tuple[np.ndarray, np.ndarray]:
    """Weights, and rows of columns: pairs of cells, with distinct nodes in one; then self pairs."""
    sizes = np.array(graph.sizes, dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    count = len(sizes)
    i, j = (axis.reshape(-1) for axis in np.indices((count, count)))
    within = i == j
    choices = sizes[j] - within
    relation = np.where(within, _DISTINCT, _FREE)
    pairs = np.stack([starts[i], sizes[i], starts[j], choices, relation, 0 * i], axis=1)
    one, zero = np.ones(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    selves = np.stack([starts, sizes, starts, one, zero + _SAME, zero], axis=1)
    weights = graph.similarity[i, j] * sizes[i] * choices
    own = graph.self_similarity * sizes
    return np.concatenate([weights, own]), np.concatenate([pairs, selves])


def _from_matrix(matrix: Any) -> PairSampler:
    from scipy import sparse

    if len(matrix.shape) != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.shape[0]:
        raise ValueError(f"a matrix of similarities must be square, got shape {matrix.shape}")
    _check_nodes(matrix.shape[0])
    if not sparse.issparse(matrix):
        check_memory("the kinds of pairs of a dense matrix", 150 * matrix.shape[0] ** 2)
    entries = sparse.coo_array(matrix).tocsr()
    entries.eliminate_zeros()
    if not np.all(np.isfinite(entries.data)) or abs(entries - entries.T).max() > 0:
        raise ValueError(
            "a matrix of similarities must be symmetric and finite; pass (A + A.T) / 2 if it is "
            "so up to rounding"
        )
    if entries.nnz == 0 or entries.data.min() < 0:
        found = "all of them are 0" if entries.nnz == 0 else f"the smallest is {entries.min():.6g}"
        raise ValueError(
            f"similarities are probabilities up to a factor, so none may be negative; {found}. "
            "Use a smaller epsilon, noise of a bounded law, or numpy.maximum(A, 0), "
            "which is another graph"
        )
    entries = entries.tocoo()
    row, column = entries.row.astype(np.int64), entries.col.astype(np.int64)
    one = np.ones_like(row)
    columns = np.stack([row, one, column, one, _FREE * one, 0 * one], axis=1)
    return _from_columns(matrix.shape[0], 1, entries.data.astype(np.float64), columns)


def _from_columns(
    num_nodes: int, groups: int, weights: np.ndarray, columns: np.ndarray
) -> PairSampler:
    possible = weights > 0
    *ranges, crosses = columns[possible].T.astype(np.int32)
    first_start, first_size, second_start, choices, relation = (jnp.asarray(e) for e in ranges)
    return PairSampler(
        num_nodes=num_nodes,
        groups=groups,
        stride=num_nodes // groups,
        kinds=alias_table(weights[possible]),
        first_start=first_start,
        first_size=first_size,
        second_start=second_start,
        choices=choices,
        relation=relation,
        crosses=jnp.asarray(crosses.astype(bool)),
    )


def _as_shape(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, tuple) else (shape,)
    return tuple(check_integer("shape", size, 0) for size in sizes)
