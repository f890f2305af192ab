"""What to do about difficult samples, on which ground, and how sure that is.

A remedy is ranked by its exact bound in the model. That bound is vacuous on most real data, and
its order is then the only thing that it could tell. Two more facts go with each piece of advice:

- Removal changes δ besides λ_{k+1}, as it leaves fewer samples; removing as many random ones does
  that too, so that only the difference to those is owed to difficulty.
- A margin or a smaller temperature makes selected pairs count for more in the denominator: they
  are pushed apart harder. Removal is the opposite: they are not pushed at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dctheory._table import Table, plain
from dctheory._validation import check_choice
from dctheory.bound.edits import is_difficult_pair, margin_entries, temperature_entries
from dctheory.bound.settings import MARGIN, REMOVAL, TEMPERATURE, WEIGHTED, WITH, WITHOUT
from dctheory.bound.table import TIE_TOLERANCE, BoundsRow, BoundsTable
from dctheory.diagnose.errors import DIFFICULT, EASY, PROBE, MeasuredErrors
from dctheory.diagnose.intervals import Intervals
from dctheory.diagnose.levels import LevelFit
from dctheory.diagnose.theory import LEVELS, TheoryReading
from dctheory.graph.similarity import SimilarityGraph
from dctheory.graph.similarity_estimate import AS_GIVEN, SimilarityEstimate

if TYPE_CHECKING:
    from dctheory.diagnose.distribution import SimilarityDistribution

NOTHING, REMOVE = "nothing", "remove"
ACTIONS = (NOTHING, REMOVE, MARGIN, TEMPERATURE)
# How sure: no ground; only the order of bounds that are vacuous or rest on a poor model; a bound.
NONE, ORDER, BOUND = CERTAINTIES = ("none", "order of bounds", "bound")
GIVEN, CLUSTERS = LABELS = ("given", "clusters")

_HARDER = (
    "It pushes the selected pairs apart harder: right where they are of different classes, wrong "
    "where they are not."
)


@dataclass(frozen=True)
class Advice:
    """One thing to do, or to leave.

    Attributes:
        action: "nothing", "remove", "margin" or "temperature".
        pairs: on which samples or pairs, in words.
        strength: σ in units of cosine, or ρ; None where there is none.
        ground: the statement and the numbers that it rests on.
        certainty: one of :data:`CERTAINTIES`.
        text: the advice. What speaks against remedies is the ground of the "nothing" before them.
    """

    action: str
    pairs: str
    strength: float | None
    ground: str
    certainty: str
    text: str

    def to_dict(self) -> dict[str, Any]:
        """By name, as strict JSON can hold them."""
        names = ("action", "pairs", "strength", "ground", "certainty", "text")
        return {name: plain(getattr(self, name)) for name in names}


def advise(
    estimate: SimilarityEstimate | None = None,
    theory: TheoryReading | None = None,
    *,
    intervals: Intervals | None = None,
    levels: LevelFit | None = None,
    errors: MeasuredErrors | None = None,
    distribution: SimilarityDistribution | None = None,
    labels_are: str = GIVEN,
) -> tuple[Advice, ...]:
    """Advice for these embeddings; the first piece is what we would do, others are to be tried.

    Args:
        estimate, theory: of the labelled embeddings; None without labels.
        intervals: if that of γ − β holds 0, nothing can be told.
        levels: a poor fit makes every bound one of another graph.
        errors: whether difficult samples are those that are got wrong.
        distribution: with labels, for the share of cross-class pairs among those that posHigh and
            posLow select.
        labels_are: "given", or "clusters" where clusters stand in their place.

    Returns:
        At least one piece. "nothing" comes first unless a bound below 1 speaks for a remedy.
    """
    check_choice("labels_are", labels_are, LABELS)
    if estimate is None or theory is None:
        return (_without_labels(),)
    measured = _measured(theory, errors)
    obstacle = _obstacle(theory, intervals)
    if theory.levels is None or theory.bounds is None or obstacle:
        return (_nothing(obstacle, measured),)
    doubts = _doubts(estimate, theory, levels, errors, labels_are)
    selected = _selection(estimate, theory.pairing, distribution)
    case = _Case(estimate, theory, theory.levels.graph, theory.bounds, tuple(doubts), selected)
    options = case.options(certain=labels_are == GIVEN)
    if options and options[0].certainty == BOUND:
        return options
    reasons = [*_vacuous(theory), *doubts] or ["no remedy has a smaller exact bound"]
    if options:
        measured += " What follows could be tried all the same, the smallest bound first."
    return (_nothing(" ".join(map(_sentence, reasons)), measured.strip()), *options)


def advice_table(advice: Sequence[Advice]) -> Table:
    """One row for each piece of advice."""
    columns = ("action", "pairs", "strength", "certainty", "ground", "text")
    rows = [tuple(getattr(each, name) for name in columns) for each in advice]
    return Table(columns, rows, "Advice, the first before the others")


# --- Nothing


def _without_labels() -> Advice:
    return Advice(
        action=NOTHING,
        pairs="",
        strength=None,
        ground="α, β and γ are means over pairs of known classes",
        certainty=NONE,
        text=(
            "Without labels nothing here can tell difficult pairs from pairs of one class, nor a "
            "remedy that helps from one that does harm. posHigh and posLow (Eq. 12) select pairs "
            "by similarity alone, posHigh being near 100 over the number of classes. If you try "
            "one, removal of those pairs is the cautious choice: it stops pushing them apart, "
            "whereas a margin or a smaller temperature pushes them harder, also those of one "
            "class. Judge by labels on a small part of the data."
        ),
    )


def _nothing(reason: str, measured: str) -> Advice:
    text = "Change nothing on this theory's account: it gives no reason to."
    return Advice(NOTHING, "", None, reason, NONE, f"{text} {measured}".strip())


def _obstacle(theory: TheoryReading, intervals: Intervals | None) -> str:
    """Why nothing at all follows, as a sentence; "" if something may."""
    gap = None
    if intervals is not None and theory.pairing in intervals.readings:
        gap = intervals.readings[theory.pairing].gap
        if gap.contains_zero:
            return (
                f"γ − β = {gap.estimate:.4g} with the {100 * intervals.level:g} % interval "
                f"{gap.low:.4g} to {gap.high:.4g}: pairs called difficult may be no more similar "
                "than other cross-class pairs, and nothing can be told."
            )
    if theory.levels is None or theory.bounds is None:
        broken = "; ".join(theory.violations)
        return f"These similarities are no graph of the paper ({broken})."
    if gap is not None and gap.contains_zero is None:
        return "γ − β has no interval, so that nothing can be told from it."
    clean = theory.bounds[WITHOUT].exact
    hurt = theory.levels.eigenvalue
    if clean is not None and hurt <= clean.eigenvalue * (1 + TIE_TOLERANCE):
        return (
            f"At k = {theory.k} difficult pairs do not raise λ_{theory.k + 1} ({hurt:.4g} with "
            f"them, {clean.eigenvalue:.4g} without; mode: {theory.levels.mode.name}), so that no "
            "remedy can lower the bound by its spectrum."
        )
    return ""


def _vacuous(theory: TheoryReading) -> list[str]:
    levels = theory.levels
    return [levels.blame] if levels is not None and levels.bound.is_vacuous else []


def _doubts(
    estimate: SimilarityEstimate,
    theory: TheoryReading,
    levels: LevelFit | None,
    errors: MeasuredErrors | None,
    labels_are: str,
) -> list[str]:
    """What makes the model doubtful here, as clauses."""
    found = []
    if labels_are == CLUSTERS:
        found.append(
            "clusters stand in place of labels: pairs near their borders may be of one class"
        )
    if levels is not None and levels.quality == "poorly":
        found.append(
            f"α, β and γ explain {levels.three_levels:.1%} of the variance of similarities"
        )
    if theory.levels is not None and not theory.levels.graph.is_psd():
        found.append("no augmentation has these α, β and γ (A is not positive semidefinite)")
    noise = theory.noise
    if noise is not None and noise.name == LEVELS and noise.prediction.difficult_hidden:
        found.append(
            f"the spread of similarities about their levels, {noise.epsilon:.3g}, is above the "
            "noise in which the mode of difficult samples drowns"
        )
    if errors is not None and estimate.difficult_rule == AS_GIVEN:
        found += _harmless(errors)
    return found


def _harmless(errors: MeasuredErrors) -> list[str]:
    groups = {each.samples for each in errors.rates}
    if not {EASY, DIFFICULT} <= groups:
        return []
    easy, hard = errors.rate(PROBE, EASY), errors.rate(PROBE, DIFFICULT)
    if hard.low > easy.high:
        return []
    return [
        f"a linear probe errs on {hard.rate:.1%} of the difficult samples and on {easy.rate:.1%} "
        "of the others, which cannot be told apart"
    ]


def _measured(theory: TheoryReading, errors: MeasuredErrors | None) -> str:
    if errors is None:
        return ""
    bound = None if theory.levels is None else float(theory.levels.bound)
    return _sentence(f"Measured: {errors.beside(bound)}")


# --- Remedies

# Action, pairs, strength, text.
_Option = tuple[str, str, float | None, str]


@dataclass(frozen=True)
class _Case:
    """An estimate that is a graph of the paper, and what is known about it."""

    estimate: SimilarityEstimate
    theory: TheoryReading
    graph: SimilarityGraph
    table: BoundsTable
    doubts: tuple[str, ...]
    selected: str

    def options(self, certain: bool) -> tuple[Advice, ...]:
        """The remedies whose exact bound is below that without one, the smallest first."""
        make = {REMOVAL: self._remove, MARGIN: self._margin, TEMPERATURE: self._temperature}
        start = _exact(self.table[WITH])
        better = [self.table[name] for name in make if _exact(self.table[name]) < start]
        found = []
        for row in sorted(better, key=_exact):
            action, pairs, strength, text = make[row.setting](row)
            certainty = self._certainty(row) if certain else NONE
            found.append(Advice(action, pairs, strength, _ground(row, start), certainty, text))
        return tuple(found)

    def _certainty(self, row: BoundsRow) -> str:
        return BOUND if row.is_implied and _exact(row) < 1 and not self.doubts else ORDER

    def _remove(self, row: BoundsRow) -> _Option:
        count, total = sum(self.estimate.difficult_sizes), self.estimate.num_samples
        text = (
            f"Train without the {count} difficult samples ({count / total:.1%}), or leave the "
            "selected pairs out of the denominator, which stops pushing them apart."
        )
        if row.from_delta is not None and row.from_delta < 0:
            text += (
                f" The bound changes by {row.from_delta:+.2g} through its own δ, which falls since "
                "fewer samples are left."
            )
        if self.theory.random_removal is not None:
            random = float(self.theory.random_removal)
            better = _exact(row) < random * (1 - TIE_TOLERANCE)
            verdict = "which is worse" if better else "which is no worse"
            text += f" Removing as many random samples gives the bound {random:.6g}, {verdict}."
        return REMOVE, f"the difficult samples; as pairs: {self.selected}", None, text

    def _margin(self, row: BoundsRow) -> _Option:
        sigma = self.estimate.gamma(self.theory.pairing) - self.estimate.beta(self.theory.pairing)
        exact = _entry(margin_entries(self.graph, normalized=True))
        text = (
            f"Add σ near γ − β = {sigma:.3g} to the cosines of selected pairs: one at β then "
            f"counts like another at γ. {_HARDER} The theorem is about the spectral loss, where "
            f"the margin is {exact:.3g} on difficult pairs; for InfoNCE σ is to be tuned."
        )
        return MARGIN, self.selected, sigma, text

    def _temperature(self, row: BoundsRow) -> _Option:
        rho = _entry(temperature_entries(self.graph))
        proved = _exact(self.table[WEIGHTED])
        text = (
            f"Multiply the temperature of selected pairs by ρ = {rho:.4g}, which brings them from "
            f"γ to β in the model. {_HARDER} The bound that is proved for this loss, with its own "
            f"weights, is {proved:.6g}; for InfoNCE ρ is to be tuned."
        )
        return TEMPERATURE, self.selected, rho, text


def _exact(row: BoundsRow) -> float:
    """The exact bound; infinite where there is none."""
    return math.inf if row.exact is None else float(row.exact)


def _ground(row: BoundsRow, start: float) -> str:
    size = "below 1" if _exact(row) < 1 else "vacuous"
    parts = [f"{row.source}: exact bound {_exact(row):.6g} ({size}) in place of {start:.6g}"]
    if row.from_eigenvalue is not None and row.from_delta is not None:
        parts.append(f"{row.from_eigenvalue:+.2g} from λ, {row.from_delta:+.2g} from δ")
    return "; ".join(filter(None, (*parts, row.remark)))


def _entry(entries: Any) -> float:
    """The entry of difficult cross-class pairs; where there are two kinds, of the commoner one."""
    found = [each for each in entries.values() if is_difficult_pair(each.kind)]
    return float(max(found, key=lambda each: each.count).value)


def _selection(
    estimate: SimilarityEstimate, pairing: str, distribution: SimilarityDistribution | None
) -> str:
    """posHigh and posLow that select as many pairs as are difficult, in words."""
    difficult = estimate.readings[pairing].gamma.pairs
    total = estimate.num_samples * (estimate.num_samples - 1)
    high = 100 * estimate.same_class["all"].pairs / total
    low = min(100.0, high + 100 * difficult / total)
    text = (
        f"cross-class pairs that are difficult ({pairing}); by similarity alone, posHigh = "
        f"{high:.3g} and posLow = {low:.3g} select as many"
    )
    share = _cross_share(distribution, high, low)
    return text if math.isnan(share) else f"{text}, of which {share:.0%} are cross-class"


def _cross_share(distribution: SimilarityDistribution | None, high: float, low: float) -> float:
    """Share of cross-class pairs between two percentiles of all pairs; NaN if not known."""
    if distribution is None or "cross-class" not in distribution.kinds:
        return math.nan
    upper, lower = distribution.percentile(high), distribution.percentile(low)
    chosen = (distribution.centres < upper) & (distribution.centres >= lower)
    total = distribution.counts["all"][chosen].sum()
    return float(distribution.counts["cross-class"][chosen].sum() / total) if total else math.nan


def _sentence(clause: str) -> str:
    # Greek letters stay as they are: a capital α is an A.
    text = clause[0].upper() + clause[1:] if clause[0].isascii() else clause
    return text if text.endswith(".") else f"{text}."
