"""The bound at a run's own δ and λ, to stand beside the error of its probe."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from dctheory._validation import check_integer
from dctheory.bound.settings import WITH, Status
from dctheory.graph.estimate import estimate_similarities
from dctheory.graph.similarity import SimilarityGraph

MODEL = "model of the features"
NONE = "none"

_DISCONNECTED = "λ_(k+1) = 1: the graph falls into more than k parts"
# An error is a sum of weights, so that it may exceed a bound by rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class BoundColumns:
    """HaoChen et al.'s bound for one run, or why there is none.

    Attributes:
        k: number of features.
        alpha, beta, gamma: similarities of the graph, or mean cosines of the features.
        delta: smallest labelling error δ that the data allow, the labels being the classes.
        eigenvalue: λ_{k+1} of the graph that is trained on (after an edit: of the edited one).
        printed: the eigenvalue that the paper prints in its place (for Table 10: Theorem 3.4).
        bound: 4δ/(1 − λ_{k+1}) + 8δ; None where there is none.
        status: "follows" where it is proved for the loss's minimiser; what it assumes, otherwise;
            "none" where there is no bound.
        remark: why there is none, or under which reading it holds; may be empty.
    """

    k: int
    alpha: float
    beta: float
    gamma: float
    delta: float | None = None
    eigenvalue: float | None = None
    printed: float | None = None
    bound: float | None = None
    status: str = NONE
    remark: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The columns of a table of runs by their names; numbers are finite or None."""
        return {
            "α": _finite(self.alpha),
            "β": _finite(self.beta),
            "γ": _finite(self.gamma),
            "δ": self.delta,
            "λ_(k+1)": self.eigenvalue,
            "printed λ": self.printed,
            "bound": self.bound,
            "bound status": self.status,
            "bound remark": self.remark,
        }

    def warning(self, name: str, error: float | None) -> str | None:
        """What to show loudly if the ``error`` of the run ``name`` exceeds the bound, else None.

        The error counts a node by the weight d_x/W of the graph that is trained on, after a margin
        or temperature therefore all nodes alike. None or NaN exceeds nothing.
        """
        if self.bound is None or error is None or not error > self.bound + _ROUNDING:
            return None
        if self.status == Status.IMPLIED.value:
            verdict = "one of the two is wrong, or the run is far from the loss's minimum"
        elif self.status == MODEL:
            verdict = "the graph of mean similarities does not describe these features"
        else:
            verdict = f"so what the bound rests on ({self.status}) is not so here"
        return (
            f"{name}: the probe's error {error:.4g} exceeds the bound {self.bound:.4g} "
            f"(δ = {self.delta:.4g}, λ_{self.k + 1} = {self.eigenvalue:.4g}): {verdict}"
        )


def graph_bound(
    graph: SimilarityGraph, k: int, setting: str = WITH, *, margin: Any = None
) -> BoundColumns:
    """The bound for features trained on pairs of a graph, exact.

    Args:
        graph: the graph that pairs are drawn from.
        k: number of features, at least 1; from N on there is no λ_{k+1} and no bound.
        setting: a row of :func:`dctheory.bounds`: "with difficult" for the loss as it is, or the
            remedy that is trained ("removal", "margin", "temperature", "temperature, proved").
        margin: the strength s of a trained margin s M, in place of a setting.

    Raises:
        KeyError: an unknown setting.
    """
    from dctheory.bound.table import bounds

    k = check_integer("k", k, 1)
    similarities: dict[str, Any] = {
        name: float(getattr(graph, name)) for name in ("alpha", "beta", "gamma")
    }
    if k >= graph.num_nodes:
        remark = f"λ_{k + 1} does not exist with {graph.num_nodes} nodes"
        return BoundColumns(k=k, remark=remark, **similarities)
    row = bounds(graph, k, margin=margin)[setting if margin is None else f"margin, s = {margin}"]
    if row.exact is None:
        return BoundColumns(k=k, remark=row.remark, **similarities)
    found: dict[str, Any] = {
        "delta": float(row.delta),
        "eigenvalue": float(row.exact.eigenvalue),
        "printed": None if row.printed is None else float(row.printed.eigenvalue),
    }
    if not math.isfinite(row.exact):
        return BoundColumns(k=k, remark=_DISCONNECTED, **similarities, **found)
    if row.status is Status.NOT_A_GRAPH:
        return BoundColumns(k=k, remark=row.remark, **similarities, **found)
    found |= {"bound": float(row.exact), "status": row.status.value, "remark": row.remark}
    return BoundColumns(k=k, **similarities, **found)


def feature_bound(
    features: Any,
    labels: Any,
    difficult: Any = None,
    *,
    k: int | None = None,
    pairing: str = "both",
    **options: Any,
) -> BoundColumns:
    """The bound of the graph that has the mean cosines of trained features, as in Table 10.

    Such a graph is a model of the features, not the augmentation graph that the theorem is about;
    the remark says if it is not positive semidefinite, so that no augmentation has it.

    Args:
        features: (N, d) encoder outputs.
        labels: (N,) classes.
        difficult: (N,) bool; None takes those that a linear classifier nearly confuses.
        k: number of features; d by default.
        pairing: which cross-class pairs γ is the mean of, "both" or "either".
        options: of :func:`dctheory.estimate_similarities`.

    Raises:
        TypeError, ValueError: what :func:`dctheory.estimate_similarities` refuses, e.g. features
            that are not finite, or all equal.
    """
    estimate = estimate_similarities(features, labels, difficult, **options)
    size = features.shape[1] if k is None else check_integer("k", k, 1)
    similarities = estimate.alpha, estimate.beta(pairing), estimate.gamma(pairing)
    named: dict[str, Any] = dict(zip(("alpha", "beta", "gamma"), similarities, strict=True))
    failed = estimate.violations(pairing)
    if failed:
        return BoundColumns(k=size, remark="; ".join(failed), **named)
    found = graph_bound(estimate.graph(pairing=pairing), size)
    return found if found.bound is None else dataclasses.replace(found, status=MODEL)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
