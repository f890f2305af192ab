"""The settings that the paper compares: what it prints for each, and the edited graph's truth."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from dctheory.bound._rational import evaluator
from dctheory.bound.edits import (
    remove_difficult,
    temperature_values,
    temperatures_by_kind,
    with_margin,
    with_temperature,
    without_difficult,
)
from dctheory.bound.haochen import Bound, bound_of
from dctheory.bound.kinds import present
from dctheory.bound.weighted import weighted_bound

if TYPE_CHECKING:
    from dctheory.graph.similarity import SimilarityGraph
    from dctheory.graph.spectrum import Spectrum

WITHOUT, WITH, REMOVAL = "without difficult", "with difficult", "removal"
MARGIN, TEMPERATURE = "margin", "temperature"
WEIGHTED = "temperature, proved"

_EIGEN_FACTOR = "the loss is weighted by 1/τ²; this assumes that its minimiser is the eigen-factor"
_OWN_WEIGHTS = "errors are weighted by the edited graph's degrees"
_INDEFINITE = "A is not positive semidefinite, so no augmentation has these similarities"
_NEGATIVE = "λ_k ≤ 0: the minimiser F Fᵀ leaves out eigenvectors of negative eigenvalues"


class Status(enum.Enum):
    """Whether HaoChen et al.'s bound holds for what a setting trains."""

    IMPLIED = "follows"
    ASSUMES_EIGEN_FACTOR = "assumes the eigen-factor"
    NOT_A_GRAPH = "does not follow"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Setting:
    """One setting, before δ is chosen.

    Attributes:
        name, source: of the setting, and where the paper states its bound.
        status, remark: whether a bound follows, and why not or under which reading.
        data: the graph whose labelling error δ counts: an edit of the loss leaves the data alone.
        spectrum: of the edited normalised adjacency, exact.
        printed: the eigenvalue in the printed bound, exact.
        printed_bound: the printed bound for a given δ.
        printed_remark: why the printed bound is no statement here.
        proved: a bound of ours that replaces 4δ/(1 − λ_{k+1}) + 8δ.
    """

    name: str
    source: str
    status: Status
    remark: str = ""
    data: SimilarityGraph | None = None
    spectrum: Spectrum | None = None
    printed: Fraction | None = None
    printed_bound: Callable[[Any], Bound] | None = None
    printed_remark: str = ""
    proved: Callable[[Any], float] | None = None

    def bound(self, k: int, delta: Any) -> Bound | None:
        """The bound of the edited graph's true spectrum."""
        if self.spectrum is None:
            return None
        eigenvalue = self.spectrum.eigenvalue(k + 1)
        if self.proved is not None:
            return Bound(self.proved(delta), eigenvalue, delta)
        return bound_of(eigenvalue, float(delta))


def settings(
    graph: SimilarityGraph, k: int, margin: Any = None, temperature: Any = None
) -> tuple[Setting, ...]:
    """The paper's five settings, the bound we prove for temperatures, and the user's own.

    ``margin`` is a strength s of Ā − sM̄, ``temperature`` as in
    :func:`dctheory.bound.edits.with_temperature`.
    """
    found = [*_untouched(graph, k), _removal(graph, k), _margin(graph), *_temperature(graph, k)]
    if margin is not None:
        matrix = with_margin(graph, margin)
        found.append(_own(graph, f"margin, s = {margin}", matrix, Status.IMPLIED))
    if temperature is not None:
        values = temperatures_by_kind(graph, temperature)
        uniform = len({values[name] for name in present(graph)}) == 1
        status = Status.IMPLIED if uniform else Status.ASSUMES_EIGEN_FACTOR
        label = (
            "temperature, by kind"
            if hasattr(temperature, "keys")
            else f"temperature, τ = {temperature}"
        )
        found.append(_own(graph, label, with_temperature(graph, temperature), status))
    return tuple(_with_negative_ones(each, k) for each in found)


def _with_negative_ones(setting: Setting, k: int) -> Setting:
    """F Fᵀ is positive semidefinite: it takes in the k-th eigenvector only if λ_k > 0."""
    if setting.status is not Status.IMPLIED or setting.spectrum is None or setting.proved:
        return setting
    if setting.spectrum.eigenvalue(k + 1) >= 0 or setting.spectrum.eigenvalue(k) > 0:
        return setting
    return replace(setting, status=Status.ASSUMES_EIGEN_FACTOR, remark=_NEGATIVE)


