"""Nodes of a graph as noisy vectors, so that a network has to generalise from those it has seen.

The other way to show a node is its index: the row of a table of free embeddings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dctheory._validation import check_integer, check_real
from dctheory.data._draws import check_key
from dctheory.data.keys import step_key
from dctheory.graph.cells import CellGraph
from dctheory.graph.similarity import SimilarityGraph


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class NodeFeatures:
    """Vectors in R^d for the nodes of a graph; made by :func:`node_features`. A JAX pytree.

    The law of what is shown of node v, of class c(v) and of the kind g(v), is

        φ(v) = p_c(v) + difficulty · q_g(v) + identity · u_v + noise · ξ,

    with p_c and q_g independent uniform unit vectors of R^d, u_v ~ N(0, I_d / d) fixed for each
    node (so is everything but ξ, by the seed), and ξ ~ N(0, I_d / d) afresh each time. The kind of
    an easy node is none (q = 0). Difficult nodes share one q in all classes; for the pairing
    ``matched`` there is one for each index within the class, shared by the partners. In a
    ``CellGraph`` each cell is a kind. No table is kept: directions are made from the node's index.
    """

    dimension: int = field(metadata={"static": True})
    matched: bool = field(metadata={"static": True})
    key: jax.Array
    starts: jax.Array
    classes: jax.Array
    kinds: jax.Array
    stride: Any
    difficulty: Any
    identity: Any
    noise: Any

    def prototypes(self, nodes: jax.Array) -> jax.Array:
        """(..., d) float32 E[φ(v)], the vectors without ξ, of (...) nodes."""
        return _show(self, jnp.asarray(nodes), None)

    def show(self, nodes: jax.Array, key: jax.Array) -> jax.Array:
        """(..., d) float32 φ(v) of (...) int nodes; the key is that of ξ."""
        return _show(self, jnp.asarray(nodes), check_key(key))


@jax.jit
def _show(features: NodeFeatures, nodes: jax.Array, key: jax.Array | None) -> jax.Array:
    if not jnp.issubdtype(nodes.dtype, jnp.integer):
        raise TypeError(f"nodes must be integers, got {nodes.dtype}; they index the graph's nodes")
    flat = nodes.reshape(-1).astype(jnp.int32)
    group, place = flat // features.stride, flat % features.stride
    cell = jnp.searchsorted(features.starts, place, side="right") - 1
    kind = features.kinds[cell]
    difficult = kind >= 0
    if features.matched:
        kind = jnp.where(difficult, place, kind)
    indices = [group + features.classes[cell], jnp.maximum(kind, 0), flat]
    prototype, direction, own = _normals(features, jnp.stack(indices))
    shown = _unit(prototype) + features.difficulty * difficult[:, None] * _unit(direction)
    shown += features.identity * own / features.dimension**0.5
    if key is not None:
        fresh = jax.random.normal(key, shown.shape, jnp.float32)
        shown += features.noise * fresh / features.dimension**0.5
    return shown.reshape(*nodes.shape, features.dimension)


def _normals(features: NodeFeatures, indices: jax.Array) -> jax.Array:
    """(3, B, d) standard normal numbers that depend on the seed, the row and the index alone.

    The rows are what they are for: prototypes, directions of the kinds, vectors of the nodes.
    """

    def one(branch: jax.Array, index: jax.Array) -> jax.Array:
        own = jax.random.fold_in(jax.random.fold_in(features.key, branch), index)
        return jax.random.normal(own, (features.dimension,), jnp.float32)

    return jax.vmap(jax.vmap(one, in_axes=(None, 0)))(jnp.arange(3), indices)


def _unit(vectors: jax.Array) -> jax.Array:
    return vectors / jnp.linalg.norm(vectors, axis=1, keepdims=True)


def node_features(
    graph: SimilarityGraph | CellGraph,
    dimension: int,
    seed: int,
    *,
    difficulty: float = 1.0,
    identity: float = 0.5,
    noise: float = 0.5,
) -> NodeFeatures:
    """The vectors of a graph's nodes: see :class:`NodeFeatures` for their law.

    Args:
        graph: of at most 2^31 − 1 nodes.
        dimension: d ≥ 1.
        seed: of everything but ξ, 0 to 2^31 − 1.
        difficulty, identity, noise: lengths ≥ 0 of the direction of the kind, of a node's own
            vector and of the fresh noise, beside 1 for the class (root mean squares).

    Raises:
        TypeError, ValueError: another kind of graph, a value out of range.
    """
    if not isinstance(graph, (SimilarityGraph, CellGraph)):
        raise TypeError(
            f"graph must be a SimilarityGraph or a CellGraph, got {type(graph).__name__}"
        )
    check_integer("graph.num_nodes", graph.num_nodes, 1, 2**31 - 1)
    lengths = {"difficulty": difficulty, "identity": identity, "noise": noise}
    return NodeFeatures(
        dimension=check_integer("dimension", dimension, 1),
        matched=isinstance(graph, SimilarityGraph) and graph.pairing == "matched",
        key=step_key(seed, 0, 0, "node features"),
        **{name: jnp.asarray(each, jnp.int32) for name, each in _layout(graph).items()},
        **{name: jnp.float32(check_real(name, value, 0)) for name, value in lengths.items()},
    )


def _layout(graph: SimilarityGraph | CellGraph) -> dict[str, Any]:
    """The runs of alike nodes: in the whole graph of cells, or in each class of the paper's."""
    if isinstance(graph, CellGraph):
        sizes, stride = list(graph.sizes), graph.num_nodes
        classes, kinds = list(graph.classes), list(range(graph.num_cells))
    else:
        present = [each for each in ((graph.n_d, 0), (graph.n_e, -1)) if each[0]]
        sizes, kinds = [size for size, _ in present], [kind for _, kind in present]
        stride, classes = graph.per_class, [0] * len(sizes)
    starts = np.cumsum([0, *sizes[:-1]]).tolist()
    return {"starts": starts, "classes": classes, "kinds": kinds, "stride": stride}
