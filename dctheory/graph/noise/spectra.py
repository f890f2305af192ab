"""What a noise prediction says: modes, bulk, single eigenvalues, what is hidden."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dctheory._validation import check_choice, check_integer
from dctheory.graph.noise.bands import Band
from dctheory.graph.noise.bulk import Bulk
from dctheory.graph.noise.law import kepler_angle

if TYPE_CHECKING:
    from dctheory._table import Table


@dataclass(frozen=True)
class Outlier:
    """A mode of the clean matrix, as the noise leaves it.

    Attributes:
        name: of the mode, as in ``Spectrum.modes``.
        sector: its symmetry sector.
        clean: its eigenvalue without noise.
        position: mean place of its eigenvalues; NaN where it is in the bulk.
        width: half-width of the interval over which they spread about it (twice the standard
            deviation, to some 40 % in the normalised matrix); NaN in the bulk.
        overlap: squared overlap of a noisy eigenvector with the clean eigenspace; 0 in the bulk.
        multiplicity: dimension of the eigenspace.
        threshold: noise level from which on the mode is in the bulk: 0 if it always is (its
            clean eigenvalue lies at the bulk's, or it has more copies than the bulk itself),
            infinite if never. Normalised: no more than an order of magnitude where ε√N/d
            there is not small; the trivial one is where the bulk reaches 1.
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
        members = {member for band in self.bands for member in band.members}
        check_choice("name", name, sorted(members | set(modes)))
        if name not in modes:
            return any(name in band.members and band.levels > 1 for band in self.bands)
        # A mode may have a band to itself where modes count as bulk.
        alone = any(band.members == (name,) for band in self.bands)
        return not (modes[name].detached or alone)

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
        """Whether the (leading) class mode of the normalised matrix stands outside of the bulk."""
        return not self.normalized.hidden("class")

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
