"""Where a finite N, or strong noise, makes a noise prediction unreliable: one sentence each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dctheory.graph.noise.model import NoiseModel

if TYPE_CHECKING:
    from dctheory.graph.noise import NoisySpectrum

# Asymptotics are poor below this many nodes.
_FEW_NODES = 100
# η = ε √N / d from which the second order in η (relative error about η²) is not enough.
_STRONG = 0.1
# Eigenvalue z of a bulk family from which the degrees' part of its noise, z², is not small.
_FAR_BULK = 0.2
# Expected number of nodes with a negative degree that is worth a word.
_NEGATIVE = 1e-3
# A mode within so many Tracy-Widom units of an edge may or may not stand out in one sample.
_NEAR = 4.0
# Share of all directions in modes from which what is left out about them is visible.
_MANY_MODES = 0.05
# Ratio of degrees from which a mode in the bulk has no single degree.
_UNEQUAL = 1.05
# Distance from the edge to the mean of the largest eigenvalue's midpoint, in Tracy-Widom units:
# (3π/4)^(2/3), since ½ an eigenvalue lies above it.
_HALF_RANK = (0.75 * math.pi) ** (2 / 3)


def find_caveats(
    model: NoiseModel, raw: NoisySpectrum, normalized: NoisySpectrum
) -> tuple[str, ...]:
    """All that applies at this noise level; nothing at ε = 0."""
    if raw.epsilon == 0:
        return ()
    found = list(_degree_caveats(model, raw.epsilon))
    if model.num_nodes < _FEW_NODES:
        found.append(f"only {model.num_nodes} nodes: the prediction is one for large N")
    found += _bulk_caveats(model, normalized)
    for spectrum in (raw, normalized):
        found += _edge_caveats(spectrum)
        found += _crowding_caveats(spectrum)
    return tuple(found)


def _degree_caveats(model: NoiseModel, epsilon: float) -> Iterator[str]:
    deviation = epsilon * math.sqrt(model.num_nodes - 1)
    negative = sum(
        cell.size * math.erfc(cell.degree / (deviation * math.sqrt(2))) / 2 for cell in model.cells
    )
    strongest = max(epsilon * math.sqrt(model.num_nodes) / cell.degree for cell in model.cells)
    if negative > _NEGATIVE:
        yield (
            f"normalized: about {negative:.2g} of {model.num_nodes} nodes have a negative noisy "
            "degree (normal law), and then the normalised matrix does not exist"
        )
    if strongest > _STRONG:
        yield (
            f"normalized: degrees vary by {strongest:.0%} (ε√N/d), of which only the second order "
            f"is taken in: expect relative errors of about {strongest**2:.1g}"
        )


def _bulk_caveats(model: NoiseModel, spectrum: NoisySpectrum) -> Iterator[str]:
    farthest = float(np.abs(spectrum.bulk.law.centres).max(initial=0.0))
    if farthest > _FAR_BULK:
        yield (
            f"normalized: bulk directions have the clean eigenvalue {farthest:.2g}, where noisy "
            "degrees count as much as noisy similarities and are taken in on average only"
        )
    degrees = [cell.degree for cell in model.cells]
    merged = sum(mode.multiplicity for mode in spectrum.outliers if not mode.detached)
    if merged > _MANY_MODES * model.num_nodes and max(degrees) > _UNEQUAL * min(degrees):
        yield (
            f"normalized: {merged / model.num_nodes:.0%} of all directions are modes in the bulk, "
            "each taken at its mean degree although degrees differ"
        )


def _edge_caveats(spectrum: NoisySpectrum) -> Iterator[str]:
    above = 0
    for band in spectrum.bands:
        for edge, rank in ((band.upper, above + 1), (band.lower, above + band.count)):
            if not math.isfinite(edge) or band.count < 2:
                continue
            unit = abs(edge - spectrum.quantile(rank)) / _HALF_RANK
            for mode in spectrum.detached:
                if abs(mode.position - edge) < _NEAR * unit:
                    yield (
                        f"{spectrum.matrix}: mode {mode.name!r} is "
                        f"{abs(mode.position - edge) / unit:.1f} Tracy-Widom units from the bulk's "
                        "edge: in a single sample it may not stand out"
                    )
        above += band.count


def _crowding_caveats(spectrum: NoisySpectrum) -> Iterator[str]:
    modes = spectrum.detached
    directions = sum(mode.multiplicity for mode in modes)
    if directions > _MANY_MODES * spectrum.num_nodes:
        yield (
            f"{spectrum.matrix}: {directions / spectrum.num_nodes:.0%} of all directions are "
            "detached modes: how they push the bulk, and each other, is left out"
        )
    for upper, lower in pairwise(modes):
        if upper.position - upper.width < lower.position + lower.width:
            yield (
                f"{spectrum.matrix}: modes {upper.name!r} and {lower.name!r} are closer than their "
                "spread: their eigenvectors mix, and only their joint space is predicted"
            )
