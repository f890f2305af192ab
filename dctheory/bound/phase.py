"""Phase diagrams: which remedy has the best exact bound, over two of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_choice
from dctheory.bound.settings import MARGIN, REMOVAL, WITH
from dctheory.bound.sweep import (
    PARAMETERS,
    as_numbers,
    graph_modes,
    in_float64,
    is_graph,
    setting_eigenvalue,
)
from dctheory.bound.table import TIE_TOLERANCE

if TYPE_CHECKING:
    from dctheory._table import Table

REMEDIES = (WITH, REMOVAL, MARGIN)


@dataclass(frozen=True, eq=False)
class PhaseDiagram:
    """Exact bounds of "with difficult", "removal" and "margin" over a grid of parameters.

    All arrays have the shape (len(y), len(x)); what does not exist is NaN, False or −1.

    Attributes:
        x_name, x, y_name, y: the two parameters that vary, and their values.
        remedies: what ``best`` counts; temperature has no place here, as its loss is weighted and
            λ_{k+1}(T ⊙ Ā) bounds no error.
        best: int8 index of the remedy with the smallest exact bound, on a tie the smaller edit;
            −1 where the parameters are no graph's or every bound is infinite.
        eigenvalues, bounds, deltas: by remedy, float64: exact λ_{k+1}, 4δ/(1 − λ) + 8δ, and δ.
        removal_pays: whether removal's bound is below that with difficult samples.
        difficult_overtakes: whether a mode of difficult samples stands ahead of the classes.
        is_graph: whether the parameters are a graph's with 1 ≤ k ≤ N − 1.
    """

    x_name: str
    x: NDArray[np.float64]
    y_name: str
    y: NDArray[np.float64]
    remedies: tuple[str, ...]
    best: NDArray[np.int8]
    eigenvalues: dict[str, NDArray[np.float64]]
    bounds: dict[str, NDArray[np.float64]]
    deltas: dict[str, NDArray[np.float64]]
    removal_pays: NDArray[np.bool_]
    difficult_overtakes: NDArray[np.bool_]
    is_graph: NDArray[np.bool_]

    def table(self) -> Table:
        """Shares of the grid's graphs: where each remedy is best, and the two questions."""
        from dctheory._table import Table

        total = int(self.is_graph.sum())
        counts = {name: int((self.best == i).sum()) for i, name in enumerate(self.remedies)}
        rows = [(f"best: {name}", count) for name, count in counts.items()]
        rows += [
            ("removal is better than nothing", int(self.removal_pays.sum())),
            ("a difficult mode is ahead of the classes", int(self.difficult_overtakes.sum())),
        ]
        shares = [(name, count, count / total if total else None) for name, count in rows]
        title = f"{self.x_name} × {self.y_name}: {total} graphs of {self.best.size} points"
        return Table(("where", "points", "share"), shares, title)

    def __str__(self) -> str:
        return self.table().to_text()

    def _repr_html_(self) -> str:
        return self.table().to_html()


def phase_diagram(
    *,
    classes: Any,
    per_class: Any,
    difficult: Any,
    alpha: Any,
    beta: Any,
    gamma: Any,
    k: Any = None,
    delta: Any = None,
    pairing: str = "both",
) -> PhaseDiagram:
    """Which remedy has the best exact bound, over two parameters given as 1-D arrays.

    Args:
        classes, per_class, difficult, alpha, beta, gamma: as in ``SimilarityGraph``. Exactly two
            of these, k and δ are 1-D arrays: the first one in this order is y (rows), the second
            x (columns); the others are numbers.
        k: number of features; r + 1 = ``classes`` by default.
        delta: labelling error δ in (0, 1] of all remedies; by default each has the smallest one
            that its data allow with the class label as classifier: the kept graph's after
            removal, the whole data's otherwise.
        pairing: "both", "matched" or "either".

    Returns:
        A :class:`PhaseDiagram`, computed in float64; 1000 × 1000 points take well under a second
        after compilation.

    Raises:
        ValueError: not exactly two arrays, δ out of range, sizes that are not whole numbers.
        TypeError: bools, or what is no number.
    """
    from dctheory.formulas import PAIRINGS

    check_choice("pairing", pairing, PAIRINGS)
    values = (classes, per_class, difficult, alpha, beta, gamma)
    given = dict(zip(PARAMETERS, values, strict=True))
    given |= {name: v for name, v in (("k", k), ("delta", delta)) if v is not None}
    arrays = {name: as_numbers(name, value) for name, value in given.items()}
    own_delta = delta is None
    deltas = arrays.get("delta", np.array(1.0))
    wrong = ~((deltas > 0) & (deltas <= 1))
    if wrong.any():
        raise ValueError(f"delta must lie in (0, 1], got {deltas[wrong].flat[0]}; choose it there")
    (y_name, y), (x_name, x) = _axes(arrays)
    arrays |= {y_name: y[:, None], x_name: x[None, :]}
    arrays.setdefault("k", arrays["classes"])
    arrays.setdefault("delta", deltas)
    arguments = [arrays[name] for name in (*PARAMETERS, "k", "delta")]
    fields = in_float64(_compiled(pairing, own_delta), arguments)
    return PhaseDiagram(x_name, x, y_name, y, REMEDIES, **fields)


