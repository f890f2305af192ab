"""The relaxation: with noise on the similarities, is the bulk a semicircle read by Kepler?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from dctheory.claims._base import Claim, differences
from dctheory.graph.noise import NoisySpectrum
from dctheory.graph.noise.law import kepler_angle
from dctheory.graph.similarity import SimilarityGraph
from dctheory.proof.verdict import Outcome, Step, Verdict

Array = NDArray[np.float64]

# A graph whose easy and difficult nodes differ visibly, and a noise that hides neither class.
_GRAPH: dict[str, Any] = {
    "classes": 3,
    "per_class": 160,
    "difficult": 60,
    "alpha": 0.5,
    "beta": 0.1,
    "gamma": 0.3,
}
_EPSILON = 0.4
_SEEDS = (0, 1, 2)


@dataclass(frozen=True, kw_only=True, eq=False)
class RelaxationClaim(Claim):
    """Sampled bulks against one semicircle, and against the two-kind prediction."""

    def _decide(self, pairing: str | None) -> Verdict:
        graph = SimilarityGraph(**_GRAPH, pairing=str(pairing))
        prediction = graph.noise_prediction(_EPSILON)
        samples = [graph.noisy(_EPSILON, np.random.default_rng(seed)) for seed in _SEEDS]
        figures: dict[str, dict[str, str]] = {}
        for spectrum, centre, scale in (
            (prediction.raw, 1 - _GRAPH["alpha"], 1.0),
            (prediction.normalized, (1 - _GRAPH["alpha"]) / _c2(graph), 1 / _c2(graph)),
        ):
            radius = 2 * _EPSILON * np.sqrt(graph.num_nodes) * scale
            gaps = [_gaps(sample, spectrum, centre, radius) for sample in samples]
            one, ours = np.mean(gaps, axis=0)
            figures[spectrum.matrix] = {
                "semicircle": f"{one:.1%}",
                "prediction": f"{ours:.1%}",
                "outliers": ", ".join(mode.name for mode in spectrum.detached),
            }
        return self._assemble(pairing, figures)

    def _assemble(self, pairing: str | None, figures: dict[str, dict[str, str]]) -> Verdict:
        nodes = _GRAPH["classes"] * _GRAPH["per_class"]
        return self._verdict(
            *(pairing, Outcome.EVIDENCE),
            witness={"graph": {k: str(v) for k, v in _GRAPH.items()}, "epsilon": str(_EPSILON)},
            method=f"sampled spectra, N = {nodes}, {len(_SEEDS)} seeds",
            details=_sentences(figures, str(pairing)),
            steps=(Step("sampling", "largest gap of a bulk quantile over the radius", figures),),
        )

    def recheck(self, verdict: Verdict) -> list[str]:
        fresh = self._decide(verdict.pairing)
        if len(verdict.steps) != 1 or not _close(fresh.steps[0].content, verdict.steps[0].content):
            return ["the figures are not those that the recorded seeds give"]
        # All else follows from the figures, whose last digits differ between machines.
        return differences(self._assemble(verdict.pairing, verdict.steps[0].content), verdict)


def _close(fresh: Any, stored: Any) -> bool:
    """Figures agree to a third of a per cent: the last digits differ between machines."""
    try:
        same_shape = {m: set(figures) for m, figures in fresh.items()} == {
            m: set(figures) for m, figures in stored.items()
        }
        same_outliers = all(fresh[m]["outliers"] == stored[m]["outliers"] for m in fresh)
        return (
            same_shape
            and same_outliers
            and all(
                abs(float(fresh[matrix][key].rstrip("%")) - float(stored[matrix][key].rstrip("%")))
                < 0.34
                for matrix in ("raw", "normalized")
                for key in ("semicircle", "prediction")
            )
        )
    except (TypeError, KeyError, ValueError, AttributeError):
        return False


def _c2(graph: SimilarityGraph) -> float:
    from dctheory import formulas

    return float(formulas.C2.subs(graph.parameters))


def _gaps(sample: Array, spectrum: NoisySpectrum, centre: float, radius: float) -> Any:
    """Largest distance of sampled bulk quantiles to one semicircle's and to the prediction's."""
    matrix = sample
    if spectrum.matrix == "normalized":
        scale = 1 / np.sqrt(sample.sum(axis=1))
        matrix = scale[:, None] * sample * scale[None, :]
    with threadpool_limits(1):
        values = np.sort(np.linalg.eigvalsh(matrix))[::-1]
    kept = np.ones(len(values), dtype=bool)
    for mode in spectrum.detached:
        # As many eigenvalues as the mode has copies, the nearest to where it stands.
        nearest = np.argsort(np.where(kept, abs(values - mode.position), np.inf))
        kept[nearest[: mode.multiplicity]] = False
    bulk = values[kept]
    ranks = np.arange(1, len(bulk) + 1)
    one = centre + radius * np.cos(kepler_angle((ranks - 0.5) / len(bulk)))
    ours = spectrum.bulk.quantile(ranks - 0.5)
    return np.array([np.abs(bulk - one).max(), np.abs(bulk - ours).max()]) / radius


def _sentences(figures: dict[str, dict[str, str]], pairing: str) -> tuple[str, ...]:
    raw, normalized = figures["raw"], figures["normalized"]
    return (
        f"raw matrix: one semicircle misses a bulk quantile by {raw['semicircle']} of its radius "
        f"at most, the prediction with two kinds of node by {raw['prediction']}",
        f"normalised by its own row sums: {normalized['semicircle']} against "
        f"{normalized['prediction']}",
        f"eigenvalues outside the bulk, which one semicircle does not have: {raw['outliers']}",
    )


RELAXATION = RelaxationClaim(
    id="relaxation",
    where="Relaxation of the three similarity levels",
    text="with noise ε ε_ij the bulk is a semicircle whose quantiles solve a Kepler equation",
)

CLAIMS = (RELAXATION,)
