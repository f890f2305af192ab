"""The population loss of a table of free vectors, its minimum, and its curvature there.

All of the theorems' losses are −2 Σ P_xx' s_xx' + Σ Ω_xx' s_xx'² + constant with s = F Fᵀ and
symmetric P and Ω: with weights w_xx' that sum to 1, marginals w_x, margins m and temperatures τ,
Ω_xx' = w_x w_x'/τ_xx'² and P_xx' = w_xx'/τ_xx' − Ω_xx' m_xx'. Float64, by numpy and scipy, and
independent of the loss that is trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dctheory.graph.similarity import SimilarityGraph

Array = NDArray[np.float64]

# L-BFGS ends where the loss no longer decreases: it is scaled so that scipy's absolute test of the
# gradient does not end it before.
_SCALE = 1e3
_OPTIONS = {"maxiter": 20_000, "maxfun": 50_000, "maxcor": 30, "ftol": 1e-15, "gtol": 1e-10}


@dataclass(frozen=True, eq=False)
class PairLoss:
    """A loss of all pairs of nodes.

    Attributes:
        pairs: (N, N) probabilities w_xx' of the positive pairs.
        margins, temperatures: (N, N), symmetric.
    """

    pairs: Array
    margins: Array
    temperatures: Array

    @classmethod
    def of_graph(
        cls, graph: SimilarityGraph, margin: Any = None, temperature: Any = None
    ) -> PairLoss:
        """The loss on a graph; margins (for weights that sum to 1) and temperatures or None."""
        pairs = graph.adjacency() / float(graph.total_weight)
        margins = np.zeros_like(pairs) if margin is None else np.asarray(margin, np.float64)
        heat = np.ones_like(pairs) if temperature is None else np.asarray(temperature, np.float64)
        return cls(pairs, margins, heat)

    @property
    def marginals(self) -> Array:
        """(N,) w_x."""
        return self.pairs.sum(axis=1)

    @property
    def repulsion(self) -> Array:
        """(N, N) Ω, the weights of the squares."""
        return np.outer(self.marginals, self.marginals) / self.temperatures**2

    @property
    def attraction(self) -> Array:
        """(N, N) P, the weights of the similarities."""
        return self.pairs / self.temperatures - self.repulsion * self.margins

    @property
    def target(self) -> Array:
        """(N, N) matrix that √w_x √w_x' s_xx' is to approximate: the edited Ā, P/Ω √(w_x w_x')."""
        root = np.sqrt(self.marginals)
        return self.attraction / self.repulsion * np.outer(root, root)

    def value(self, features: Array) -> float:
        """The loss of (N, k) features, margins' constant included."""
        constant = np.sum(self.repulsion * self.margins**2)
        similarity = features @ features.T
        squares = np.sum(self.repulsion * similarity**2)
        return float(squares - 2 * np.sum(self.attraction * similarity) + constant)

    def hessian(self, features: Array) -> Array:
        """(N k, N k) second derivatives at (N, k) features, node-major."""
        size, k = features.shape
        repulsion = self.repulsion
        pull = 4 * (repulsion * (features @ features.T) - self.attraction)
        hessian = np.einsum("xy,ab->xayb", pull, np.eye(k))
        hessian += 4 * np.einsum("xy,xb,ya->xayb", repulsion, features, features)
        own = 4 * np.einsum("xy,ya,yb->xab", repulsion, features, features)
        nodes = np.arange(size)
        hessian[nodes, :, nodes, :] += own
        return hessian.reshape(size * k, size * k)

    def largest_curvature(self, features: Array) -> float:
        """The largest eigenvalue of the Hessian."""
        from scipy.linalg import eigh

        last = features.size - 1
        return float(
            eigh(self.hessian(features), eigvals_only=True, subset_by_index=[last, last])[0]
        )

    def eigen_factor(self, k: int) -> Array:
        """(N, k) features f(x) = U_x/√w_x with U Uᵀ the best approximation of ``target``.

        They minimise the loss if Ω_xx' = w_x w_x', that is without temperatures (Eckart–Young).
        """
        values, vectors = np.linalg.eigh(self.target)
        lengths = np.sqrt(np.maximum(values[::-1][:k], 0))
        found: Array = vectors[:, ::-1][:, :k] * lengths / np.sqrt(self.marginals)[:, None]
        return found

    def minimise(self, k: int, *, starts: int, rng: np.random.Generator) -> list[Array]:
        """(N, k) features where L-BFGS ends from random starts and the eigen-factor, best first."""
        from scipy.optimize import minimize
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        size = len(self.pairs)
        attraction, repulsion = self.attraction, self.repulsion

        def loss(flat: Array) -> tuple[float, Array]:
            features = flat.reshape(size, k)
            similarity = features @ features.T
            pull = repulsion * similarity
            value = np.sum((pull - 2 * attraction) * similarity)
            return float(_SCALE * value), (4 * _SCALE * (pull - attraction) @ features).ravel()

        begin = [rng.standard_normal((size, k)) for _ in range(starts)]
        ends = []
        # Threads of BLAS cost more than they save on matrices of this size.
        with threadpool_limits(1, user_api="blas"):
            for start in [self.eigen_factor(k), *begin]:
                found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options=_OPTIONS)
                ends.append(found.x.reshape(size, k))
        return sorted(ends, key=self.value)
