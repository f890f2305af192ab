"""Trained tables beside the minimum of their loss: how near they come, and how near they should."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory.experiment._gradient_noise import expected_excess
from dctheory.experiment._graph_runs import edits_of, graph_of, minimiser_of, trained_loss
from dctheory.experiment._pair_loss import PairLoss
from dctheory.experiment._subspace import Eigenspaces, missed, span
from dctheory.experiment.result import EQUAL, Comparison, compare
from dctheory.experiment.statistics import mean_interval
from dctheory.graph.similarity import SimilarityGraph

if TYPE_CHECKING:
    from dctheory.train.config import TrainConfig

Array = NDArray[np.float64]

# The excess over the minimum may be this many times what gradient noise explains: the prediction
# is of first order, and the mean over seeds has an error.
SLACK = 2.0
LOSS_SOURCE = f"{SLACK:g} × the excess that gradient noise leaves"
ANGLE_SOURCE = f"{LOSS_SOURCE}, over the gap of squared eigenvalues"
NOTES = (
    "excess: mean population loss less its minimum; by noise: what stochastic gradients leave of "
    "it at the end of the schedule, by the curvature and the gradient's variance at the minimiser",
    "outside: Σ sin² of the trained span beyond the eigenvectors with λ ≥ λ_k; inside: what it "
    "misses of those with λ > λ_k; both are at most the excess over a gap of squared eigenvalues",
)


@dataclass(frozen=True, eq=False)
class Recovery:
    """The tables that one configuration was trained to, with several seeds.

    Attributes:
        config: the run.
        graph: what its pairs are drawn from.
        loss: what it minimises.
        minimiser: (N, k) features where that is smallest.
        tables: (s, N, k) trained features, float64.
        losses: (s,) population loss of the tables.
        probe_errors: (s,) of the trainer's logistic probe.
        diverged: seeds without a table.
    """

    config: TrainConfig
    graph: SimilarityGraph
    loss: PairLoss
    minimiser: Array
    tables: Array
    losses: Array
    probe_errors: Array
    diverged: int

    @classmethod
    def of(cls, config: TrainConfig, run: Mapping[str, Any]) -> Recovery:
        """From what :func:`~dctheory.experiment._graph_runs.train_tables` found for a run."""
        from dctheory.contrast.spectral import population_loss

        graph, loss = graph_of(config), trained_loss(config)
        shape = (-1, graph.num_nodes, config.model.features)
        tables, edits = np.array(run["tables"], dtype=np.float64).reshape(shape), edits_of(config)
        losses = np.array([population_loss(graph, table, **edits) for table in tables])
        errors = np.array(run["probe_errors"], dtype=np.float64)
        minimiser = minimiser_of(config)
        return cls(config, graph, loss, minimiser, tables, losses, errors, run["diverged"])

    @property
    def k(self) -> int:
        """Number of features."""
        return self.config.model.features

    @cached_property
    def minimum(self) -> float:
        """The smallest loss."""
        return self.loss.value(self.minimiser)

    @property
    def mean_loss(self) -> float:
        """Mean loss of the tables; NaN if all diverged."""
        return float(self.losses.mean()) if len(self.losses) else float("nan")

    @property
    def excess(self) -> float:
        """Mean loss of the tables, less the minimum."""
        return self.mean_loss - self.minimum

    @cached_property
    def expected(self) -> float:
        """The excess that gradient noise leaves, by theory."""
        from dctheory.train.optimizers import schedule_shape

        config, optimizer = self.config, self.config.optimizer
        steps = int(config.steps or 0)
        shape = np.asarray(schedule_shape(optimizer, steps)(np.arange(steps)), dtype=np.float64)
        return expected_excess(
            *(self.loss, self.minimiser, optimizer.learning_rate * shape),
            *(config.batch_size, optimizer.momentum),
        )

    @property
    def tolerance(self) -> float:
        """Of the mean loss."""
        return SLACK * self.expected

    @cached_property
    def spaces(self) -> Eigenspaces:
        """Of the matrix that U Uᵀ approximates."""
        return Eigenspaces.of(self.loss.target)

    def spans(self) -> list[Array]:
        """Orthonormal bases of the spans of √w_x f(x), one for each table."""
        return [span(table, self.loss.marginals) for table in self.tables]

    def outside(self) -> Array:
        """(s,) ‖sin Θ‖² of the spans and the enclosing eigenspace: what lies beyond λ_k's own."""
        leading = self.spaces.leading(self.spaces.around(self.k)[1])
        return np.array([missed(basis, leading) for basis in self.spans()])

    def inside(self) -> Array:
        """(s,) Σ sin² of what the spans miss of the eigenspaces above λ_k's."""
        leading = self.spaces.leading(self.spaces.around(self.k)[0])
        return np.array([missed(leading, basis) for basis in self.spans()])

    def columns(self) -> dict[str, Any]:
        """What a table of runs shows."""
        return {
            "k": self.k,
            "λ_k": float(self.spaces.values[self.k - 1]),
            "minimum": self.minimum,
            "loss": self.mean_loss,
            "excess": self.excess,
            "by noise": self.expected,
            "outside": mean_or_none(self.outside()),
            "inside": mean_or_none(self.inside()),
            "seeds": len(self.tables),
        }

    def compare_loss(self, name: str) -> Comparison:
        """The mean population loss beside its minimum."""
        found = mean_interval(self.losses)
        return compare(
            *(name, self.minimum, self.mean_loss, self.tolerance, LOSS_SOURCE),
            note=f"excess {self.excess:.2e}, by gradient noise {self.expected:.2e}",
            interval=found.interval,
        )

    def compare_space(self, name: str) -> list[Comparison]:
        """The spans beside the eigenspaces around k: none where λ_k ≤ 0 or nothing is beyond."""
        spaces, k, size = self.spaces, self.k, self.graph.num_nodes
        above, end = spaces.around(k)
        own = f"the top {k}" if end == k else f"the {end} eigenvectors with λ ≥ λ_{k}"
        found = []
        if (gap := spaces.outside_gap(k)) is not None:
            random = k * (1 - end / size)
            found.append(self._angle(f"{name}: beyond {own}", self.outside(), gap, random))
        if end > k and (gap := spaces.inside_gap(k)) is not None:
            random = above * (1 - k / size)
            found.append(
                self._angle(f"{name}: missed of the top {above}", self.inside(), gap, random)
            )
        return found

    def distances(self, spaces: Eigenspaces) -> tuple[float, Array] | None:
        """‖sin Θ‖ to the top k of another matrix: of the minimiser, and (s,) of the tables.

        None where k cuts an eigenspace of either, so that there is no top k.
        """
        if spaces.is_cut(self.k) or self.spaces.is_cut(self.k):
            return None
        top, own = spaces.leading(self.k), self.spaces.leading(self.k)
        found = np.array([missed(basis, top) for basis in self.spans()])
        return float(np.sqrt(missed(own, top))), np.sqrt(found)

    def compare_distance(self, name: str, spaces: Eigenspaces) -> list[Comparison]:
        """These distances: none where there is no top k, or no gap after it."""
        found, gap = self.distances(spaces), self.spaces.outside_gap(self.k)
        if found is None or gap is None:
            return []
        mean = mean_interval(found[1])
        value = float("nan") if mean.value is None else mean.value
        # ‖sin Θ‖ is a metric: the distances differ by no more than the span is from its own space.
        tolerance = float(np.sqrt(self.tolerance / gap))
        title, source = f"{name} top {self.k}", f"√({ANGLE_SOURCE})"
        return [compare(title, found[0], value, tolerance, source, interval=mean.interval)]

    def _angle(self, name: str, measured: Array, gap: float, random: float) -> Comparison:
        mean = mean_interval(measured)
        value = float("nan") if mean.value is None else mean.value
        tolerance = self.tolerance / gap
        note = f"Σ sin² of principal angles; of a random space {random:.2g}"
        found = compare(
            *(name, 0.0, value, tolerance, ANGLE_SOURCE), note=note, interval=mean.interval
        )
        if tolerance < random / 2:
            return found
        return replace(found, agrees=None, note=f"{note}: the gap {gap:.2g} is too small to tell")


