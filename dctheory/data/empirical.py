"""A finite sample of natural data and the graph that it makes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_integer, check_memory
from dctheory.data.pairs import PairSampler, pair_sampler

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False, repr=False)
class EmpiricalGraph:
    """The graph of m natural images, each of them seen through one pair of augmentations.

    In HaoChen et al. 2021 a natural image x̄ gives x and x⁺ independently from its augmentations,
    and w_xx' = E[A(x|x̄) A(x'|x̄)] = A_xx'/W is the law of that pair. One pair of each of m
    independent images is therefore m independent pairs by A/W; the empirical graph counts them,
    symmetrised: Â = (K + Kᵀ) / (2m) with K_xx' the number of times that (x, x') was drawn. Its
    entries sum to 1, and E[Â] = A/W.

    Attributes:
        num_nodes: N of the graph the pairs come from.
        first, second: (m,) int64, the two nodes of each image.
    """

    num_nodes: int
    first: NDArray[np.int64]
    second: NDArray[np.int64]

    @property
    def num_images(self) -> int:
        """m."""
        return len(self.first)

    @cached_property
    def adjacency(self) -> csr_array:
        """(N, N) sparse float64 Â, with at most 2m entries."""
        from scipy.sparse import coo_array

        ends = (
            np.concatenate([self.first, self.second]),
            np.concatenate([self.second, self.first]),
        )
        weights = np.full(len(ends[0]), 0.5 / self.num_images)
        return coo_array((weights, ends), shape=(self.num_nodes, self.num_nodes)).tocsr()

    @cached_property
    def degrees(self) -> NDArray[np.float64]:
        """(N,) row sums of Â: the share of the views that show each node."""
        ends = np.concatenate([self.first, self.second])
        return np.bincount(ends, minlength=self.num_nodes) / (2 * self.num_images)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(N,) whether a node occurs in the sample; the rows of the others are zero."""
        return self.degrees > 0

    def normalized_adjacency(self) -> csr_array:
        """(N, N) sparse D̂^(−1/2) Â D̂^(−1/2); rows of nodes that were not seen are zero."""
        from scipy.sparse import diags_array

        scale = np.zeros(self.num_nodes)
        scale[self.seen] = 1 / np.sqrt(self.degrees[self.seen])
        return (diags_array(scale) @ self.adjacency @ diags_array(scale)).tocsr()

    def eigenvalues(self, count: int | None = None) -> NDArray[np.float64]:
        """Largest eigenvalues of the normalised Â, descending, to about 1e-12.

        Args:
            count: how many; None for all N, by a dense decomposition.

        Raises:
            ValueError: ``count`` outside 1 … N, or a dense matrix that would not fit.
        """
        from scipy.sparse.linalg import eigsh

        size = self.num_nodes
        wanted = size if count is None else check_integer("count", count, 1, size)
        matrix = self.normalized_adjacency()
        if wanted >= size - 1 or size <= 64:
            check_memory(f"the dense empirical graph of {size} nodes", 32 * size**2)
            return np.linalg.eigvalsh(matrix.toarray())[::-1][:wanted]
        # A fixed start, so that the same graph gives the same digits.
        start = np.random.default_rng(0).standard_normal(size)
        values = eigsh(matrix, k=wanted, which="LA", v0=start, return_eigenvectors=False)
        return np.sort(values)[::-1]

    def sampler(self) -> PairSampler:
        """Pairs drawn from the sample, (x, x⁺) with probability Â_xx⁺: training on finite data."""
        return pair_sampler(self.adjacency)

    def __repr__(self) -> str:
        return f"<EmpiricalGraph: {self.num_images} images, {self.num_nodes} nodes>"


def sample_natural(graph: Any, images: int, key: jax.Array) -> EmpiricalGraph:
    """Draw m natural images from a graph: see :class:`EmpiricalGraph`.

    Args:
        graph: whatever :func:`dctheory.data.pair_sampler` takes, or a ``PairSampler``.
        images: m ≥ 1.
        key: a JAX key.
    """
    count = check_integer("images", images, 1)
    check_memory(f"pairs of {count} images", 64 * count)
    sampler = graph if isinstance(graph, PairSampler) else pair_sampler(graph)
    first, second = (np.asarray(each, dtype=np.int64) for each in sampler.pairs(key, count))
    return EmpiricalGraph(sampler.num_nodes, first, second)
