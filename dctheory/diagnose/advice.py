"""What to do about difficult samples, by which ground, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dctheory._table import Table
from dctheory.diagnose.errors import MeasuredErrors
from dctheory.diagnose.intervals import Intervals
from dctheory.diagnose.levels import LevelFit
from dctheory.diagnose.theory import TheoryReading
from dctheory.graph.similarity_estimate import SimilarityEstimate

NOTHING, REMOVE, MARGIN, TEMPERATURE = ACTIONS = ("nothing", "remove", "margin", "temperature")
# How sure: no ground at all; the order of bounds that say nothing by their size; a bound below 1.
NONE, ORDER, BOUND = CERTAINTIES = ("none", "order of bounds", "bound")


@dataclass(frozen=True)
class Advice:
    """One thing to do, or a reason to do nothing.

    Attributes:
        action: "nothing", "remove", "margin" or "temperature".
        pairs: which pairs or samples, in words; posHigh and posLow where they are selected.
        strength: σ (in units of cosine) or ρ; None where there is none.
        ground: statement and numbers that it rests on.
        certainty: one of :data:`CERTAINTIES`.
        text: the advice as sentences.
    """

    action: str
    pairs: str
    strength: float | None
    ground: str
    certainty: str
    text: str

    def to_dict(self) -> dict[str, Any]:
        """By name, as strict JSON can hold them."""
        raise NotImplementedError


def advise(
    estimate: SimilarityEstimate | None = None,
    theory: TheoryReading | None = None,
    *,
    intervals: Intervals | None = None,
    levels: LevelFit | None = None,
    errors: MeasuredErrors | None = None,
    labels_are: str = "given",
) -> tuple[Advice, ...]:
    """Advice for these embeddings, the first being what we would do.

    Args:
        estimate: α, β, γ; None without labels.
        theory: its reading.
        intervals, levels, errors: what else is known; each makes the advice more careful.
        labels_are: "given", or "clusters" where clusters stand in place of labels.
    """
    raise NotImplementedError


def advice_table(advice: tuple[Advice, ...]) -> Table:
    """One row for each piece of advice."""
    raise NotImplementedError
