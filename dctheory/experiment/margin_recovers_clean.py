"""Theorem 4.3 in training: does the margin give the graph without difficult examples?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dctheory._table import Table
from dctheory.bound.edits import without_difficult
from dctheory.experiment._base import Analysis, Experiment
from dctheory.experiment._graph_runs import GraphSettings, table_task
from dctheory.experiment._recovery import (
    NOTES,
    Recovery,
    compare_eigenvalue,
    least_squares_errors,
    mean_or_none,
    warn_of_divergence,
)
from dctheory.experiment._subspace import Eigenspaces
from dctheory.experiment.bound_columns import BoundColumns, graph_bound
from dctheory.experiment.result import Comparison, compare
from dctheory.experiment.tasks import Task

if TYPE_CHECKING:
    from dctheory.train.config import TrainConfig

# The margins that are trained: W m, which a loss over weights that sum to 1 needs, and the printed
# m itself, which is for raw weights.
SCALED, RAW = "margin × W", "margin for raw weights"
CLEAN, DIFFICULT = "clean", "difficult"

# Recoveries by margin, pairing and k.
Found = Mapping[tuple[str, str, int], Recovery]


def make_tasks(
    settings: GraphSettings, seeds: tuple[int, ...], data_dir: Path | None
) -> list[Task]:
    """One task for each pairing and k: both margins and all seeds in one program."""
    return [
        table_task(f"{pairing}-k{k}", list(_configs(settings, pairing, k).values()), seeds)
        for pairing, k in settings.cases
    ]


def _configs(settings: GraphSettings, pairing: str, k: int) -> dict[str, TrainConfig]:
    scales = {SCALED: 1.0, RAW: 1 / float(settings.graph(pairing).total_weight)}
    return {
        name: settings.config(pairing, k, edit="margin", edit_scale=scale)
        for name, scale in scales.items()
    }


def analyse(settings: GraphSettings, results: Mapping[str, Any]) -> Analysis:
    """Losses, subspaces and λ_{k+1} of both margins beside the clean and the difficult graph's."""
    found: dict[tuple[str, str, int], Recovery] = {}
    for pairing, k in settings.cases:
        runs = results[f"{pairing}-k{k}"]["runs"]
        configs = _configs(settings, pairing, k)
        for (margin, config), run in zip(configs.items(), runs, strict=True):
            found[margin, pairing, k] = Recovery.of(config, run)
    comparisons: list[Comparison] = []
    rows: list[dict[str, Any]] = []
    warnings: list[str] = []
    for (margin, pairing, k), recovery in found.items():
        name = f"{margin}, {pairing}, k = {k}"
        comparisons += _compare(name, margin, recovery, found)
        bound, errors = _bound(margin, recovery)
        worst = max(errors, default=None)
        warnings += filter(None, [warn_of_divergence(name, recovery), bound.warning(name, worst)])
        own = {"margin": margin, "pairing": pairing, **recovery.columns(), **_columns(recovery)}
        rows.append({**own, "error": mean_or_none(errors), **bound.to_dict()})
    tables = {"margins": Table(list(rows[0]), rows, "Trained tables beside both graphs", _NOTES)}
    return Analysis(comparisons, (), tables, _findings(found, comparisons), warnings)


_NOTES = (
    *NOTES,
    "from clean, from difficult: ‖sin Θ‖ of the trained span and the top k of either graph, beside "
    "that of the minimiser; none where k cuts an eigenspace",
    "error: least squares on the trained features, all nodes alike, as in the clean graph",
)


def _compare(name: str, margin: str, recovery: Recovery, found: Found) -> list[Comparison]:
    """One run beside its own minimum, its eigenspaces and λ_{k+1}, and beside both graphs."""
    pairing, k = recovery.graph.pairing, recovery.k
    comparisons = [recovery.compare_loss(f"{name}: loss"), *recovery.compare_space(name)]
    if margin == RAW:
        comparisons.append(_promise(name, recovery, found[SCALED, pairing, k]))
    for graph, spaces in _references(recovery).items():
        # Of the margin × W the clean graph's eigenspaces are its own.
        if (margin, graph) != (SCALED, CLEAN):
            comparisons += recovery.compare_distance(f"{name}: from the {graph} graph's", spaces)
    following = found.get((margin, pairing, k + 1))
    if following is not None:
        predicted = max(float(recovery.spaces.values[k]), 0.0)
        title = f"{margin}, {pairing}: λ_{k + 1}"
        comparisons.append(compare_eigenvalue(title, predicted, recovery, following))
    return comparisons


