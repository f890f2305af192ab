"""The dial of noise: tables of free vectors, trained on a finite sample of a noisy graph."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from dctheory.experiment._pair_loss import PairLoss
from dctheory.experiment.tasks import Task

if TYPE_CHECKING:
    from dctheory.graph.similarity import SimilarityGraph
    from dctheory.train.config import TrainConfig
    from dctheory.train.data_config import GraphData
    from dctheory.train.outcome import TrainResult

Array = NDArray[np.float64]

# γ = β; as it is; and with the theorems' own remedies on all pairs of nodes.
CLEAN, NOISY, MARGIN, TEMPERATURE = "without difficult", "with difficult", "margin", "temperature"
ARMS = (CLEAN, NOISY, MARGIN, TEMPERATURE)
_FUNCTION = "dctheory.experiment._noise:train_noisy"


@dataclass(frozen=True)
class NoisyPoint:
    """A graph with noise, seen through a finite sample, and how tables are trained on it.

    Attributes:
        per_class, difficult, classes, alpha, beta, gamma: of the graph, of pairing "both".
        epsilon: of the noise.
        images: m, in the sample.
        steps, batch_size, learning_rate: of each run, by AdamW with a cosine to zero.
        remedies: whether margin and temperature are trained too.
    """

    classes: int
    per_class: int
    difficult: int
    alpha: float
    beta: float
    gamma: float
    epsilon: float
    images: int
    steps: int
    batch_size: int
    learning_rate: float
    remedies: bool = True

    @property
    def name(self) -> str:
        """Of the point's records."""
        return f"graph-epsilon{self.epsilon:g}-images{self.images}"

    @property
    def arms(self) -> tuple[str, ...]:
        """What is trained here."""
        return ARMS if self.remedies else ARMS[:2]

    @property
    def sample_noise(self) -> float:
        """Noise that the sample adds: the deviation ā N/√(2m) of an entry of the mean size ā."""
        graph = self.graph(NOISY)
        return float(graph.total_weight) / graph.num_nodes / math.sqrt(2 * self.images)

    @property
    def total_noise(self) -> float:
        """Of both together."""
        return math.hypot(self.epsilon, self.sample_noise)

    def graph(self, arm: str) -> SimilarityGraph:
        """The graph without noise that an arm's pairs come from."""
        from dctheory.train.problem import similarity_graph

        return similarity_graph(self._data(arm))

    def _data(self, arm: str) -> GraphData:
        from dctheory.train.data_config import GraphData

        names = ("classes", "per_class", "difficult", "alpha", "beta", "epsilon", "images")
        own = {name: getattr(self, name) for name in names}
        return GraphData(**own, gamma=self.beta if arm == CLEAN else self.gamma, show="rows")

    def config(self, arm: str, seed: int) -> TrainConfig:
        """The run of one arm and seed; k = r + 1."""
        from dctheory.train.config import (
            EvaluationConfig,
            ModelConfig,
            ObjectiveConfig,
            OptimizerConfig,
            TrainConfig,
        )

        edit = arm if arm in (MARGIN, TEMPERATURE) else "none"
        return TrainConfig(
            data=self._data(arm),
            model=ModelConfig(kind="table", features=self.classes),
            objective=ObjectiveConfig(loss="spectral", edit=edit),
            optimizer=OptimizerConfig(
                kind="adamw", learning_rate=self.learning_rate, weight_decay=0.0
            ),
            evaluation=EvaluationConfig(neighbours=0, ridge=1e-2),
            steps=self.steps,
            batch_size=self.batch_size,
            seed=seed,
            log_every=self.steps,
        )


# --- Training, in tasks


def noisy_task(points: Sequence[NoisyPoint], seeds: int) -> Task:
    """The task of :func:`train_noisy`, for points with as many images.

    Raises ValueError for parameters of no graph, and for kinds of nodes that cannot be halved.
    """
    from dctheory.bound.trials import splitter

    for point in points:
        splitter(point.graph(NOISY), True)
    documents = [dataclasses.asdict(point) for point in points]
    name = f"graph-images{points[0].images}"
    return Task(name, _FUNCTION, {"points": documents, "seeds": seeds})


