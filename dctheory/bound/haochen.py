"""HaoChen et al.'s error bound of a linear probe, which every other bound here uses."""

from __future__ import annotations

import math
import numbers
import sys
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from dctheory._formula import exact
from dctheory._validation import check_real


class Bound(float):
    """An error bound: a float that knows where it came from.

    Attributes:
        value: the bound; an exact ``Fraction`` where eigenvalue and δ were exact, else a float.
        eigenvalue: the λ_{k+1} (or the printed stand-in for it) that it was made from.
        delta: labelling error δ.
        is_vacuous: whether it is 1 or more, so that it says nothing about an error rate.
    """

    __slots__ = ("delta", "eigenvalue", "value")
    value: Any
    eigenvalue: Any
    delta: Any

    def __new__(cls, value: Any, eigenvalue: Any, delta: Any) -> Bound:
        self = super().__new__(cls, value)
        for name, item in (("value", value), ("eigenvalue", eigenvalue), ("delta", delta)):
            object.__setattr__(self, name, item)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Bound is immutable: make a new one to change {name}")

    def __getnewargs__(self) -> tuple[Any, Any, Any]:  # type: ignore[override]
        return self.value, self.eigenvalue, self.delta

    def __getstate__(self) -> None:
        return None

    @property
    def is_vacuous(self) -> bool:
        return bool(self.value >= 1)

    def __repr__(self) -> str:
        return f"Bound({self.value}, eigenvalue={self.eigenvalue}, delta={self.delta})"

    __str__ = float.__repr__


def error_bound(eigenvalue: Any, delta: Any) -> Any:
    """Bound of a linear probe's error, 4δ/(1 − λ_{k+1}) + 8δ (HaoChen et al. 2021; Eq. 3).

    Args:
        eigenvalue: λ_{k+1} of the normalised adjacency; a number, or a numpy or JAX array.
        delta: labelling error δ of Assumption 3.1, in (0, 1]; a number or an array.

    Returns:
        A :class:`Bound` when both are numbers. Otherwise an array of their broadcast shape: inf
        where λ ≥ 1. JAX values work under ``jit``, ``vmap`` and ``grad`` and keep their dtype;
        as they cannot raise, δ outside (0, 1] gives NaN there.

    Raises:
        ValueError: a number λ ≥ 1, a number δ or an entry of a numpy array δ outside (0, 1].
        TypeError: neither a number nor an array.
    """
    scalars = [not _is_array(value) for value in (eigenvalue, delta)]
    if scalars[0]:
        check_real("eigenvalue", eigenvalue)
        if eigenvalue >= 1:
            raise ValueError(
                f"eigenvalue must be below 1, got {eigenvalue}: with λ_(k+1) = 1 the graph falls "
                "into more than k parts and the bound does not exist; choose a larger k"
            )
    if scalars[1]:
        check_delta(delta)
    if all(scalars):
        return bound_of(eigenvalue, delta)
    if _is_jax(eigenvalue) or _is_jax(delta):
        return _jax_bound(eigenvalue, delta)
    return _numpy_bound(eigenvalue, delta)


def check_delta(delta: Any) -> Any:
    """Return a scalar labelling error δ if it lies in (0, 1]; else ValueError or TypeError."""
    return check_real("delta", delta, 0, 1, low_open=True)


def bound_of(eigenvalue: Any, delta: Any) -> Bound:
    """4δ/(1 − λ) + 8δ as a :class:`Bound`, exact for exact numbers; inf where λ ≥ 1, unchecked."""
    if eigenvalue >= 1:
        return Bound(math.inf, eigenvalue, delta)
    kind: Any = _as_fraction if _is_rational(eigenvalue) and _is_rational(delta) else float
    return Bound(_exact_bound()(kind(eigenvalue), kind(delta)), eigenvalue, delta)


def _is_rational(value: Any) -> bool:
    return isinstance(value, numbers.Rational) or bool(getattr(value, "is_Rational", False))


def _as_fraction(value: Any) -> Fraction:
    rational = exact(value)
    return Fraction(int(rational.p), int(rational.q))


@cache
def _exact_bound() -> Any:
    import sympy as sp

    from dctheory import formulas

    return sp.lambdify(formulas.ERROR_BOUND.arguments, formulas.ERROR_BOUND.expr, "math")


def _is_array(value: Any) -> bool:
    return _is_jax(value) or isinstance(value, (np.ndarray, list, tuple))


def _is_jax(value: Any) -> bool:
    # A value can only be JAX's if JAX was imported already; tracers are `jax.Array` too.
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.Array)


def _numpy_bound(eigenvalue: Any, delta: Any) -> Any:
    from dctheory import formulas

    values, deltas = np.asarray(eigenvalue), np.asarray(delta)
    wrong = ~((deltas > 0) & (deltas <= 1))
    if wrong.any():
        raise ValueError(
            f"delta must lie in (0, 1], got {deltas[wrong].flat[0]} among its {deltas.size} "
            "entries; choose every delta in that range"
        )
    isolated = values >= 1
    finite = formulas.ERROR_BOUND.numpy(np.where(isolated, 0, values), deltas)
    return np.where(isolated, np.inf, finite)


def _jax_bound(eigenvalue: Any, delta: Any) -> Any:
    import jax.numpy as jnp

    from dctheory import formulas

    values, deltas = jnp.asarray(eigenvalue), jnp.asarray(delta)
    isolated = values >= 1
    # The inner `where` keeps the gradient finite where λ ≥ 1.
    finite = formulas.ERROR_BOUND.jax(jnp.where(isolated, 0, values), deltas)
    bound = jnp.where(isolated, jnp.inf, finite)
    return jnp.where((deltas > 0) & (deltas <= 1), bound, jnp.nan)
