"""The paper's similarity graph (Section 3): three similarities, n_d difficult samples a class."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_choice, check_integer, check_memory, check_real
from dctheory.graph.spectrum import Mode, Spectrum, integer_scale, quadratic_roots, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipy.sparse.linalg import LinearOperator

    from dctheory.graph.noise import NoisePrediction
    from dctheory.graph.realizable import Realizability

PAIRINGS = ("both", "matched", "either")


@dataclass(frozen=True, kw_only=True)
class SimilarityGraph:
    """Augmented samples as nodes, similarities as edge weights (Section 3.2).

    A node has similarity 1 with itself, α with its class, β with other classes, and γ with its
    difficult partners in other classes. ``pairing`` says which cross-class pairs those are:
    ``"both"`` ends difficult, ``"matched"`` (both difficult, same index within the class), or
    ``"either"`` end difficult. Nodes are ordered by class; in a class the difficult come first.

    Args:
        classes: number of classes r + 1, at least 2.
        per_class: samples per class n, at least 1.
        difficult: difficult samples per class n_d, 0 to n.
        alpha, beta, gamma: 0 ≤ β ≤ γ ≤ α ≤ 1; floats, ``Fraction`` or sympy Rational. Exact
            numbers stay exact; floats are taken as the binary fractions that they are.
        pairing: "both", "matched" or "either".

    Raises:
        TypeError: a value of the wrong kind (bools are not integers here).
        ValueError: a value out of range, or in the wrong order.
    """

    classes: int
    per_class: int
    difficult: int
    alpha: Any
    beta: Any
    gamma: Any
    pairing: str = "both"

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {
            "classes": check_integer("classes", self.classes, 2),
            "per_class": check_integer("per_class", self.per_class, 1),
            "pairing": check_choice("pairing", self.pairing, PAIRINGS),
        }
        checked["difficult"] = check_integer("difficult", self.difficult, 0, checked["per_class"])
        for name in ("alpha", "beta", "gamma"):
            checked[name] = _as_rational(name, getattr(self, name))
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if not self.beta <= self.gamma <= self.alpha:
            raise ValueError(
                f"the order 0 ≤ β ≤ γ ≤ α ≤ 1 is broken: alpha={self.alpha}, beta={self.beta}, "
                f"gamma={self.gamma}; a difficult pair is at least as similar as a cross-class "
                "pair and at most as similar as a same-class pair"
            )

    # --- Sizes and weights

    @property
    def r(self) -> int:
        """Number of classes less one."""
        return self.classes - 1

    @property
    def n(self) -> int:
        """Samples per class."""
        return self.per_class

    @property
    def n_d(self) -> int:
        """Difficult samples per class."""
        return self.difficult

    @property
    def n_e(self) -> int:
        """Easy samples per class."""
        return self.per_class - self.difficult

    @property
    def num_nodes(self) -> int:
        """N = n (r + 1)."""
        return self.classes * self.per_class

    @property
    def is_exact(self) -> bool:
        """Whether α, β, γ were all given as exact rationals."""
        return all(not isinstance(v, float) for v in (self.alpha, self.beta, self.gamma))

    @property
    def parameters(self) -> dict[str, Any]:
        """The paper's symbols: r, n, n_d as ints and α, β, γ as exact ``Fraction``."""
        return {
            "r": self.r,
            "n": self.n,
            "n_d": self.n_d,
            "alpha": Fraction(self.alpha),
            "beta": Fraction(self.beta),
            "gamma": Fraction(self.gamma),
        }

    @cached_property
    def _gaps(self) -> tuple[int, tuple[int, ...]]:
        """Common denominator q, and q · (u, β, g, h) as integers, then r, n_e, n_d."""
        q, (a, b, c) = integer_scale(self.alpha, self.beta, self.gamma)
        return q, (q - a, b, c - b, a - c, self.r, self.n_e, self.n_d)

    def _exact_or_float(self, numerator: int, denominator: int) -> Any:
        if self.is_exact:
            return Fraction(numerator, denominator)
        return ratio(numerator, denominator)

    @property
    def degree_easy(self) -> Any:
        """Row sum of A at an easy node (Fraction for exact input, else float)."""
        q, gaps = self._gaps
        return self._exact_or_float(_integer_forms(self.pairing)(*gaps)[0][0], q)

    @property
    def degree_difficult(self) -> Any:
        """Row sum of A at a difficult node (Fraction for exact input, else float)."""
        q, gaps = self._gaps
        return self._exact_or_float(_integer_forms(self.pairing)(*gaps)[0][1], q)

    @property
    def total_weight(self) -> Any:
        """W = Σ w_xx' (Fraction for exact input, else float)."""
        return self.classes * (self.n_e * self.degree_easy + self.n_d * self.degree_difficult)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) class of each node, 0 to r."""
        check_memory(f"labels of {self.num_nodes} nodes", 8 * self.num_nodes)
        return np.repeat(np.arange(self.classes), self.per_class)

    @property
    def is_difficult(self) -> NDArray[np.bool_]:
        """(N,) whether a node is difficult: the first n_d of each class."""
        check_memory(f"is_difficult of {self.num_nodes} nodes", 9 * self.num_nodes)
        return np.tile(np.arange(self.per_class) < self.difficult, self.classes)

    @property
    def degrees(self) -> NDArray[np.float64]:
        """(N,) row sums of A, float64."""
        check_memory(f"degrees of {self.num_nodes} nodes", 17 * self.num_nodes)
        return np.where(self.is_difficult, float(self.degree_difficult), float(self.degree_easy))

    # --- Matrices

    def adjacency(self) -> NDArray[np.float64]:
        """(N, N) float64 matrix A of similarities; refused with its size if it would not fit."""
        check_memory(f"adjacency() of {self.num_nodes} nodes", 17 * self.num_nodes**2)
        n, hard = self.per_class, np.arange(self.per_class) < self.difficult
        if self.pairing == "both":
            pairs = np.outer(hard, hard)
        elif self.pairing == "matched":
            pairs = np.diag(hard)
        else:
            pairs = hard[:, None] | hard[None, :]
        cross = np.where(pairs, float(self.gamma), float(self.beta))
        matrix = np.tile(cross, (self.classes, self.classes))
        for c in range(self.classes):
            matrix[c * n : (c + 1) * n, c * n : (c + 1) * n] = float(self.alpha)
        np.fill_diagonal(matrix, 1.0)
        return matrix

    def normalized_adjacency(self) -> NDArray[np.float64]:
        """(N, N) float64 matrix Ā = D^(−1/2) A D^(−1/2)."""
        matrix, scale = self.adjacency(), 1 / np.sqrt(self.degrees)
        matrix *= scale[:, None]
        matrix *= scale[None, :]
        return matrix

    def linear_operator(self) -> LinearOperator:
        """Ā as a scipy ``LinearOperator`` with products in O(N) time, for iterative solvers."""
        from scipy.sparse.linalg import LinearOperator

        scale = 1 / np.sqrt(self.degrees)
        shape = (self.num_nodes, self.num_nodes)

        def matvec(vector: NDArray[np.float64]) -> NDArray[np.float64]:
            return scale * self._weigh(scale * np.asarray(vector, dtype=np.float64).reshape(-1))

        return LinearOperator(shape, matvec=matvec, rmatvec=matvec, dtype=np.float64)

    def _weigh(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        """A @ vector through class sums."""
        alpha, beta, gamma = float(self.alpha), float(self.beta), float(self.gamma)
        x = vector.reshape(self.classes, self.per_class)
        sums = x.sum(axis=1, keepdims=True)
        result = (1 - alpha) * x + alpha * sums + beta * (sums.sum() - sums)
        hard = x[:, : self.difficult]
        extra, total = gamma - beta, hard.sum(axis=1, keepdims=True)
        if self.pairing == "both":
            result[:, : self.difficult] += extra * (total.sum() - total)
        elif self.pairing == "matched":
            result[:, : self.difficult] += extra * (hard.sum(axis=0) - hard)
        else:
            result[:, : self.difficult] += extra * (sums.sum() - sums)
            result[:, self.difficult :] += extra * (total.sum() - total)
        return result.reshape(-1)

    # --- Spectrum

    def spectrum(self) -> Spectrum:
        """Exact spectrum of Ā in closed form, at a cost that does not depend on N.

        α, β, γ are taken as the exact rationals they are and every eigenvalue is rounded once,
        from integers; modes closer than :data:`dctheory.graph.spectrum.MERGE_TOLERANCE` (relative)
        become one value. Formulas: :func:`dctheory.formulas.modes`.
        """
        return self._spectrum

    @cached_property
    def _spectrum(self) -> Spectrum:
        _, gaps = self._gaps
        (easy, difficult), trivial, contrast, bulk = _integer_forms(self.pairing)(*gaps)
        modes = [Mode("trivial", "trivial", 1.0, 1)]
        if self.n_e and self.n_d:
            product = easy * difficult
            upper, lower = quadratic_roots(
                product, contrast[0] * difficult + contrast[2] * easy, contrast[3]
            )
            modes += [
                Mode("difficult-against-easy", "trivial", ratio(trivial[3], product), 1),
                Mode("class", "class", upper, self.r),
                Mode("class, difficult-against-easy", "class", lower, self.r),
            ]
        else:
            top = ratio(contrast[2], difficult) if self.n_d else ratio(contrast[0], easy)
            modes.append(Mode("class", "class", top, self.r))
        for name, numerator, kind, count in bulk:
            if (self.n_e, self.n_d)[kind] > 1:
                modes.append(Mode(name, "bulk", ratio(numerator, (easy, difficult)[kind]), count))
        return Spectrum.from_modes(modes)

    # --- Which graphs can exist

    def is_psd(self) -> bool:
        """Whether A is positive semidefinite: exact, for floats as the rationals they are."""
        from dctheory.graph.realizable import is_psd

        return is_psd(self)

    def is_realizable(self) -> Realizability:
        """Whether A is completely positive, as E[A(x|x̄) A(x'|x̄)] must be."""
        from dctheory.graph.realizable import is_realizable

        return is_realizable(self)

    # --- Noise (the paper's relaxation)

    def noisy(
        self, epsilon: float, rng: np.random.Generator, law: Callable[..., Any] | None = None
    ) -> NDArray[np.float64]:
        """(N, N) sample of A + ε E: see :func:`dctheory.graph.noise.sample_noisy`."""
        from dctheory.graph.noise import sample_noisy

        return sample_noisy(self.adjacency(), epsilon, rng, law)

    def noise_prediction(self, epsilon: float) -> NoisePrediction:
        """Bulk, outliers, overlaps and thresholds of A + ε E, without sampling.

        See :func:`dctheory.graph.noise.predict_noise`.
        """
        from dctheory.graph.noise import predict_noise, similarity_noise_model

        return predict_noise(similarity_noise_model(self), epsilon)


def _as_rational(name: str, value: Any) -> Any:
    """Validate a similarity; floats stay floats, exact numbers become ``Fraction``."""
    check_real(name, value, 0, 1)
    if isinstance(value, (Fraction, int)):
        return Fraction(value)
    if getattr(value, "is_Rational", False):
        return Fraction(int(value.p), int(value.q))
    return float(value)


@cache
def _integer_forms(pairing: str) -> Callable[..., Any]:
    """Degrees, blocks and bulk of :mod:`dctheory.formulas`, on integers (u, β, g, h, r, n_e, n_d).

    All of them are homogeneous of degree one in (u, β, g, h), determinants of degree two, so a
    common denominator drops out of every eigenvalue.
    """
    import sympy as sp

    from dctheory import formulas

    blocks = [formulas.block(pairing, sector) for sector in ("trivial", "class")]
    degrees = (blocks[0].degree_easy, blocks[0].degree_difficult)
    forms = [(b.ee, b.ed_squared, b.dd, b.det) for b in blocks]
    families = formulas.bulk(pairing)
    numbers = [(each.numerator, each.multiplicity) for each in families]
    evaluate = sp.lambdify(formulas.GAPS, (degrees, *forms, numbers), "math", cse=True)
    labels = [(each.name, 0 if each.kind == "easy" else 1) for each in families]

    def integers(*gaps: int) -> Any:
        degrees, trivial, contrast, numbers = evaluate(*gaps)
        bulk = [
            (name, numerator, kind, count)
            for (name, kind), (numerator, count) in zip(labels, numbers, strict=True)
        ]
        return degrees, trivial, contrast, bulk

    return integers
