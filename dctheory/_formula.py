"""The container of one formula: a sympy expression, its source, and the functions made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy as sp


def exact(value: Any) -> Any:
    """A number as sympy's exact Rational (floats are the binary fractions that they are)."""
    if isinstance(value, sp.Basic):
        return value
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    if isinstance(value, int):
        return sp.Integer(value)
    fraction = Fraction(float(value))
    return sp.Rational(fraction.numerator, fraction.denominator)


@dataclass(frozen=True)
class Formula:
    """One formula of the paper, or of ours.

    Attributes:
        name: identifier, e.g. ``"thm-3.4/eigenvalue"``.
        expr: sympy expression in the symbols of :mod:`dctheory.formulas`.
        equation: where it stands, e.g. ``"Theorem 3.4"``, or ``"ours"``.
        arguments: the order of the arguments of :attr:`numpy` and :attr:`jax`.
    """

    name: str
    expr: Any
    equation: str
    arguments: tuple[sp.Symbol, ...]

    @property
    def latex(self) -> str:
        """The expression as LaTeX source."""
        return str(sp.latex(self.expr))

    def subs(self, values: Mapping[Any, Any] | None = None, /, **named: Any) -> Any:
        """Substitute exactly: ``formula.subs(r=9, alpha=Fraction(1, 2))``.

        Numbers are taken as the exact rationals they are. Keys are symbols or their names.
        Raises ValueError for a name that is not one of the formula's arguments.
        """
        symbols = {symbol.name: symbol for symbol in self.arguments}
        table = {}
        for key, value in {**(values or {}), **named}.items():
            name = str(key)
            if name not in symbols:
                raise ValueError(f"{self.name} has no symbol {name!r}; it has {', '.join(symbols)}")
            table[symbols[name]] = exact(value)
        return self.expr.subs(table)

    @cached_property
    def numpy(self) -> Callable[..., Any]:
        """Vectorised numpy function of :attr:`arguments`, in their order."""
        return sp.lambdify(self.arguments, self.expr, "numpy", cse=True)

    @cached_property
    def jax(self) -> Callable[..., Any]:
        """JAX function of :attr:`arguments`: jittable, differentiable, in the arguments' dtype."""
        return sp.lambdify(self.arguments, self.expr, "jax", cse=True)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def __str__(self) -> str:
        return f"{self.name} ({self.equation}): {self.expr}"