def _untouched(graph: SimilarityGraph, k: int) -> tuple[Setting, Setting]:
    clean = without_difficult(graph)
    low, high = graph.r + 1, graph.n_d + graph.r
    outside = "" if low <= k <= high else f"outside the statement's range, {low} ≤ k ≤ {high}"
    if high < low:
        outside = "the statement needs difficult samples"
    return (
        Setting(
            *(WITHOUT, "Theorem 3.3", Status.IMPLIED),
            remark="the same graph with γ = β, for reference",
            data=clean,
            spectrum=clean.spectrum(),
            printed=printed_eigenvalue(graph, "THM_3_3"),
        ),
        Setting(
            *(WITH, "Theorem 3.4", Status.IMPLIED),
            remark="" if graph.is_psd() else _INDEFINITE,
            data=graph,
            spectrum=graph.spectrum(),
            printed=printed_eigenvalue(graph, "THM_3_4"),
            printed_remark=outside,
        ),
    )


def _removal(graph: SimilarityGraph, k: int) -> Setting:
    source = "Corollary 4.1"
    if graph.n_e == 0:
        remark = "all samples are difficult: removal leaves none"
        return Setting(REMOVAL, source, Status.NOT_APPLICABLE, remark)
    kept = remove_difficult(graph)
    if k + 1 > kept.num_nodes:
        remark = f"k + 1 = {k + 1} is beyond the {kept.num_nodes} nodes of the kept graph"
        return Setting(REMOVAL, source, Status.NOT_APPLICABLE, remark)
    return Setting(
        *(REMOVAL, source, Status.IMPLIED),
        remark="errors are those on kept samples" if graph.n_d else "",
        data=kept,
        spectrum=kept.spectrum(),
        printed=printed_eigenvalue(graph, "COR_4_1"),
    )


def _margin(graph: SimilarityGraph) -> Setting:
    # Ā − M̄ is the clean Ā entry by entry, so its spectrum is the clean graph's. The data keep
    # their δ: with the class label as classifier, φ is no larger on the clean graph.
    return Setting(
        *(MARGIN, "Theorem 4.3", Status.IMPLIED),
        remark="" if _is_clean(graph) else _OWN_WEIGHTS,
        data=graph,
        spectrum=without_difficult(graph).spectrum(),
        printed=printed_eigenvalue(graph, "THM_3_3"),
    )


def _temperature(graph: SimilarityGraph, k: int) -> tuple[Setting, Setting]:
    source = "Theorem 4.5"
    try:
        values = temperature_values(graph, printed=False)
    except ValueError as error:
        missing = Status.NOT_APPLICABLE, str(error)
        return Setting(TEMPERATURE, source, *missing), Setting(WEIGHTED, "ours", *missing)
    spectrum = without_difficult(graph).spectrum()
    used = [values[name] for name in present(graph)]
    uniform = len(set(used)) == 1

    assumed = Setting(
        *(TEMPERATURE, source, Status.IMPLIED if uniform else Status.ASSUMES_EIGEN_FACTOR),
        remark="" if uniform else _EIGEN_FACTOR,
        data=graph,
        spectrum=spectrum,
        printed=printed_eigenvalue(graph, "THM_3_3"),
        printed_bound=lambda delta: printed_temperature(graph, delta),
    )
    proved = replace(
        assumed,
        name=WEIGHTED,
        source="ours",
        status=Status.IMPLIED,
        remark="" if uniform else _OWN_WEIGHTS,
        printed=None,
        printed_bound=None,
        proved=lambda delta: weighted_bound(spectrum, used, k, delta),
    )
    return assumed, proved


def _own(graph: SimilarityGraph, name: str, matrix: Any, status: Status) -> Setting:
    failure = matrix.adjacency_failure()
    if failure:
        status = Status.NOT_A_GRAPH
        failure = f"the edited matrix is no graph's: {failure}"
    assumed = _EIGEN_FACTOR if status is Status.ASSUMES_EIGEN_FACTOR else ""
    remark = failure or assumed or matrix.graph_failure()
    return Setting(name, "ours", status, remark, data=graph, spectrum=matrix.spectrum())


def _is_clean(graph: SimilarityGraph) -> bool:
    return graph.n_d == 0 or bool(graph.gamma == graph.beta)


def printed_eigenvalue(graph: SimilarityGraph, statement: str) -> Fraction:
    """The eigenvalue that a statement prints, exact: "THM_3_3", "THM_3_4" or "COR_4_1"."""
    return Fraction(_printed(statement)(*graph.parameters.values()))


def printed_temperature(graph: SimilarityGraph, delta: Any) -> Bound:
    """The bound of Theorem 4.5 as printed, exact; needs β > 0, or γ = β, or no difficult ones."""
    # At γ = β or n_d = 0 the printed factor is 1, also where β = 0.
    eigenvalue = printed_eigenvalue(graph, "THM_3_3")
    bound = _printed("E_WO" if _is_clean(graph) else "E_T")
    value = bound(*graph.parameters.values(), delta) if eigenvalue < 1 else math.inf
    return Bound(value, eigenvalue, delta)


@cache
def _printed(name: str) -> Any:
    from dctheory import formulas

    formula = getattr(formulas, name)
    return evaluator(formula.arguments, formula.expr)