def least_squares_errors(recovery: Recovery, weights: Array) -> Array:
    """(s,) errors of the least-squares probe on the tables, its fit and test weighted by (N,)."""
    from dctheory.bound.heads import LEAST_SQUARES, error_rate, fit

    graph, errors = recovery.graph, []
    for table in recovery.tables:
        head = fit(LEAST_SQUARES, table, graph.labels, weights, graph.classes, ridge=0.0)
        errors.append(error_rate(table @ head, graph.labels, weights))
    return np.array(errors)


def compare_eigenvalue(
    name: str, predicted: float, first: Recovery, second: Recovery, relation: str = EQUAL
) -> Comparison:
    """λ_{k+1} = √(minimum at k − minimum at k + 1), as trained losses show it.

    ``first`` and ``second`` were trained with k and k + 1 features.
    """
    drop = first.mean_loss - second.mean_loss
    exact = max(float(first.spaces.values[first.k]), 0.0)
    # |√(λ² + d) − λ| is largest at the lower end of |d| ≤ both losses' tolerances.
    error = max(first.tolerance, second.tolerance)
    tolerance = exact - float(np.sqrt(max(exact**2 - error, 0.0)))
    source = f"{LOSS_SOURCE} at k = {first.k} and {second.k}"
    measured = float(np.sqrt(max(drop, 0.0)))
    return compare(name, predicted, measured, tolerance, source, relation=relation)


def mean_or_none(values: Array) -> float | None:
    """The mean; None where all seeds diverged."""
    return float(values.mean()) if len(values) else None


def warn_of_divergence(name: str, recovery: Recovery) -> str | None:
    """What to show loudly if the loss of some seeds was not finite."""
    if recovery.diverged == 0:
        return None
    total = recovery.diverged + len(recovery.tables)
    return f"{name}: the loss of {recovery.diverged} of {total} seeds became infinite or NaN"
