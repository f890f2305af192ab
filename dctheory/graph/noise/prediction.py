"""The prediction itself: modes first, then the bulk of what they leave."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_real
from dctheory.graph.noise.bulk import Bulk
from dctheory.graph.noise.caveats import find_caveats
from dctheory.graph.noise.law import BulkLaw
from dctheory.graph.noise.model import NoiseModel
from dctheory.graph.noise.modes import CleanMode, RawPath, clean_modes
from dctheory.graph.noise.path import NormalizedPath
from dctheory.graph.noise.spectra import NoisePrediction, NoisySpectrum, Outlier

Array = NDArray[np.float64]

# Degrees that agree to this are equal but for rounding.
_SAME_DEGREE = 1e-12


def predict_noise(model: NoiseModel, epsilon: float) -> NoisePrediction:
    """Bulk, outliers, overlaps and thresholds of A + ε E, without sampling.

    The cost does not depend on the number of nodes. Where hardly any direction is bulk, as for
    ``per_class`` = 1, the modes with the most copies count as bulk.

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
    many = _bulk_modes(model, modes)
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
    return NoisySpectrum(kind, Bulk(full, epsilon), tuple(outliers))


def _bulk_modes(model: NoiseModel, modes: list[CleanMode]) -> list[CleanMode]:
    """Modes to count as bulk where the families are few (``per_class`` = 1, cells of one node).

    Those with the most copies, as long as each has more than all the families and less than half
    of the directions are bulk; never the vector of ones.
    """
    total = families = sum(family.count for family in model.families)
    chosen: list[CleanMode] = []
    for mode in sorted(modes, key=lambda mode: -mode.multiplicity):
        tied = bool(chosen) and mode.multiplicity == chosen[-1].multiplicity
        few = 2 * total < model.num_nodes and mode.multiplicity > families
        if not mode.is_ones and (tied or few):
            chosen.append(mode)
            total += mode.multiplicity
    return chosen


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
