"""λ_{k+1} of the paper's settings over arrays of parameters, in JAX.

The closed forms of :mod:`dctheory.formulas` are turned into JAX functions; λ_{k+1} is picked from
the few modes by their multiplicities, so the cost does not depend on N. Called with numbers or
numpy arrays, :func:`sweep_eigenvalue` enters JAX's 64-bit context itself and leaves the user's
configuration alone.

Inside a user's own ``jit``, ``vmap`` or ``grad`` the user's dtype holds. What float32 costs, over
200,000 random graphs: the arithmetic a relative error below 1e-6 in λ_{r+2}, more only in a mode
that passes through zero; the rounding of the inputs 6e-8 γ/(γ − β) in modes that live on γ − β;
and sizes beyond 2^24 are rounded, so that near the end of a family λ_{k+1} may be its neighbour's.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_choice
from dctheory.bound.settings import MARGIN, REMOVAL, WITH, WITHOUT

SWEPT = (WITH, WITHOUT, REMOVAL, MARGIN)
PARAMETERS = ("classes", "per_class", "difficult", "alpha", "beta", "gamma")
_INTEGERS = ("classes", "per_class", "difficult", "k")


class ModeArrays(NamedTuple):
    """Eigenvalues by name and their multiplicities, below 1 for absent modes.

    All modes but the trivial one: its eigenvalue 1 is λ_1 of every graph.
    """

    values: dict[str, Any]
    counts: dict[str, Any]


def sweep_eigenvalue(
    *,
    classes: Any,
    per_class: Any,
    difficult: Any,
    alpha: Any,
    beta: Any,
    gamma: Any,
    k: Any = None,
    pairing: str = "both",
    setting: str = WITH,
) -> Any:
    """Exact λ_{k+1} of one setting over broadcast arrays of parameters.

    Args:
        classes, per_class, difficult, alpha, beta, gamma: as in ``SimilarityGraph``; numbers or
            arrays whose shapes broadcast.
        k: number of features, a number or an array; r + 1 = ``classes`` by default.
        pairing: "both", "matched" or "either".
        setting: "with difficult", "without difficult", "removal" or "margin" (the full one).

    Returns:
        float64 numpy array of the broadcast shape; in a user's own JAX transformation a JAX value
        in the user's dtype. NaN where the parameters are no graph's (0 ≤ β ≤ γ ≤ α ≤ 1,
        0 ≤ n_d ≤ n, classes ≥ 2), where k is not in 1 … N − 1, and after removal where k + 1 is
        beyond the kept graph.

    Raises:
        ValueError: an unknown pairing or setting, a size that is not a whole number, or shapes
            that do not broadcast.
        TypeError: bools, or what is no number.
    """
    from dctheory.formulas import PAIRINGS

    check_choice("pairing", pairing, PAIRINGS)
    check_choice("setting", setting, SWEPT)
    parameters = (classes, per_class, difficult, alpha, beta, gamma)
    arguments = (*parameters, classes if k is None else k)
    names = (*PARAMETERS, "k")
    given = [
        value if _is_traced(value) else as_numbers(name, value)
        for name, value in zip(names, arguments, strict=True)
    ]
    check_broadcast(names, given)
    run = _swept(pairing, setting)
    if any(_is_traced(value) for value in arguments):
        return run(*given)
    return in_float64(run, given)


def setting_eigenvalue(pairing: str, setting: str, parameters: tuple[Any, ...], k: Any) -> Any:
    """λ_{k+1} of one setting in JAX, of ``PARAMETERS`` in their order; NaN where there is none."""
    import jax.numpy as jnp

    classes, n, n_d, alpha, beta, _ = parameters
    found = jnp.where(is_graph(parameters, k), 0.0, jnp.nan)
    if setting == WITH:
        return found + select(graph_modes(pairing, parameters), k)
    kept = n - n_d if setting == REMOVAL else n
    if setting == REMOVAL:
        found = jnp.where(k + 1 <= classes * kept, found, jnp.nan)
    clean = (classes, kept, jnp.zeros_like(kept), alpha, beta, beta)
    return found + select(_one_kind_modes(pairing, "easy", clean), k)


def is_graph(parameters: tuple[Any, ...], k: Any) -> Any:
    """Whether the parameters are a ``SimilarityGraph``'s and 1 ≤ k ≤ N − 1."""
    classes, n, n_d, alpha, beta, gamma = parameters
    sizes = (classes >= 2) & (n >= 1) & (n_d >= 0) & (n_d <= n)
    ordered = (beta >= 0) & (gamma >= beta) & (alpha >= gamma) & (alpha <= 1)
    return sizes & ordered & (k >= 1) & (k < classes * n)