def _axes(arrays: dict[str, NDArray[np.float64]]) -> list[tuple[str, NDArray[np.float64]]]:
    axes = [(name, array) for name, array in arrays.items() if array.ndim]
    if len(axes) != 2 or any(array.ndim != 1 or not array.size for _, array in axes):
        shapes = {name: array.shape for name, array in axes}
        raise ValueError(
            f"exactly two parameters must be non-empty 1-D arrays, got the shapes {shapes}; "
            "make the others numbers"
        )
    return axes


@cache
def _compiled(pairing: str, own_delta: bool) -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    def diagram(*arguments: Any) -> dict[str, Any]:
        *parameters, k, delta = arguments
        everything = jnp.broadcast_arrays(*parameters, k, delta)
        *parameters, k, delta = everything
        values, bounds, deltas = {}, {}, {}
        for name in REMEDIES:
            value = setting_eigenvalue(pairing, name, tuple(parameters), k)
            chosen = _class_label_delta(pairing, name, parameters) if own_delta else delta
            deltas[name] = jnp.where(jnp.isnan(value), jnp.nan, chosen)
            values[name], bounds[name] = value, _error_bound(value, deltas[name])
        return {
            "best": _best(bounds),
            "eigenvalues": values,
            "bounds": bounds,
            "deltas": deltas,
            "removal_pays": bounds[REMOVAL] < bounds[WITH] * (1 - TIE_TOLERANCE),
            "difficult_overtakes": _overtakes(pairing, tuple(parameters), k),
            "is_graph": is_graph(tuple(parameters), k),
        }

    return jax.jit(diagram)


def _error_bound(eigenvalue: Any, delta: Any) -> Any:
    import jax.numpy as jnp

    from dctheory.formulas import ERROR_BOUND

    finite = ERROR_BOUND.jax(jnp.where(eigenvalue >= 1, 0, eigenvalue), delta)
    return jnp.where(eigenvalue >= 1, jnp.inf, finite)


def _class_label_delta(pairing: str, setting: str, parameters: Any) -> Any:
    """φ/2 of the data that a setting uses, φ the share of the weight between classes."""
    import jax.numpy as jnp

    classes, n, n_d, *similarities = parameters
    if setting == REMOVAL:
        n, n_d = n - n_d, jnp.zeros_like(n_d)
    return _class_label(pairing)(classes - 1, n, n_d, *similarities)


@cache
def _class_label(pairing: str) -> Callable[..., Any]:
    import sympy as sp

    from dctheory import formulas as f

    cross = [kind for kind in f.pair_kinds(pairing) if kind.relation.startswith("cross class")]
    between = sum(kind.count * kind.weight for kind in cross)
    share = between / f.total_weight(pairing).expr
    found: Callable[..., Any] = sp.lambdify(f.PARAMETERS, share / 2, "jax", cse=True)
    return found


def _best(bounds: dict[str, Any]) -> Any:
    """Index of the smallest finite bound; a later one must be smaller by more than a tie."""
    import jax.numpy as jnp

    best: Any = -1
    smallest: Any = jnp.inf
    for index, bound in enumerate(bounds.values()):
        # inf · (1 − tolerance) stays inf; NaN compares false.
        better = bound < smallest * (1 - TIE_TOLERANCE)
        best, smallest = jnp.where(better, index, best), jnp.where(better, bound, smallest)
    return best.astype(jnp.int8)


def _overtakes(pairing: str, parameters: tuple[Any, ...], k: Any) -> Any:
    """Whether a mode that lives on difficult samples is above the class mode."""
    import jax.numpy as jnp

    from dctheory import formulas as f

    modes = graph_modes(pairing, parameters)
    ahead = False
    for name, value in modes.values.items():
        if name not in (f.CLASS, f.EASY_BULK):
            above = value > modes.values[f.CLASS] * (1 + TIE_TOLERANCE)
            ahead = ahead | (above & (modes.counts[name] > 0))
    return jnp.where(is_graph(parameters, k), ahead, False)