def train_noisy(points: Sequence[Mapping[str, Any]], seeds: int) -> dict[str, Any]:
    """Train each arm with each seed, and find the exact minimiser on the same sample.

    Returns:
        ``runs``: a record for each point, arm and seed (:func:`measure`).
    """
    from dctheory.train.trainer import run_many

    known = [NoisyPoint(**point) for point in points]
    cases = [(at, arm, seed) for at in known for arm in at.arms for seed in range(seeds)]
    # One program for each kind of loss, whatever the noise.
    results = run_many([at.config(arm, seed) for at, arm, seed in cases])
    runs = [
        {"point": at.name, "arm": arm, "seed": seed, **measure(result)}
        for (at, arm, seed), result in zip(cases, results, strict=True)
    ]
    return {"runs": runs}


def measure(result: TrainResult) -> dict[str, Any]:
    """Errors of the probe on the trained table and on the exact minimiser, and the run's bound.

    ``error`` and ``exact``: fitted to one half of the nodes of each kind and class and tested on
    the other, both ways, nodes counted by their weight in the sample. ``excess``: of the trained
    table's loss over the minimum. With temperatures the minimiser is found by L-BFGS.
    """
    from dctheory.bound.trials import splitter

    config = result.config
    loss, graph = _sampled_loss(config)
    k, weights = config.model.features, loss.marginals
    minimiser = (
        loss.minimise(k, starts=0, rng=np.random.default_rng(0))[0]
        if config.objective.edit == TEMPERATURE
        else loss.eigen_factor(k)
    )
    half = splitter(graph, True)(np.random.default_rng(config.seed)).train
    labels = graph.labels
    judged: dict[str, Any] = {
        "exact": _held_out_error(minimiser, labels, weights, half),
        **_bound(loss, graph, k, config.objective.edit),
    }
    if result.evaluation is None:
        return {"error": None, "excess": None, **judged}
    table = result.features(np.arange(graph.num_nodes, dtype=np.int32)).astype(np.float64)
    excess = loss.value(table) - loss.value(minimiser)
    return {"error": _held_out_error(table, labels, weights, half), "excess": excess, **judged}


def _sampled_loss(config: TrainConfig) -> tuple[PairLoss, SimilarityGraph]:
    """The loss that a run minimises, on the sample that it sees, and the graph without noise."""
    from dctheory.experiment._graph_runs import edits_of
    from dctheory.train.problem import make_problem

    problem = make_problem(config)
    ends = np.asarray(problem.source.sampler.ends)
    graph = cast("SimilarityGraph", problem.graph)
    counts = np.zeros((graph.num_nodes,) * 2)
    np.add.at(counts, (ends[:, 0], ends[:, 1]), 1)
    pairs = (counts + counts.T) / (2 * len(ends))
    edits = edits_of(config)
    margins = edits.get(MARGIN, np.zeros_like(pairs))
    return PairLoss(pairs, margins, edits.get(TEMPERATURE, np.ones_like(pairs))), graph


def _held_out_error(
    features: Array, labels: NDArray[np.int64], weights: Array, half: NDArray[np.bool_]
) -> float:
    from dctheory.train.probe import error_rate, fit_probe

    rows = features.astype(np.float32)
    errors = []
    for chosen in (half, ~half):
        probe = fit_probe(rows, labels, int(labels.max()) + 1, ridge=1e-2, weights=weights * chosen)
        errors.append(float(error_rate(probe, rows, labels, weights * ~chosen)))
    return float(np.mean(errors))


def _bound(loss: PairLoss, graph: SimilarityGraph, k: int, edit: str) -> dict[str, Any]:
    """HaoChen et al.'s bound at the sample's own δ and λ_{k+1}."""
    from dctheory.bound.haochen import bound_of
    from dctheory.bound.settings import Status

    labels = graph.labels
    delta = float(loss.pairs[labels[:, None] != labels].sum()) / 2
    eigenvalue = float(np.linalg.eigvalsh(loss.target)[::-1][k])
    status = Status.ASSUMES_EIGEN_FACTOR if edit == TEMPERATURE else Status.IMPLIED
    return {
        "δ": delta,
        "λ_(k+1)": eigenvalue,
        "bound": float(bound_of(eigenvalue, delta)),
        "bound status": status.value,
    }
