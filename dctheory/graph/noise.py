r"""The paper's relaxation: similarities a_ij + ε ε_ij, sampled and predicted.

The paper allows each entry its own error, ε_ij = ε_ji i.i.d. of mean 0 and variance 1 for i ≠ j,
and describes the bulk by Wigner's semicircle. :func:`predict_noise` adds what that leaves out:
modes stand outside of the bulk only below a threshold of ε, and above it noise hides them.

The prediction holds for any law with a finite fourth moment, to leading order in 1/N; a heavier
tail adds outliers of its own (Soshnikov 2004; Auffinger, Ben Arous and Péché 2009).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dctheory._validation import check_choice, check_integer, check_memory, check_real
from dctheory.graph.noise_caveats import find_caveats
from dctheory.graph.noise_law import Band, Bulk, BulkLaw
from dctheory.graph.noise_model import NoiseModel, cell_noise_model, similarity_noise_model
from dctheory.graph.noise_modes import CleanMode, NormalizedPath, RawPath, clean_modes

if TYPE_CHECKING:
    from dctheory._table import Table

__all__ = [
    "NoiseModel",
    "NoisePrediction",
    "NoisySpectrum",
    "Outlier",
    "cell_noise_model",
    "predict_noise",
    "sample_noisy",
    "similarity_noise_model",
]

Array = NDArray[np.float64]

# Degrees that agree to this are equal but for rounding.
_SAME_DEGREE = 1e-12


def sample_noisy(
    adjacency: ArrayLike,
    epsilon: float,
    rng: np.random.Generator,
    law: Callable[[np.random.Generator, int], ArrayLike] | None = None,
) -> Array:
    """A + ε E with E symmetric, zero diagonal, i.i.d. entries above it; not clipped to [0, 1].

    Args:
        adjacency: (N, N) symmetric and finite.
        epsilon: noise level, finite, ≥ 0.
        rng: the source of randomness.
        law: ``law(rng, size)`` returns ``size`` numbers of mean 0 and variance 1 (not checked);
            standard normal by default.

    Returns:
        (N, N) float64.

    Raises:
        TypeError: ``rng`` is no Generator, or ``law`` not callable.
        ValueError: another shape, asymmetric or not finite, from the caller or from ``law``.
    """
    clean = np.asarray(adjacency, dtype=np.float64)
    if clean.ndim != 2 or clean.shape[0] != clean.shape[1] or not len(clean):
        raise ValueError(f"adjacency must be a square matrix, got shape {clean.shape}")
    if not np.all(np.isfinite(clean)) or not np.array_equal(clean, clean.T):
        raise ValueError(
            "adjacency must be symmetric and finite; pass (A + A.T) / 2 if it is so up to rounding"
        )
    level = float(check_real("epsilon", epsilon, 0))
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng must be a numpy Generator, got {type(rng).__name__}; "
            "use numpy.random.default_rng(seed)"
        )
    size = len(clean)
    check_memory(f"a noisy matrix of {size} nodes", 12 * size**2)
    draws = _draw(size * (size - 1) // 2, rng, law)
    noisy, start = clean.copy(), 0
    for i in range(size - 1):
        row = level * draws[start : start + size - 1 - i]
        noisy[i, i + 1 :] += row
        noisy[i + 1 :, i] += row
        start += size - 1 - i
    return noisy


def _draw(size: int, rng: np.random.Generator, law: Callable[..., ArrayLike] | None) -> Array:
    if law is None:
        return rng.standard_normal(size)
    if not callable(law):
        raise TypeError(
            f"law must be callable as law(rng, size), got {law!r}; "
            "e.g. lambda rng, size: rng.choice([-1.0, 1.0], size)"
        )
    draws = np.asarray(law(rng, size), dtype=np.float64)
    if draws.shape != (size,) or not np.all(np.isfinite(draws)):
        raise ValueError(
            f"law(rng, {size}) must return {size} finite numbers, got shape {draws.shape}"
            f"{'' if np.all(np.isfinite(draws)) else ' with NaN or infinite entries'}"
        )
    return draws


@dataclass(frozen=True)
class Outlier:
    """A mode of the clean matrix, as the noise leaves it.

    Attributes:
        name: of the mode, as in ``Spectrum.modes``.
        sector: its symmetry sector.
        clean: its eigenvalue without noise.
        position: mean place of its eigenvalues; NaN where it is in the bulk.
        width: half-width of the interval over which they spread about it (leading order; twice
            the standard deviation); NaN in the bulk.
        overlap: squared overlap of a noisy eigenvector with the clean eigenspace; 0 in the bulk.
        multiplicity: dimension of the eigenspace.
        threshold: noise level from which on the mode is in the bulk: 0 if it always is (its
            clean eigenvalue lies at the bulk's, or it has more copies than the bulk itself),
            infinite if never.
        detached: whether ``epsilon`` is below the threshold.
    """

    name: str
    sector: str
    clean: float
    position: float
    width: float
    overlap: float
    multiplicity: int
    threshold: float
    detached: bool


@dataclass(frozen=True, eq=False)
class NoisySpectrum:
    """Predicted spectrum of A + ε E or of its normalised form.

    Attributes:
        matrix: "raw" or "normalized".
        bulk: the law of what is not detached.
        outliers: every mode, by descending clean eigenvalue; see ``detached`` on each.
    """

    matrix: str
    bulk: Bulk
    outliers: tuple[Outlier, ...]

    @property
    def epsilon(self) -> float:
        """Noise level."""
        return self.bulk.epsilon

    @property
    def num_nodes(self) -> int:
        """N."""
        return self.bulk.count + sum(mode.multiplicity for mode in self.detached)

    @property
    def detached(self) -> tuple[Outlier, ...]:
        """The modes outside of the bulk, by descending position."""
        found = (mode for mode in self.outliers if mode.detached)
        return tuple(sorted(found, key=lambda mode: -mode.position))

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bulk's intervals from the top down, with their number of eigenvalues and members."""
        return self.bulk.bands

    @property
    def edges(self) -> tuple[tuple[float, float], ...]:
        """(lower, upper) of each band; infinite where degrees are lost in noise."""
        return tuple((band.lower, band.upper) for band in self.bands)

    def density(self, x: Any) -> Any:
        """Probability density of the bulk at x, of the shape of x."""
        return self.bulk.density(x)

    def quantile(self, j: int) -> float:
        """The bulk's j-th largest eigenvalue, 1 ≤ j ≤ ``bulk.count``: j − ½ of its mass above.

        With one family it is Kepler's equation θ − sin θ cos θ = π (j − ½)/count.
        """
        j = check_integer("j", j, 1, self.bulk.count)
        return float(self.bulk.quantile(j - 0.5))

    def eigenvalue(self, j: int) -> float:
        """The j-th largest eigenvalue of the whole matrix, 1 ≤ j ≤ N, detached modes included.

        The copies of a mode are taken as spread over its width by a semicircle.
        """
        from dctheory.graph.noise_law import kepler_angle

        j = check_integer("j", j, 1, self.num_nodes)
        passed = 0
        for mode, above in zip(self.detached, self._bulk_above, strict=True):
            rank = j - above - passed
            if rank <= 0:
                break
            if rank <= mode.multiplicity:
                angle = kepler_angle((rank - 0.5) / mode.multiplicity)
                return float(mode.position + mode.width * np.cos(angle))
            passed += mode.multiplicity
        return self.quantile(j - passed)

    @cached_property
    def _bulk_above(self) -> tuple[int, ...]:
        """Number of bulk eigenvalues above each detached mode."""
        counts = (self.bulk.count_above(mode.position) for mode in self.detached)
        return tuple(0 if math.isnan(count) else round(count) for count in counts)

    def hidden(self, name: str) -> bool:
        """Whether noise hides a mode (in the bulk) or a bulk family (merged with another).

        Raises ValueError for an unknown name.
        """
        modes = {mode.name: mode for mode in reversed(self.outliers)}
        families = {member for band in self.bands for member in band.members}
        check_choice("name", name, sorted(families | set(modes)))
        if name in modes and modes[name].threshold > 0:
            return not modes[name].detached
        return any(name in band.members and band.levels > 1 for band in self.bands)

    def table(self) -> Table:
        """The modes, clean and noisy."""
        from dctheory._table import Table

        head = ("mode", "copies", "clean", "noisy", "overlap²", "threshold ε", "seen")
        rows = [
            (
                *(mode.name, mode.multiplicity, mode.clean, mode.position, mode.overlap),
                *(mode.threshold, "yes" if mode.detached else "no"),
            )
            for mode in self.outliers
        ]
        return Table(head, rows)


@dataclass(frozen=True, eq=False)
class NoisePrediction:
    """What noise of level ε does to the spectrum of a graph.

    Attributes:
        raw: of A + ε E.
        normalized: of D̃^(−1/2) (A + ε E) D̃^(−1/2), D̃ its row sums.
        caveats: where a finite N or strong noise makes it unreliable, one sentence each.
    """

    raw: NoisySpectrum
    normalized: NoisySpectrum
    caveats: tuple[str, ...]

    @property
    def epsilon(self) -> float:
        """Noise level."""
        return self.raw.epsilon

    @property
    def reliable(self) -> bool:
        """Whether there is no caveat."""
        return not self.caveats

    @property
    def classes_detectable(self) -> bool:
        """Whether a class mode of the normalised matrix stands outside of the bulk."""
        return any(mode.detached for mode in self.normalized.outliers if mode.name == "class")

    @property
    def difficult_hidden(self) -> bool | None:
        """Whether noise hides "difficult-against-easy" and, in ``matched``, the "matched bulk".

        None where there is no such mode: all samples easy, all difficult, or another graph.
        """
        known = {mode.name for mode in self.normalized.outliers}
        known |= {member for band in self.normalized.bands for member in band.members}
        names = {"difficult-against-easy", "matched bulk"} & known
        return all(self.normalized.hidden(name) for name in names) if names else None

    def __str__(self) -> str:
        parts = [f"noise ε = {self.epsilon:g}"]
        for spectrum in (self.raw, self.normalized):
            edges = ", ".join(f"[{low:.6g}, {high:.6g}]" for low, high in spectrum.edges)
            parts += [f"{spectrum.matrix}: bulk {edges or 'empty'}", spectrum.table().to_text()]
        return "\n".join([*parts, *(f"caveat: {text}" for text in self.caveats)])


def predict_noise(model: NoiseModel, epsilon: float) -> NoisePrediction:
    """Bulk, outliers, overlaps and thresholds of A + ε E, without sampling.

    The cost does not depend on the number of nodes. A mode with more copies than the bulk has
    directions (``per_class`` = 1) counts as bulk.

    Args:
        model: from :func:`similarity_noise_model` or :func:`cell_noise_model`.
        epsilon: noise level (standard deviation of an entry), finite, ≥ 0.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    if not isinstance(model, NoiseModel):
        raise TypeError(
            f"model must be a NoiseModel, got {type(model).__name__}; "
            "use graph.noise_prediction(epsilon) or similarity_noise_model(graph)"
        )
    level = float(check_real("epsilon", epsilon, 0))
    raw, normalized = (_spectrum(model, level, kind) for kind in (False, True))
    return NoisePrediction(raw, normalized, find_caveats(model, raw, normalized))


def _spectrum(model: NoiseModel, epsilon: float, normalized: bool) -> NoisySpectrum:
    modes = clean_modes(model, normalized)
    total = sum(family.count for family in model.families)
    many = [mode for mode in modes if mode.multiplicity > total]
    if len(many) == len(modes):
        many = many[1:]
    law, shares = _law(model, many, normalized)
    outliers, merged = [], []
    for mode in modes:
        path: RawPath | NormalizedPath = (
            NormalizedPath(law, shares, model.cells, mode) if normalized else RawPath(law, mode)
        )
        outlier = _outlier(mode, path, epsilon, mode in many)
        outliers.append(outlier)
        if not outlier.detached:
            merged.append(mode)
    full = _law(model, merged, normalized)[0]
    outliers.sort(key=lambda found: -found.clean)
    kind = "normalized" if normalized else "raw"
    return NoisySpectrum(kind, full.at(epsilon), tuple(outliers))


def _outlier(
    mode: CleanMode, path: RawPath | NormalizedPath, epsilon: float, in_bulk: bool
) -> Outlier:
    threshold = 0.0 if in_bulk else path.threshold
    detached = epsilon < threshold
    position = width = math.nan
    overlap = 0.0
    if detached:
        state = path.at(epsilon)
        position, width, overlap = state.position, state.width, state.overlap
    return Outlier(
        *(mode.name, mode.sector.name, mode.value, position, width, overlap),
        *(mode.multiplicity, threshold, detached),
    )


def _law(
    model: NoiseModel, modes: list[CleanMode], normalized: bool
) -> tuple[BulkLaw, NDArray[np.float64]]:
    """The bulk of the families and of the given modes, equal ones merged; (L, cells) shares."""
    entries: list[_Line] = []
    for family in model.families:
        degree = model.cells[family.cell].degree if normalized else 1.0
        share = np.zeros(len(model.cells))
        share[family.cell] = family.count
        _merge(entries, _Line(family.atom, degree, (family.name,), share), 0.0)
    for mode in modes:
        degree = mode.degree(model.cells) if normalized else 1.0
        share = np.zeros(len(model.cells))
        share[list(mode.sector.cells)] = mode.multiplicity * mode.vector**2
        line = _Line(mode.value * degree, degree, (mode.name,), share)
        _merge(entries, line, mode.rounding)
    shares = np.array([line.share for line in entries]).reshape(-1, len(model.cells))
    counts = shares.sum(axis=1)
    law = BulkLaw(
        counts,
        np.array([line.atom for line in entries]),
        np.array([line.degree for line in entries]),
        tuple(line.names for line in entries),
        normalized,
    )
    return law, shares / counts[:, None]


@dataclass(frozen=True, eq=False)
class _Line:
    """A family of the bulk while it is put together; ``share`` counts directions on each cell."""

    atom: float
    degree: float
    names: tuple[str, ...]
    share: Array


def _merge(entries: list[_Line], line: _Line, tolerance: float) -> None:
    for place, other in enumerate(entries):
        if (
            abs(other.atom - line.atom) <= tolerance
            and abs(other.degree - line.degree) <= _SAME_DEGREE * other.degree
        ):
            names = tuple(dict.fromkeys(other.names + line.names))
            entries[place] = _Line(other.atom, other.degree, names, other.share + line.share)
            return
    entries.append(line)
