"""Classes around prototypes on the sphere: a continuous family where difficulty is a dial.

A difficult point has its centre on the way from its class's prototype to another's. Natural
variation and augmentation are normal noise followed by projection to the sphere, whose mean
direction has a closed form, so that the mean cosines α, β, γ of the points are known exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_choice, check_integer, check_memory, check_real
from dctheory.data._draws import check_key
from dctheory.data.keys import sample_keys
from dctheory.graph.similarity import PAIRINGS, SimilarityGraph

Array = NDArray[np.float64]


def mean_resultant_length(noise: float, dimension: int) -> float:
    """E[cos ∠(m, m + noise·ξ)] for a unit vector m of R^d and ξ ~ N(0, I_d / d).

    That is (κ/√2) Γ((d+1)/2)/Γ(d/2+1) · ₁F₁(1/2; d/2+1; −κ²/2) with κ = √d / noise, the mean
    resultant length of the projected normal law; for d = 1 it is erf(κ/√2). Accurate to 1e-11.

    Args:
        noise: ≥ 0, the root mean square length of what is added.
        dimension: d ≥ 1.
    """
    d = check_integer("dimension", dimension, 1)
    level = float(check_real("noise", noise, 0))
    if level == 0:
        return 1.0
    from scipy.special import gammaln, hyp1f1

    kappa = math.sqrt(d) / level
    log_ratio = float(gammaln((d + 1) / 2) - gammaln(d / 2 + 1))
    series = float(hyp1f1(0.5, d / 2 + 1, -(kappa**2) / 2))
    return kappa / math.sqrt(2) * math.exp(log_ratio) * series


@dataclass(frozen=True)
class InducedSimilarities:
    """Expected cosines: over same-class pairs of distinct samples, and so on.

    Attributes:
        alpha: of distinct samples of one class.
        beta: of cross-class pairs that are not difficult; NaN if there is none.
        gamma: of difficult cross-class pairs; NaN if there is none.
        positive: of two views of one sample.
        pairing: which cross-class pairs are difficult.
    """

    alpha: float
    beta: float
    gamma: float
    positive: float
    pairing: str


@dataclass(frozen=True, kw_only=True)
class SphereFamily:
    """N = classes · per_class natural points on the unit sphere of R^d, and their augmentation.

    Prototypes μ_c are unit vectors with ⟨μ_c, μ_c'⟩ = overlap. A difficult point i of class c has
    its centre at the share ``distance`` of the arc from μ_c to the prototype of its partner class
    (c + 1 + i mod r) mod (r + 1): 0 is the prototype itself, 1/2 the border. With
    P_σ(m) = (m + σξ)/‖m + σξ‖, ξ ~ N(0, I_d / d), a natural point is x̄ = P_spread(centre), drawn
    once, and an augmentation of it is x = P_noise(x̄), drawn afresh for each view. Samples are
    ordered as the nodes of a :class:`SimilarityGraph`: by class, the difficult ones first.

    Args:
        classes: r + 1 ≥ 2.
        per_class: n ≥ 2.
        difficult: n_d = ωn, 0 to n.
        dimension: d ≥ classes + 1.
        distance: in [0, 1].
        overlap: cosine of two prototypes, in [0, 1).
        spread, noise: ≥ 0, root mean square lengths beside the unit vector they are added to.
        seed: of the rotation of the prototypes, 0 to 2^31 − 1.

    Raises:
        TypeError, ValueError: a value of the wrong kind or out of range.
    """

    classes: int
    per_class: int
    difficult: int
    dimension: int
    distance: float
    overlap: float = 0.1
    spread: float = 0.5
    noise: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        check_integer("classes", self.classes, 2)
        check_integer("per_class", self.per_class, 2)
        check_integer("difficult", self.difficult, 0, self.per_class)
        check_integer("dimension", self.dimension, self.classes + 1)
        check_integer("seed", self.seed, 0, 2**31 - 1)
        check_real("distance", self.distance, 0, 1)
        check_real("overlap", self.overlap, 0, 1)
        if self.overlap == 1:
            raise ValueError("overlap must be below 1, got 1: all prototypes would be the same")
        check_real("spread", self.spread, 0)
        check_real("noise", self.noise, 0)

    @property
    def num_samples(self) -> int:
        """N."""
        return self.classes * self.per_class

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) classes."""
        return np.repeat(np.arange(self.classes), self.per_class)

    @property
    def is_difficult(self) -> NDArray[np.bool_]:
        """(N,) whether a sample's centre was moved."""
        return np.tile(np.arange(self.per_class) < self.difficult, self.classes)

    @property
    def partners(self) -> NDArray[np.int64]:
        """(N,) partner class of a difficult sample, −1 for the others."""
        index = np.arange(self.per_class) % (self.classes - 1)
        partners = (np.arange(self.classes)[:, None] + 1 + index) % self.classes
        return np.where(self.is_difficult, partners.reshape(-1), -1)

    @property
    def matches(self) -> NDArray[np.int64]:
        """(N,) index within the class of a difficult sample, −1 for the others.

        Difficult samples with the same index are the difficult pairs of the pairing ``matched``.
        """
        index = np.tile(np.arange(self.per_class), self.classes)
        return np.where(self.is_difficult, index, -1)

    # --- Points

    @cached_property
    def prototypes(self) -> Array:
        """(C, d) float64 unit vectors μ_c = √overlap e_0 + √(1 − overlap) e_c, rotated."""
        rng = np.random.default_rng(self.seed)
        basis, _ = np.linalg.qr(rng.standard_normal((self.dimension, self.classes + 1)))
        common, own = basis[:, 0], basis[:, 1:].T
        return math.sqrt(self.overlap) * common + math.sqrt(1 - self.overlap) * own

    @property
    def _arc(self) -> tuple[float, float]:
        """Coefficients of a difficult centre on its own and on its partner's prototype."""
        angle = math.acos(self.overlap)
        own, other = (
            math.sin(share * angle) / math.sin(angle)
            for share in (1 - self.distance, self.distance)
        )
        return own, other

    def centres(self) -> Array:
        """(N, d) float64 unit vectors."""
        check_memory(
            f"centres of {self.num_samples} samples", 24 * self.num_samples * self.dimension
        )
        centres = self.prototypes[self.labels]
        own, other = self._arc
        moved = self.is_difficult
        centres[moved] = own * centres[moved] + other * self.prototypes[self.partners[moved]]
        return centres

    def sample(self, key: jax.Array) -> jax.Array:
        """(N, d) float32 natural points x̄."""
        return _scatter(check_key(key), jnp.asarray(self.centres(), jnp.float32), self.spread)

    def augment(self, points: Any, key: jax.Array) -> jax.Array:
        """(B, d) float32 augmentations of (B, d) points, one of each."""
        return _scatter(check_key(key), self._as_points(points), self.noise)

    def two_views(
        self, points: Any, indices: Any, seed: Any, epoch: Any, step: Any
    ) -> tuple[jax.Array, jax.Array]:
        """Two augmentations of each of (B, d) points, of which ``indices`` are the samples.

        What a sample gets depends on (seed, epoch, step, index) alone: see
        :func:`dctheory.data.keys.sample_keys`.
        """
        keys = sample_keys(seed, epoch, step, indices)
        array = self._as_points(points)
        if len(array) != len(keys):
            raise ValueError(f"{len(array)} points have {len(keys)} indices; pass one for each")

        views = scatter_twice(keys, array, self.noise)
        return views[0], views[1]

    def _as_points(self, points: Any) -> jax.Array:
        array = jnp.asarray(points)
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise TypeError(f"points must be floating point, got {array.dtype}")
        if array.ndim != 2 or array.shape[1] != self.dimension:
            raise ValueError(f"points must have shape (B, {self.dimension}), got {array.shape}")
        return array.astype(jnp.float32)

    # --- The similarities they have

    def similarities(self, pairing: str = "both") -> InducedSimilarities:
        """Expected cosines between augmentations of the samples, in closed form.

        Two distinct samples with centres m, m' have E[x·x'] = ρ²ρ'² m·m', where ρ and ρ' are the
        :func:`mean_resultant_length` of ``spread`` and ``noise``: each P_σ is symmetric about its
        argument, so its mean is ρ times it. Two views of one sample have ρ'². α, β, γ are the
        means over all ordered pairs of distinct samples, which is what
        :func:`dctheory.estimate_similarities` measures on one augmentation of each.
        """
        check_choice("pairing", pairing, PAIRINGS)
        classes, n, hard = self.classes, self.per_class, self.difficult
        easy = n - hard
        within, cross = self._centre_sums()
        cross_pairs = classes * (classes - 1)
        if pairing == "matched":
            chosen, pairs = self._matched_sum(), cross_pairs * hard
        elif pairing == "both":
            chosen, pairs = cross[0, 0], cross_pairs * hard**2
        else:
            chosen, pairs = cross.sum() - cross[1, 1], cross_pairs * (n**2 - easy**2)
        views = mean_resultant_length(self.noise, self.dimension) ** 2
        scale = views * mean_resultant_length(self.spread, self.dimension) ** 2
        return InducedSimilarities(
            alpha=scale * (within - self.num_samples) / (classes * n * (n - 1)),
            beta=_mean(scale * (cross.sum() - chosen), cross_pairs * n**2 - pairs),
            gamma=_mean(scale * chosen, pairs),
            positive=views,
            pairing=pairing,
        )

    def _centre_sums(self) -> tuple[float, Array]:
        """Sums of m·m' over ordered pairs: of one class, self pairs included; and of two classes,
        (2, 2) by the ends being difficult (0) or easy (1)."""
        c, hard = self.classes, self.difficult
        check_memory(f"sums over {c} classes", 100 * c**2)
        own, other = self._arc
        moved = np.bincount(np.arange(hard) % (c - 1), minlength=c - 1)
        partner = (np.arange(c)[:, None] + 1 + np.arange(c - 1)) % c
        # Sums of the centres of a cell, as coefficients of the prototypes.
        sums = np.zeros((2, c, c))
        np.put_along_axis(sums[0], partner, np.tile(other * moved, (c, 1)), axis=1)
        sums[0] += own * hard * np.eye(c)
        sums[1] = (self.per_class - hard) * np.eye(c)
        totals = sums.sum(axis=2)
        dots = (1 - self.overlap) * np.einsum("acp,bcp->abc", sums, sums)
        dots += self.overlap * np.einsum("ac,bc->abc", totals, totals)
        whole = sums.sum(axis=1)
        every = (1 - self.overlap) * whole @ whole.T
        every += self.overlap * np.outer(whole.sum(axis=1), whole.sum(axis=1))
        return float(dots.sum()), every - dots.sum(axis=2)

    def _matched_sum(self) -> float:
        """Σ m·m' over difficult pairs of the same index: their centres sum to (a + b) Σ_c μ_c."""
        c = self.classes
        squared = c * (1 + (c - 1) * self.overlap)
        return self.difficult * (sum(self._arc) ** 2 * squared - c)

    def graph(self, pairing: str = "both") -> SimilarityGraph:
        """The paper's graph with the α, β, γ of :meth:`similarities`; γ = β if no pair has γ.

        Raises:
            ValueError: the order 0 ≤ β ≤ γ ≤ α ≤ 1 is broken, or no pair is left for β.
        """
        found = self.similarities(pairing)
        if math.isnan(found.beta):
            raise ValueError(
                f"β has no value for pairing {pairing!r}: every cross-class pair is difficult; "
                "choose a smaller number of difficult samples, or another pairing"
            )
        gamma = found.beta if math.isnan(found.gamma) else found.gamma
        if not found.beta <= gamma <= found.alpha:
            raise ValueError(
                f"no similarity graph has α = {found.alpha:.6g}, β = {found.beta:.6g}, γ = "
                f"{gamma:.6g} ({pairing!r}): it needs β ≤ γ ≤ α; choose a distance below "
                f"{self.distance}, more classes or fewer difficult samples"
            )
        sizes = {name: getattr(self, name) for name in ("classes", "per_class", "difficult")}
        return SimilarityGraph(
            **sizes, alpha=found.alpha, beta=found.beta, gamma=gamma, pairing=pairing
        )


def _mean(total: float, count: int) -> float:
    return float(total / count) if count else math.nan


@jax.jit
def _scatter(key: jax.Array, points: jax.Array, level: Any) -> jax.Array:
    """P_σ of points (..., d)."""
    normals = jax.random.normal(key, points.shape, jnp.float32)
    moved = points + level / points.shape[-1] ** 0.5 * normals
    return moved / jnp.linalg.norm(moved, axis=-1, keepdims=True)


@jax.jit
def scatter_twice(keys: jax.Array, points: jax.Array, level: Any) -> jax.Array:
    """(2, B, d) two of P_σ for each of (B, d) points, from a key for each."""

    def both(key: jax.Array, point: jax.Array) -> jax.Array:
        return _scatter(key, jnp.stack([point, point]), level)

    return jax.vmap(both, out_axes=1)(keys, points)
