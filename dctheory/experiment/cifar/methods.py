"""The methods that are compared, and the settings of each that a search tries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dctheory.experiment.cifar.settings import CifarSettings

BASELINE = "baseline"


@dataclass(frozen=True)
class Method:
    """A row of a table.

    Attributes:
        name: of letters, digits and hyphens.
        fixed: what differs from the recipe, by the keys of ``TrainConfig``.
        candidates: what the search chooses from, by the objective's keys, the likeliest first.
    """

    name: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    candidates: tuple[Mapping[str, Any], ...] = ({},)

    def changes(self, candidate: int) -> dict[str, Any]:
        """All that differs from the recipe with that candidate."""
        chosen = self.candidates[candidate]
        return {**self.fixed, **{f"objective.{key}": value for key, value in chosen.items()}}

    def on(self, **fixed: Any) -> Method:
        """The method where something more differs; double underscores stand for dots."""
        return replace(self, fixed={**self.fixed, **{_dotted(k): v for k, v in fixed.items()}})


def _dotted(key: str) -> str:
    return key.replace("__", ".")


def compared(settings: CifarSettings, names: Sequence[str]) -> list[Method]:
    """The methods of these names; "margin-all" is "margin" on all negative pairs, "margin-oracle"
    on those that labels select.

    Every one has as many candidates, τ among their coordinates, so that none is searched harder
    than the baseline's τ. Percentiles count in units of 100/(r + 1).
    """
    grids = _candidates(settings)
    methods = []
    for name in names:
        method, _, scope = name.partition("-")
        fixed = {"objective.method": method, "objective.scope": scope or "selected"}
        methods.append(Method(name, fixed, grids[method]))
    return methods


def _candidates(settings: CifarSettings) -> dict[str, tuple[dict[str, Any], ...]]:
    unit, share = settings.unit, 1 / settings.classes

    def grid(names: str, *rows: tuple[float, ...]) -> tuple[dict[str, Any], ...]:
        return tuple(dict(zip(names.split(), row, strict=True)) for row in rows)

    everything, few, many = 100.0, 2 * unit, 3 * unit
    return {
        "baseline": grid("temperature", (0.5,), (0.2,), (0.3,), (1.0,), (0.1,)),
        "removal": grid(
            "temperature pos_low",
            *((0.5, few), (0.2, few), (0.5, 1.5 * unit), (0.5, many), (0.2, 1.5 * unit)),
        ),
        "margin": grid(
            "temperature sigma pos_low",
            *((0.5, 0.1, everything), (0.2, 0.1, everything), (0.5, 0.1, few)),
            *((0.5, 0.3, everything), (0.2, 0.1, few)),
        ),
        "temperature": grid(
            "temperature rho pos_low",
            *((0.5, 0.7, everything), (0.2, 0.7, everything), (0.5, 0.7, few)),
            *((0.5, 0.5, everything), (0.2, 0.9, few)),
        ),
        "combined": grid(
            "temperature sigma rho pos_low",
            *((0.5, 0.1, 0.7, everything), (0.2, 0.1, 0.7, everything), (0.5, 0.1, 0.7, few)),
            *((0.5, 0.1, 0.5, everything), (0.2, 0.05, 0.9, few)),
        ),
        "debiased": grid(
            "temperature tau_plus",
            *((0.5, share), (0.2, share), (0.5, share / 2), (0.5, share / 10), (0.2, share / 2)),
        ),
        "hcl": grid(
            "temperature beta tau_plus",
            *((0.5, 1.0, share), (0.2, 0.5, share), (0.5, 0.5, share)),
            *((0.5, 1.0, share / 10), (0.2, 0.5, share / 10)),
        ),
    }


_SYMBOLS = {
    "objective.temperature": "τ",
    "objective.sigma": "σ",
    "objective.rho": "ρ",
    "objective.beta": "β of HCL",
    "objective.tau_plus": "τ⁺",
    "objective.pos_high": "posHigh",
    "objective.pos_low": "posLow",
    "data.mixed": "ω",
}


def in_words(changes: Mapping[str, Any]) -> str:
    """The numbers among what differs, by the paper's symbols."""
    return ", ".join(f"{s} = {changes[key]:g}" for key, s in _SYMBOLS.items() if key in changes)