def _promise(name: str, recovery: Recovery, right: Recovery) -> Comparison:
    """What the theorem promises, were the printed margin the one that this loss needs."""
    losses = np.array([right.loss.value(table) for table in recovery.tables])
    mean = float(losses.mean()) if len(losses) else float("nan")
    title, source = f"{name}: the clean graph's loss", "as for the margin × W"
    return compare(title, right.minimum, mean, right.tolerance, source)


def _references(recovery: Recovery) -> dict[str, Eigenspaces]:
    graphs = {CLEAN: without_difficult(recovery.graph), DIFFICULT: recovery.graph}
    return {name: Eigenspaces.of(graph.normalized_adjacency()) for name, graph in graphs.items()}


def _columns(recovery: Recovery) -> dict[str, float | None]:
    columns: dict[str, float | None] = {}
    for name, spaces in _references(recovery).items():
        predicted, measured = recovery.distances(spaces) or (None, np.array([]))
        columns |= {f"from {name}": mean_or_none(measured), f"from {name}, predicted": predicted}
    return columns


def _bound(margin: str, recovery: Recovery) -> tuple[BoundColumns, Any]:
    """The bound, and the errors it is about: of nodes that count alike, as in the clean graph."""
    graph, k = recovery.graph, recovery.k
    if margin == SCALED:
        bound = graph_bound(graph, k, "margin")
    else:
        bound = graph_bound(graph, k, margin=1 / Fraction(graph.total_weight))
    return bound, least_squares_errors(recovery, np.ones(graph.num_nodes))


# --- In words


def _findings(found: Found, comparisons: Sequence[Comparison]) -> list[str]:
    findings = []
    for margin in (SCALED, RAW):
        losses = [
            each.agrees
            for each in comparisons
            if each.name.startswith(margin) and each.name.endswith(": loss")
        ]
        nearer = Counter(
            name for (own, _, _), each in found.items() if own == margin for name in _nearer(each)
        )
        counts = " and ".join(f"the {name} graph {count} times" for name, count in nearer.items())
        findings.append(
            f"{margin}: the minimum of its own loss is reached in {losses.count(True)} of "
            f"{len(losses)} cases. The trained span is nearer to the top k of "
            f"{counts or 'neither graph, as k cuts an eigenspace'}."
        )
    promised = [each.agrees for each in comparisons if each.name.endswith("clean graph's loss")]
    findings.append(
        f"With the margin for raw weights the clean graph's minimum is reached in "
        f"{promised.count(True)} of {len(promised)} cases; a loss over weights that sum to 1 needs "
        "W times that margin."
    )
    return findings


def _nearer(recovery: Recovery) -> list[str]:
    """The graph whose top k the spans are nearer to in the mean; none where one has no top k."""
    means = {}
    for name, spaces in _references(recovery).items():
        distances = recovery.distances(spaces)
        if distances is None or not len(recovery.tables):
            return []
        means[name] = float(distances[1].mean())
    return [min(means, key=lambda name: means[name])]


EXPERIMENT = Experiment(
    name="margin-recovers-clean",
    title="The margin of Theorem 4.3 recovers the graph without difficult examples",
    question=(
        "Does training with the margin matrix end at the minimum and the eigenspaces of the clean "
        "graph (γ = β), and does it with the margin as printed, which is for raw weights?"
    ),
    claims=("thm-4.2", "thm-4.3/equal"),
    presets={
        "smoke": GraphSettings(seeds=2, pairings=("both",), steps=5, batch_size=8),
        "cpu": GraphSettings(seeds=8, features=(3, 4), steps=3000, batch_size=128),
        "gpu": GraphSettings(
            seeds=20,
            classes=4,
            per_class=8,
            difficult=4,
            beta=0.02,
            gamma=0.12,
            features=(4, 5),
            steps=20_000,
            batch_size=1024,
        ),
        "paper": GraphSettings(
            seeds=20,
            classes=10,
            per_class=8,
            difficult=2,
            beta=0.02,
            gamma=0.06,
            features=(10, 11),
            steps=50_000,
            batch_size=2048,
        ),
    },
    seconds={"cpu": 35.0},
    tasks=make_tasks,
    analyse=analyse,
)
