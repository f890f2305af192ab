"""Theorems 4.4 and 4.5 in training: the weighted minimiser, or the eigen-factor of T ⊙ Ā?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory._table import Table
from dctheory.experiment._base import Analysis, Experiment
from dctheory.experiment._graph_runs import GraphSettings, table_task
from dctheory.experiment._recovery import (
    LOSS_SOURCE,
    NOTES,
    Recovery,
    least_squares_errors,
    mean_or_none,
    warn_of_divergence,
)
from dctheory.experiment._subspace import missed, span
from dctheory.experiment.bound_columns import graph_bound
from dctheory.experiment.result import Comparison, compare
from dctheory.experiment.tasks import Task

if TYPE_CHECKING:
    from dctheory.train.config import TrainConfig

Array = NDArray[np.float64]

MINIMISER, EIGEN_FACTOR = "weighted minimiser", "eigen-factor"


def make_tasks(
    settings: GraphSettings, seeds: tuple[int, ...], data_dir: Path | None
) -> list[Task]:
    """One task for each pairing and k, all seeds in one program."""
    return [
        table_task(f"{pairing}-k{k}", [_config(settings, pairing, k)], seeds)
        for pairing, k in settings.cases
    ]


def _config(settings: GraphSettings, pairing: str, k: int) -> TrainConfig:
    # 0 stands for the theorem's own temperatures.
    return settings.config(pairing, k, edit="temperature")


@dataclass(frozen=True, eq=False)
class Candidates:
    """What training may end at, beside what it did.

    Attributes:
        recovery: of the trained tables; its minimiser is what L-BFGS finds.
        eigen_factor: (N, k) features of the best rank-k factor of T ⊙ Ā, without weights.
    """

    recovery: Recovery
    eigen_factor: Array

    @property
    def gap(self) -> float:
        """Loss of the eigen-factor, less the minimum."""
        return self.recovery.loss.value(self.eigen_factor) - self.recovery.minimum

    def distances(self, goal: Array) -> Array:
        """(s,) distances of F Fᵀ to the goal's in the norm of the loss, √Σ Ω_xx' (s − s')²."""
        weights, other = self.recovery.loss.repulsion, goal @ goal.T
        squares = [np.sum(weights * (t @ t.T - other) ** 2) for t in self.recovery.tables]
        return np.sqrt(np.array(squares))

    def from_clean(self, tables: Sequence[Array] | Array) -> Array:
        """‖sin Θ‖ of the tables' spans and the clean graph's top k, which T ⊙ Ā has."""
        marginals, k = self.recovery.loss.marginals, self.recovery.k
        top = self.recovery.spaces.leading(k)
        return np.sqrt(np.array([missed(span(table, marginals), top) for table in tables]))

    @property
    def nearest(self) -> str:
        """Which of both the trained tables are nearer to."""
        goals = (self.recovery.minimiser, self.eigen_factor)
        first, second = (self.distances(goal) for goal in goals)
        nearer = {bool(each) for each in first < second}
        if len(nearer) != 1:
            return "it depends on the seed"
        return MINIMISER if nearer.pop() else EIGEN_FACTOR


def analyse(settings: GraphSettings, results: Mapping[str, Any]) -> Analysis:
    """The trained loss beside the weighted minimum and the eigen-factor's loss."""
    found = {}
    for pairing, k in settings.cases:
        run = results[f"{pairing}-k{k}"]["runs"][0]
        recovery = Recovery.of(_config(settings, pairing, k), run)
        found[pairing, k] = Candidates(recovery, recovery.loss.eigen_factor(k))
    comparisons: list[Comparison] = []
    rows: list[dict[str, Any]] = []
    warnings: list[str] = []
    for (pairing, k), each in found.items():
        name, recovery = f"{pairing}, k = {k}", each.recovery
        comparisons += _compare(name, each)
        # Of nodes that count alike, as in the clean graph, whose degrees are equal.
        errors = least_squares_errors(recovery, np.ones(recovery.graph.num_nodes))
        bounds = [
            graph_bound(recovery.graph, k, setting)
            for setting in ("temperature, proved", "temperature")
        ]
        worst = max(errors, default=None)
        warnings += filter(
            None,
            [warn_of_divergence(name, recovery), *(b.warning(name, worst) for b in bounds)],
        )
        proved = {"proved bound": bounds[0].bound, **bounds[1].to_dict()}
        rows.append({**_columns(pairing, each), "error": mean_or_none(errors), **proved})
    title = "Trained tables beside both candidates"
    columns = list(dict.fromkeys(name for row in rows for name in row))
    tables = {"temperatures": Table(columns, rows, title, _NOTES)}
    return Analysis(comparisons, (), tables, _findings(found, comparisons), warnings)


_NOTES = (
    NOTES[0],
    "minimum: of the loss with weights 1/τ², by L-BFGS from random starts and the eigen-factor; "
    "gap: how much higher the eigen-factor of T ⊙ Ā lies",
    "to weighted minimiser, to eigen-factor: √Σ Ω_xx' (s_xx' − s'_xx')² of the trained "
    "similarities, Ω being the loss's weights; from clean: ‖sin Θ‖ of the span of the minimiser, "
    "and of the trained one, to the clean graph's top k",
    "error: least squares on the trained features, all nodes alike, as in the clean graph",
)


def _compare(name: str, each: Candidates) -> list[Comparison]:
    recovery = each.recovery
    comparisons = [recovery.compare_loss(f"{name}: loss of the {MINIMISER}")]
    if recovery.spaces.is_cut(recovery.k):
        # T ⊙ Ā has no distinguished eigen-factor with k columns.
        return comparisons
    assumed, trained = recovery.minimum + each.gap, recovery.mean_loss
    title = f"{name}: loss of the {EIGEN_FACTOR}, as Theorem 4.5 assumes"
    note = f"it lies {each.gap:.2e} above the minimum"
    found = compare(title, assumed, trained, recovery.tolerance, LOSS_SOURCE, note=note)
    nearest = each.nearest
    words = "distance of F Fᵀ in the loss's own norm, all seeds"
    nearer = Comparison(
        f"{name}: nearer solution", MINIMISER, nearest, None, words, nearest == MINIMISER
    )
    return [*comparisons, found, nearer]


def _columns(pairing: str, each: Candidates) -> dict[str, Any]:
    recovery = each.recovery
    kept = ("k", "minimum", "loss", "excess", "by noise", "seeds")
    own = {name: value for name, value in recovery.columns().items() if name in kept}
    goals = {MINIMISER: recovery.minimiser, EIGEN_FACTOR: each.eigen_factor}
    distances = {f"to {name}": mean_or_none(each.distances(goal)) for name, goal in goals.items()}
    if recovery.spaces.is_cut(recovery.k):
        return {"pairing": pairing, **own, **distances}
    (minimiser,), trained = each.from_clean([recovery.minimiser]), each.from_clean(recovery.tables)
    spans = {"minimiser from clean": minimiser, "trained from clean": mean_or_none(trained)}
    return {"pairing": pairing, **own, "gap": each.gap, **distances, **spans}


# --- In words


def _findings(
    found: Mapping[tuple[str, int], Candidates], comparisons: Sequence[Comparison]
) -> list[str]:
    from dctheory.claims.thm_4_5 import MINIMISER as CLAIM

    reached = [each.agrees for each in comparisons if each.name.endswith(MINIMISER)]
    assumed = [each.agrees for each in comparisons if each.name.endswith("assumes")]
    findings = [
        f"Training ends at the minimum of the weighted loss in {reached.count(True)} of "
        f"{len(reached)} cases, and at the loss of the eigen-factor, which Theorem 4.5 assumes, in "
        f"{assumed.count(True)} of {len(assumed)}."
    ]
    for k in sorted({k for _, k in found}):
        own = [each for (_, size), each in found.items() if size == k]
        if own[0].recovery.spaces.is_cut(k):
            continue
        gaps = [each.gap for each in own]
        shares = [100 * each.gap / -each.recovery.minimum for each in own]
        sines = [each.from_clean([each.recovery.minimiser])[0] for each in own]
        findings.append(
            f"k = {k}: the eigen-factor's loss lies {_range(gaps)} above the minimum "
            f"({_range(shares)} % of it); the minimiser's span is ‖sin Θ‖ = {_range(sines)} away "
            "from the clean graph's top k."
        )
    if not assumed:
        return findings
    pairings = dict.fromkeys(pairing for pairing, _ in found)
    verdicts = ", ".join(f"{CLAIM.check(each).outcome.name} under {each}" for each in pairings)
    told = all(reached) and not any(assumed)
    training = "ends at the one and not at the other" if told else "does not tell both apart"
    findings.append(
        f"{CLAIM.id} (the eigen-factor minimises the weighted loss): {verdicts}; training "
        f"{training}{' in every case' if told else ''}."
    )
    return findings


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"


EXPERIMENT = Experiment(
    name="temperature-weighted",
    title="Training with the temperatures of Theorem 4.5 minimises a weighted loss",
    question=(
        "Does training with the temperature matrix end at the minimiser of the weighted loss of "
        "Theorem 4.4, or at the eigen-factor of T ⊙ Ā, which Theorem 4.5 assumes?"
    ),
    claims=("thm-4.4", "thm-4.5/match-all", "thm-4.5/minimiser"),
    presets={
        "smoke": GraphSettings(seeds=2, pairings=("both",), steps=5, batch_size=8),
        "cpu": GraphSettings(seeds=8, features=(1, 3), steps=4000),
        "gpu": GraphSettings(seeds=20, features=(1, 2, 3), steps=30_000, batch_size=2048),
        "paper": GraphSettings(
            seeds=20,
            classes=6,
            per_class=8,
            alpha=0.2,
            beta=0.03,
            gamma=0.1,
            features=(1, 6),
            steps=100_000,
            batch_size=2048,
        ),
    },
    seconds={"cpu": 60.0},
    tasks=make_tasks,
    analyse=analyse,
)
