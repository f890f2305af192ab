"""The actual error of a linear probe on the leading eigenvectors, beside the bound.

HaoChen et al. (2021) bound the error of the best head x ↦ argmax_c (f(x)ᵀ B)_c, without an
intercept, on f(x) = F_x/√w_x with F the top k eigenvectors of Ā. Here the head is fitted, by least
squares or as logistic regression, so that its error is an upper bound of the best one's, equal to
it where it is 0. The error is that of nodes x, each with the weight w_x = d_x/W unless weights are
uniform; a majority vote over the augmentations of one natural sample is not taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_choice, check_integer, check_real
from dctheory.bound.delta import smallest_delta
from dctheory.bound.haochen import bound_of
from dctheory.bound.heads import HEADS, error_rate, fit
from dctheory.bound.settings import REMOVAL, TEMPERATURE
from dctheory.bound.trials import (
    ALL_NODES,
    SETTINGS,
    NoisyGraph,
    Trial,
    clean_trial,
    data,
    edited,
    splitter,
)
from dctheory.graph.similarity import SimilarityGraph

if TYPE_CHECKING:
    from dctheory._table import Table

Array = NDArray[np.float64]

WEIGHTS = ("degree", "uniform")
EXACT, BASES, SAMPLED = "exact", "mean over bases", "sampled"


@dataclass(frozen=True, eq=False)
class ProbeEstimate:
    """The error of one head in one setting.

    Attributes:
        setting: one of :data:`dctheory.bound.trials.SETTINGS`, as in the table of bounds.
        nodes: tested on "all" nodes, or on those that removal has "kept".
        head: "least squares" or "logistic".
        errors: (s,) one error for each sample; a single one where it is exact.
        bounds: (s,) HaoChen et al.'s bounds at the samples' λ_{k+1}; inf where that is ≥ 1.
        eigenvalue: λ_{k+1} of the setting's matrix, mean over the samples.
        delta: the smallest δ of the setting's data without noise, the labels being the classes.
        basis: "exact"; "mean over bases" where k cuts an eigenspace of the classes, so that the
            basis inside is arbitrary and random ones are drawn; "sampled" with noise.
    """

    setting: str
    nodes: str
    head: str
    errors: Array
    bounds: Array
    eigenvalue: float
    delta: float
    basis: str

    @property
    def error(self) -> float:
        """Mean error over the samples."""
        return float(self.errors.mean())

    @property
    def bound(self) -> float:
        """Mean bound over the samples."""
        return float(self.bounds.mean())

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean error (Student's t), cut at 0 and 1."""
        low, high = confidence_interval(self.errors)
        return max(0.0, low), min(1.0, high)

    @property
    def name(self) -> str:
        """The setting, for removal with the nodes that it is tested on."""
        return f"{self.setting} ({self.nodes} nodes)" if self.setting == REMOVAL else self.setting


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """Errors of linear probes beside their bounds; ``skipped`` names settings that do not exist."""

    graph: SimilarityGraph
    k: int
    epsilon: float
    weights: str
    held_out: bool
    ridge: float
    estimates: tuple[ProbeEstimate, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    def estimate(
        self, setting: str, head: str = "least squares", nodes: str = ALL_NODES
    ) -> ProbeEstimate:
        """One estimate; ValueError if it is not among those computed."""
        for each in self.estimates:
            if (each.setting, each.head, each.nodes) == (setting, head, nodes):
                return each
        known = sorted({f"{e.setting}, {e.head}, {e.nodes}" for e in self.estimates})
        raise ValueError(
            f"no estimate for {setting!r}, {head!r}, nodes {nodes!r}; "
            f"computed are: {'; '.join(known)}"
        )

    def table(self) -> Table:
        """All estimates."""
        from dctheory._table import Table

        rows = [
            (e.name, e.head, e.error, *e.interval, e.eigenvalue, e.delta, e.bound, e.basis)
            for e in self.estimates
        ]
        columns = ("setting", "head", "error", "95 % from", "to", "λ_(k+1)", "δ", "bound", "basis")
        title = f"Linear probe, k = {self.k}, ε = {self.epsilon}"
        return Table(columns, rows, title, notes=self.notes())

    def notes(self) -> list[str]:
        """The conventions behind the numbers."""
        weight = "with weight d_x/W" if self.weights == "degree" else "with equal weight"
        half = "a held-out half of each kind and class" if self.held_out else "the training nodes"
        notes = [
            f"no intercept; nodes count {weight}; tested on {half}; logistic ridge {self.ridge:g}",
            "bound: 4δ/(1 − λ) + 8δ at the setting's smallest δ for the class labels",
        ]
        if any(e.setting == REMOVAL for e in self.estimates):
            notes.append("removal, all nodes: the removed ones by the Nyström extension")
        if self.epsilon:
            notes.append("noise is not clipped; a graph's weights, as in the bound, are ≥ 0")
        if not self.graph.is_psd():
            notes.append("A is not positive semidefinite: no augmentation has these similarities")
        if any(e.setting == TEMPERATURE for e in self.estimates):
            notes.append("temperature: assumes the eigen-factor of T ⊙ Ā")
        return notes + [f"{setting}: left out, {reason}" for setting, reason in self.skipped]

    def __str__(self) -> str:
        return self.table().to_text()

    def _repr_html_(self) -> str:
        return self.table().to_html()


def probe_error(
    graph: SimilarityGraph,
    k: int,
    *,
    epsilon: float = 0.0,
    settings: Iterable[str] = SETTINGS,
    heads: Iterable[str] = HEADS,
    weights: str = "degree",
    held_out: bool = False,
    samples: int = 20,
    ridge: float = 1e-4,
    rng: np.random.Generator | None = None,
) -> ProbeResult:
    """The error of a linear probe on k eigenvectors, in each setting, beside the bound there.

    Without noise (ε = 0) the graph's symmetry gives the error exactly, at any N; where k cuts an
    eigenspace of the classes it is the mean over ``samples`` random bases. With noise, Ã = A + ε E
    is sampled, with the same E in all settings. Edits come from the graph without noise: Ã's
    normalised matrix minus M̄ = Ā − (clean Ā), or times T = (clean Ā)/Ā entrywise; those two are
    read with the equal degrees of the clean graph that they imitate.

    Args:
        graph: the graph.
        k: number of features, 1 to N − 1.
        epsilon: noise level ε ≥ 0 of :func:`dctheory.graph.noise.sample_noisy`.
        settings: any of "without difficult", "with difficult", "removal", "margin",
            "temperature".
        heads: "least squares" (minimum norm), "logistic" (with ridge/2 ‖B‖²).
        weights: nodes count by "degree" (d_x/W) or "uniform", in fit and test.
        held_out: with noise, fit on half of each kind and class and test on the other half (the
            eigenvectors are those of all nodes); else fit and test on the same nodes.
        samples: number of noise matrices or bases, at least 2.
        ridge: of the logistic head, positive.
        rng: needed where something is sampled.

    Raises:
        ValueError: a value out of range, an unknown name, no ``rng`` where one is needed, a noisy
            matrix with a row sum that is not positive, or too many nodes.
        TypeError: a value of the wrong kind.
    """
    if not isinstance(graph, SimilarityGraph):
        raise TypeError(f"graph must be a SimilarityGraph, got {type(graph).__name__}")
    k = check_integer("k", k, 1, graph.num_nodes - 1)
    samples = check_integer("samples", samples, 2)
    level = float(check_real("epsilon", epsilon, 0))
    penalty = float(check_real("ridge", ridge, 0, low_open=True))
    uniform = check_choice("weights", weights, WEIGHTS) == "uniform"
    chosen = [check_choice("settings", each, SETTINGS) for each in settings]
    kinds = [check_choice("heads", each, HEADS) for each in heads]
    trials, skipped = _trials(graph, chosen, k, level, uniform, held_out, samples, rng)
    estimates = [
        each
        for setting, found in trials.items()
        for each in _estimates(graph, setting, found, kinds, penalty, level > 0)
    ]
    return ProbeResult(
        graph, k, level, weights, held_out, penalty, tuple(estimates), tuple(skipped.items())
    )


def _trials(
    graph: SimilarityGraph,
    settings: list[str],
    k: int,
    level: float,
    uniform: bool,
    held_out: bool,
    samples: int,
    rng: np.random.Generator | None,
) -> tuple[dict[str, list[Trial]], dict[str, str]]:
    """The trials of each setting, and the settings that do not exist with the reason."""
    skipped = {}
    for setting in settings:
        reason = _missing(graph, setting, k)
        if reason:
            skipped[setting] = reason
    settings = [setting for setting in settings if setting not in skipped]
    if level == 0:
        # One seed for all settings: where k cuts an eigenspace they share the random bases.
        seed = None if rng is None else int(rng.integers(2**63))
        return {s: _clean_trials(graph, s, k, uniform, samples, seed) for s in settings}, skipped
    if rng is None:
        raise ValueError("noise is sampled; pass rng=numpy.random.default_rng(seed)")
    noisy, draw = NoisyGraph(graph, level, uniform), splitter(graph, held_out)
    trials: dict[str, list[Trial]] = {setting: [] for setting in settings}
    for _ in range(samples):
        noise, split = noisy.noise(rng), draw(rng)
        for setting in settings:
            trials[setting].append(noisy.trial(setting, k, noise, split, rng))
    return trials, skipped


def _missing(graph: SimilarityGraph, setting: str, k: int) -> str:
    try:
        left = edited(graph, setting).num_nodes
    except ValueError as error:
        return str(error)
    return f"λ_{k + 1} does not exist with {left} nodes" if k >= left else ""


def _clean_trials(
    graph: SimilarityGraph,
    setting: str,
    k: int,
    uniform: bool,
    samples: int,
    seed: int | None,
) -> list[Trial]:
    rng = None if seed is None else np.random.default_rng(seed)
    first = clean_trial(graph, setting, k, uniform, rng)
    more = samples - 1 if first.cut else 0
    return [first, *(clean_trial(graph, setting, k, uniform, rng) for _ in range(more))]


def _estimates(
    graph: SimilarityGraph,
    setting: str,
    trials: list[Trial],
    heads: list[str],
    ridge: float,
    noisy: bool,
) -> list[ProbeEstimate]:
    delta = float(smallest_delta(data(graph, setting)).class_label)
    bounds = np.array([float(bound_of(trial.eigenvalue, delta)) for trial in trials])
    eigenvalue = float(np.mean([trial.eigenvalue for trial in trials]))
    basis = SAMPLED if noisy else (BASES if trials[0].cut else EXACT)
    found = []
    for head in heads:
        errors: dict[str, list[float]] = {nodes: [] for nodes in trials[0].tests}
        for trial in trials:
            rows = trial.train
            matrix = fit(head, rows.features, rows.labels, rows.weights, graph.classes, ridge)
            for nodes, test in trial.tests.items():
                rate = error_rate(test.features @ matrix, test.labels, test.weights)
                errors[nodes].append(rate)
        found += [
            ProbeEstimate(setting, nodes, head, np.array(rates), bounds, eigenvalue, delta, basis)
            for nodes, rates in errors.items()
        ]
    return found


def confidence_interval(values: Array) -> tuple[float, float]:
    """95 % interval of the mean (Student's t); a single value is taken as exact."""
    mean, count = float(values.mean()), len(values)
    if count == 1:
        return mean, mean
    from scipy.special import stdtrit

    half = float(stdtrit(count - 1, 0.975) * values.std(ddof=1) / np.sqrt(count))
    return mean - half, mean + half
