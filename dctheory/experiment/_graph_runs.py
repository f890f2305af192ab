"""Tables of free vectors, trained on pairs of the paper's graph: settings, tasks, losses."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_choice, check_integer, check_real
from dctheory.experiment._base import Settings
from dctheory.experiment._pair_loss import PairLoss
from dctheory.experiment.tasks import Task
from dctheory.graph.similarity import PAIRINGS, SimilarityGraph

if TYPE_CHECKING:
    from dctheory.train.config import TrainConfig
    from dctheory.train.data_config import GraphData

Array = NDArray[np.float64]

# Random starts of L-BFGS, besides the eigen-factor.
STARTS = 8
_FUNCTION = "dctheory.experiment._graph_runs:train_tables"


@dataclass(frozen=True, kw_only=True)
class GraphSettings(Settings):
    """A graph in several pairings, and how tables of free vectors are trained on it.

    Args:
        classes, per_class, difficult, alpha, beta, gamma: of the graph.
        pairings, features: which cross-class pairs are difficult, and the k that are trained.
        steps, batch_size: of each run; pairs in a batch.
        rate: the largest learning rate, over 1/(the largest curvature at the minimiser).
    """

    classes: int = 3
    per_class: int = 6
    difficult: int = 3
    alpha: float = 0.3
    beta: float = 0.05
    gamma: float = 0.25
    pairings: tuple[str, ...] = PAIRINGS
    features: tuple[int, ...] = (3,)
    steps: int = 3000
    batch_size: int = 256
    rate: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("steps", self.steps, 1)
        check_integer("batch_size", self.batch_size, 2)
        # Gradient descent with momentum μ is stable below 2 (1 + μ); noise needs some room.
        check_real("rate", self.rate, 0, 2, low_open=True)
        for pairing in self.pairings:
            check_choice("pairings", pairing, PAIRINGS)
        for k in self.features:
            check_integer("features", k, 1, self.classes * self.per_class - 1)

    @property
    def cases(self) -> list[tuple[str, int]]:
        """Each pairing with each k."""
        return list(itertools.product(self.pairings, self.features))

    def graph(self, pairing: str) -> SimilarityGraph:
        """The graph that pairs are drawn from."""
        from dctheory.train.problem import similarity_graph

        return similarity_graph(self._data(pairing))

    def _data(self, pairing: str) -> GraphData:
        from dctheory.train.data_config import GraphData

        names = ("classes", "per_class", "difficult", "alpha", "beta", "gamma")
        sizes = {name: getattr(self, name) for name in names}
        return GraphData(**sizes, pairing=pairing, show="rows", seed=0)

    def config(self, pairing: str, k: int, **objective: Any) -> TrainConfig:
        """The run of one graph and k, its learning rate by ``rate``; ``objective``: the edit."""
        from dctheory.train.config import (
            EvaluationConfig,
            ModelConfig,
            ObjectiveConfig,
            OptimizerConfig,
            TrainConfig,
        )
        from dctheory.train.config_file import override

        config = TrainConfig(
            data=self._data(pairing),
            model=ModelConfig(kind="table", features=k),
            objective=ObjectiveConfig(loss="spectral", **objective),
            optimizer=OptimizerConfig(learning_rate=1.0, weight_decay=0.0),
            evaluation=EvaluationConfig(neighbours=0),
            steps=self.steps,
            batch_size=self.batch_size,
            log_every=max(self.steps // 10, 1),
        )
        rate = self.rate / trained_loss(config).largest_curvature(minimiser_of(config))
        # To so many digits that another machine's rounding makes the same configuration.
        return override(config, [f"optimizer.learning_rate={rate:.3g}"])


def graph_of(config: TrainConfig) -> SimilarityGraph:
    """The graph that a run's pairs are drawn from."""
    from dctheory.train.problem import similarity_graph

    return similarity_graph(cast("GraphData", config.data))


def edits_of(config: TrainConfig) -> dict[str, Any]:
    """The (N, N) margin or temperature that a run trains with, by its name; empty for none."""
    from dctheory.bound.edits import margin_matrix, temperature_matrix

    objective, graph = config.objective, graph_of(config)
    if objective.edit == "margin":
        return {"margin": objective.edit_scale * margin_matrix(graph, normalized=True)}
    if objective.edit == "temperature":
        return {"temperature": temperature_matrix(graph)}
    return {}


def trained_loss(config: TrainConfig) -> PairLoss:
    """The population loss that a run minimises."""
    return PairLoss.of_graph(graph_of(config), **edits_of(config))


@lru_cache(maxsize=64)
def minimiser_of(config: TrainConfig) -> Array:
    """(N, k) features at which that loss is smallest: in closed form, or with temperatures the best
    that L-BFGS finds from several starts."""
    loss, k = trained_loss(config), config.model.features
    if config.objective.edit == "temperature":
        found = loss.minimise(k, starts=STARTS, rng=np.random.default_rng(0))[0]
    else:
        found = loss.eigen_factor(k)
    found.flags.writeable = False
    return found


def table_task(name: str, configs: Sequence[TrainConfig], seeds: Sequence[int]) -> Task:
    """A task that trains every configuration with every seed, as one program."""
    from dctheory.train.config_file import to_dict

    documents = [to_dict(config) for config in configs]
    return Task(name, _FUNCTION, {"configs": documents, "seeds": list(seeds)})


def train_tables(configs: Sequence[Mapping[str, Any]], seeds: Sequence[int]) -> dict[str, Any]:
    """The task: for each configuration, the trained tables and the trainer's own evaluation.

    Returns:
        ``runs``: for each configuration ``tables`` (s, N, k), ``probe_errors`` (s,) of the seeds
        whose loss stayed finite, and ``diverged``, the number of the others.
    """
    from dctheory.train.config_file import from_dict
    from dctheory.train.trainer import run_many

    runs = [from_dict(config) for config in configs]
    seeded = [dataclasses.replace(run, seed=seed) for run in runs for seed in seeds]
    results = run_many(seeded)
    nodes = np.arange(graph_of(runs[0]).num_nodes, dtype=np.int32)
    found = []
    for start in range(0, len(results), len(seeds)):
        own = results[start : start + len(seeds)]
        finite = [(each, each.evaluation) for each in own if each.evaluation is not None]
        found.append(
            {
                "tables": [each.features(nodes).tolist() for each, _ in finite],
                "probe_errors": [evaluation["probe_error"] for _, evaluation in finite],
                "diverged": len(own) - len(finite),
            }
        )
    return {"runs": found}