def graph_modes(pairing: str, parameters: tuple[Any, ...]) -> ModeArrays:
    """The modes of the graph, for every n_d from 0 to n."""
    import jax.numpy as jnp

    n, n_d = parameters[1:3]
    mixed = _mixed_modes(pairing, parameters)
    easy = _one_kind_modes(pairing, "easy", parameters)
    hard = _one_kind_modes(pairing, "difficult", parameters)

    def merge(field: str) -> dict[str, Any]:
        one, other = getattr(easy, field), getattr(hard, field)
        return {
            name: jnp.where(
                n_d == 0, one.get(name, 0), jnp.where(n_d == n, other.get(name, 0), value)
            )
            for name, value in getattr(mixed, field).items()
        }

    return ModeArrays(merge("values"), merge("counts"))


def select(modes: ModeArrays, j: Any) -> Any:
    """The j-th largest of the modes' eigenvalues: the largest one that at least j of them reach."""
    import jax.numpy as jnp

    found: Any = -jnp.inf
    counts = {name: jnp.maximum(count, 0) for name, count in modes.counts.items()}
    for name, value in modes.values.items():
        reach = sum(counts[other] * (modes.values[other] >= value) for other in counts)
        found = jnp.maximum(found, jnp.where((counts[name] > 0) & (reach >= j), value, -jnp.inf))
    return found


def _mixed_modes(pairing: str, parameters: tuple[Any, ...]) -> ModeArrays:
    import jax.numpy as jnp

    from dctheory.formulas import CLASS, CLASS_SPURIOUS

    found = _evaluate(pairing, None, parameters)
    # The lower root is a product over the upper one; where that is 0, both are.
    lower = jnp.where(found.values[CLASS] == 0, 0, found.values[CLASS_SPURIOUS])
    return found._replace(values=found.values | {CLASS_SPURIOUS: lower})


def _one_kind_modes(pairing: str, kind: str, parameters: tuple[Any, ...]) -> ModeArrays:
    return _evaluate(pairing, kind, parameters)


def _evaluate(pairing: str, kind: str | None, parameters: tuple[Any, ...]) -> ModeArrays:
    names, evaluate = _functions(pairing, kind)
    classes, *others = parameters
    values, counts = evaluate(classes - 1, *others)
    return ModeArrays(dict(zip(names, values, strict=True)), dict(zip(names, counts, strict=True)))


@cache
def _functions(pairing: str, kind: str | None) -> tuple[tuple[str, ...], Callable[..., Any]]:
    """Names, and one JAX function of (r, n, n_d, α, β, γ) for all eigenvalues and counts."""
    import sympy as sp

    from dctheory import formulas as f

    families = f.modes(pairing) if kind is None else f.modes_of_one_kind(pairing, kind)
    modes = [family for family in families if family.name != f.TRIVIAL]
    values = [mode.value.expr for mode in modes]
    counts = [mode.multiplicity.expr for mode in modes]
    evaluate = sp.lambdify(f.PARAMETERS, (values, counts), "jax", cse=True)
    return tuple(mode.name for mode in modes), evaluate


@cache
def _swept(pairing: str, setting: str) -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    def swept(*arguments: Any) -> Any:
        # Integers too become floating-point numbers, of the width in force.
        *parameters, k = (jnp.asarray(value) * 1.0 for value in arguments)
        return setting_eigenvalue(pairing, setting, tuple(parameters), k)

    return jax.jit(swept)


def in_float64(run: Callable[..., Any], arrays: list[Any]) -> Any:
    """Call a JAX function on float64 arrays in the 64-bit context; the result as numpy."""
    import jax

    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, run(*arrays))


def as_numbers(name: str, value: Any) -> NDArray[np.float64]:
    """A parameter as a float64 array; TypeError or ValueError for what is no real number."""
    array = np.asarray(value)
    if array.dtype == object and all(isinstance(each, numbers.Rational) for each in array.flat):
        array = np.array([float(each) for each in array.flat]).reshape(array.shape)
    if array.dtype.kind not in "iuf":
        raise TypeError(
            f"{name} must be numbers, got {value!r}; pass integers, floats or exact rationals"
        )
    array = array.astype(np.float64)
    broken = ~np.isfinite(array) | (array != np.round(array))
    if name in _INTEGERS and broken.any():
        raise ValueError(
            f"{name} must be whole numbers, got {array[broken].flat[0]}; round them first"
        )
    return array


def check_broadcast(names: tuple[str, ...], arrays: list[Any]) -> None:
    """ValueError with all shapes if they do not broadcast."""
    shapes = {name: array.shape for name, array in zip(names, arrays, strict=True)}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        raise ValueError(f"the shapes {shapes} do not broadcast; reshape the arrays") from None


def _is_traced(value: Any) -> bool:
    import jax

    return isinstance(value, jax.core.Tracer)
