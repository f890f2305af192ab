"""The parts of a diagnosis in their order; one that cannot be computed leaves the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._progress import Progress
from dctheory.diagnose._inputs import Inputs
from dctheory.diagnose.partial import PartialSums
from dctheory.graph._sample_checks import check_labels
from dctheory.graph._unit_rows import UnitRows
from dctheory.graph.classifier_gap import HeldOutGaps, held_out_gaps, smallest
from dctheory.graph.similarity_estimate import AS_GIVEN, SimilarityEstimate

# Name of a part -> what it is, in words that fit after "needs".
PARTS = {
    "classes": "the number of classes",
    "clusters": "clusters in place of labels",
    "difficulty": "scores of difficulty",
    "estimate": "the estimate of α, β and γ",
    "intervals": "confidence intervals",
    "distribution": "the distribution of similarities",
    "levels": "the fit of the levels",
    "theory": "the reading by the theory",
    "errors": "held-out errors",
    "gaussian": "tests of normality",
    "alignment": "the alignment",
    "advice": "advice",
}

# What makes a part inapplicable, the input itself having been checked before.
_INAPPLICABLE = (ValueError, ArithmeticError, MemoryError)

GIVEN, CLUSTERS = "given", "clusters"


@dataclass(frozen=True)
class Findings:
    """Parts by name, and why the others are missing."""

    parts: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    # Missing only because of others, whose reason is theirs.
    following: set[str] = field(default_factory=set)

    def need(self, name: str) -> Any:
        """The part, or a ValueError that names the first one that is missing."""
        if name in self.parts:
            return self.parts[name]
        reason = self.missing[name]
        if name not in self.following:
            reason = f"it needs {PARTS[name]}, which there is not ({reason})"
        raise _MissingPartError(reason)


class _MissingPartError(ValueError):
    """Another part is needed."""


def find(
    inputs: Inputs,
    settings: Mapping[str, Any],
    progress: Progress | None = None,
    partial: PartialSums | None = None,
) -> Findings:
    """Compute every part that can be computed.

    Args:
        inputs: checked; the rows that ``partial`` has kept, if that is given.
        settings: the parameters of the :class:`Diagnosis`, checked.
        progress: called with how many parts are done, how many there are, and the next.
        partial: sums over more rows, whose exact means are read in place of the sample's.

    Raises:
        ValueError: with labels, α, β and γ cannot be estimated.
    """
    finder = _Finder(inputs, settings, partial, progress)
    for done, (name, what) in enumerate(PARTS.items()):
        finder.show(done, what)
        try:
            finder.found.parts[name] = getattr(finder, name)()
        except _INAPPLICABLE as error:
            if name == "estimate" and inputs.labels is not None:
                raise  # with labels this is what was asked for
            finder.found.missing[name] = str(error) or type(error).__name__
            if isinstance(error, _MissingPartError):
                finder.found.following.add(name)
    finder.show(len(PARTS), "done")
    return finder.found


class _Finder:
    """A method for each part, called in the order of PARTS."""

    def __init__(
        self,
        inputs: Inputs,
        settings: Mapping[str, Any],
        partial: PartialSums | None,
        progress: Progress | None,
    ) -> None:
        self.inputs, self.settings, self.partial = inputs, settings, partial
        self.found = Findings()
        self.rows, self.seed = inputs.embeddings, settings["seed"]
        # Of the rows at hand, where "estimate" may be of more.
        self.own: SimilarityEstimate | None = None
        self._outer, self._place, self._label = progress, (0, ""), ""
        self._gaps: tuple[HeldOutGaps, NDArray[np.int64]] | None = None

    def show(self, done: int, what: str) -> None:
        """How many parts are done, and what comes next."""
        self._place = done, what
        if self._outer is not None:
            self._outer(done, len(PARTS), what)

    def progress(self, done: int, total: int, what: str) -> None:
        """Within a part, by each per cent."""
        parts, part = self._place
        label = f"{part}, {100 * done // total} % of {what}"
        if self._outer is not None and label != self._label:
            self._label = label
            self._outer(parts, len(PARTS), label)

    def classes(self) -> Any:
        from dctheory.diagnose.classes import estimate_classes

        if self.inputs.labels is not None:
            raise ValueError("labels are given")
        return estimate_classes(self.rows, seed=self.seed)

    def clusters(self) -> Any:
        from dctheory.diagnose.classes import cluster

        if self.inputs.labels is not None:
            raise ValueError("labels are given")
        count = self._count()
        if count < 2:
            raise ValueError(
                "the spectrum shows a single class; set the number of classes if you know it"
            )
        return cluster(self.rows, count, seed=self.seed)

    def difficulty(self) -> Any:
        from dctheory.diagnose.difficulty import effective_classes, score_difficulty

        if self.partial is not None:
            raise ValueError("a score for each sample needs all of them in one fit")
        with_labels = self.inputs.labels is not None
        clusters = self.found.parts.get("clusters")
        return score_difficulty(
            self.rows,
            self.inputs.labels,
            classes=2 if clusters is None else effective_classes(clusters.codes),
            pos_high=self.settings["pos_high"],
            pos_low=self.settings["pos_low"],
            gaps=self._held_out()[0].values if with_labels else None,
            share=self.settings["share"],
            seed=self.seed,
            progress=self.progress,
        )

    def estimate(self) -> Any:
        from dctheory.graph.estimate import estimate_similarities

        mask, rule = self._difficult_samples()
        estimate = estimate_similarities(
            self.rows, self._labels(), mask, self.inputs.partners, seed=self.seed
        )
        self.own = replace(estimate, difficult_rule=rule)
        if self.partial is None or self.inputs.difficult is None:
            return self.own
        return self.partial.estimate()

    def intervals(self) -> Any:
        from dctheory.diagnose.intervals import similarity_intervals

        return similarity_intervals(
            self.rows,
            self._labels(),
            self._own(),
            by=self.settings["by"],
            partners=self.inputs.partners,
            level=self.settings["level"],
            seed=self.seed,
        )

    def distribution(self) -> Any:
        from dctheory.diagnose.distribution import distribution_of, similarity_distribution

        if self.partial is not None:
            return distribution_of(self.partial, progress=self.progress)
        kinds = () if self.own is None else (self._labels(), self.own.is_difficult)
        return similarity_distribution(self.rows, *kinds, seed=self.seed, progress=self.progress)

    def levels(self) -> Any:
        from dctheory.diagnose.levels import fit_levels

        distribution = self.found.parts.get("distribution")
        return fit_levels(
            self.found.need("estimate"), distribution, pairing=self.settings["pairing"]
        )

    def theory(self) -> Any:
        from dctheory.diagnose.theory import read_theory

        estimate = self.found.need("estimate")
        return read_theory(estimate, k=self.settings["k"], pairing=self.settings["pairing"])

    def errors(self) -> Any:
        from dctheory.diagnose.errors import measured_errors

        if self.inputs.labels is None:
            raise ValueError("it needs labels; an error in predicting clusters says nothing")
        return measured_errors(
            self.rows, self.inputs.labels, self._own().is_difficult, seed=self.seed
        )

    def gaussian(self) -> Any:
        from dctheory.diagnose.gaussian import gaussianity

        return gaussianity(self.rows, seed=self.seed)

    def alignment(self) -> Any:
        from dctheory.diagnose.alignment import alignment_ceiling

        # The matched reading is no graph of cells.
        pairing = "either" if self.settings["pairing"] == "either" else "both"
        views = self.inputs.views
        rows = None if views is None else self.rows
        return alignment_ceiling(self.found.need("estimate"), rows, views, pairing=pairing)

    def advice(self) -> Any:
        from dctheory.diagnose.advice import advise

        parts = self.found.parts
        return advise(
            parts.get("estimate"),
            parts.get("theory"),
            intervals=parts.get("intervals"),
            levels=parts.get("levels"),
            errors=parts.get("errors"),
            distribution=parts.get("distribution"),
            labels_are=CLUSTERS if self.inputs.labels is None else GIVEN,
        )

    # --- What several parts need

    def _count(self) -> int:
        given = self.settings["classes"]
        return int(self.found.need("classes").count if given is None else given)

    def _labels(self) -> NDArray[Any]:
        given = self.inputs.labels
        labels: NDArray[Any] = self.found.need("clusters").codes if given is None else given
        return labels

    def _own(self) -> SimilarityEstimate:
        self.found.need("estimate")
        if self.own is None:
            raise ValueError("there is no estimate of these rows")
        return self.own

    def _held_out(self) -> tuple[HeldOutGaps, NDArray[np.int64]]:
        """Top-2 gaps of the held-out classifier, found once, and the codes of the labels."""
        if self._gaps is None:
            rows = UnitRows(self.rows)
            _, codes = check_labels(self._labels(), rows.num_rows)
            self._gaps = held_out_gaps(rows, codes, self.seed, progress=self.progress), codes
        return self._gaps

    def _difficult_samples(self) -> tuple[NDArray[np.bool_], str]:
        if self.inputs.difficult is not None:
            return self.inputs.difficult, AS_GIVEN
        scored = self.found.parts.get("difficulty")
        if self.inputs.labels is None and scored is not None:
            mask = np.zeros(scored.num_samples, dtype=bool)
            mask[scored.suggested] = True
            return mask, scored.rule
        gaps, codes = self._held_out()
        return smallest(gaps.values, codes, self.settings["share"], gaps.repeated)
