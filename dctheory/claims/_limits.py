"""Limits of rational functions as n grows at a fixed share f = n_d / n, and their signs."""

from __future__ import annotations

from typing import Any

import sympy as sp

from dctheory import formulas
from dctheory.proof.verdict import Step

# The share of difficult examples, and what is left: f + rest = 1, both positive when n_d < n.
SHARE = sp.Symbol("f", positive=True)
REST = sp.Symbol("e", positive=True)
SIZE = sp.Symbol("n", positive=True)
_FIELD = sp.QQ.frac_field(
    SIZE, SHARE, REST, formulas.r, formulas.u, formulas.beta, formulas.g, formulas.h
)


def limit(expr: Any, *, full: bool = False) -> Any:
    """lim n → ∞ of a rational expression in gap coordinates with n_d = f n (f = 1 if full)."""
    sizes = {formulas.n_d: SIZE * (1 if full else SHARE), formulas.n_e: 0 if full else SIZE * REST}
    scaled = sp.sympify(expr).subs(sizes, simultaneous=True)
    value = _FIELD.from_sympy(scaled)
    (top, top_degree), (bottom, bottom_degree) = map(_leading, (value.numer, value.denom))
    gap = top_degree - bottom_degree
    if gap < 0:
        return sp.Integer(0)
    ratio = (_FIELD(top) / _FIELD(bottom)).as_expr()
    return ratio if gap == 0 else sp.oo * _sign(ratio)


def _leading(poly: Any) -> tuple[Any, int]:
    """The coefficient of the highest power of n (the field's first symbol), and that power."""
    degree = max((monomial[0] for monomial in poly.monoms()), default=0)
    terms = {(0, *monomial[1:]): value for monomial, value in poly.terms() if monomial[0] == degree}
    return poly.ring.from_dict(terms), degree


def _sign(expr: Any) -> int:
    if is_positive(expr):
        return 1
    if is_positive(-expr):
        return -1
    raise ArithmeticError(f"the sign of {expr} is not visible in its coefficients")


def is_positive(expr: Any) -> bool:
    """Whether numerator and denominator have only positive coefficients (up to a common sign).

    With e for 1 − f, and r − 1 and β allowed to vanish, that makes a nonzero value positive.
    """
    shift = sp.Symbol("r_minus_1", nonnegative=True)
    parts = sp.fraction(sp.together(sp.sympify(expr).subs(formulas.r, 1 + shift)))
    signs = set()
    for part in parts:
        coefficients = [term.as_coeff_Mul()[0] for term in sp.Add.make_args(sp.expand(part))]
        if all(value > 0 for value in coefficients):
            signs.add(1)
        elif all(value < 0 for value in coefficients):
            signs.add(-1)
        else:
            return False
        strict = {formulas.beta, shift}
        if not any(not term.free_symbols & strict for term in sp.Add.make_args(sp.expand(part))):
            # Vanishes at β = 0 or so: not positive for sure.
            return False
    return len(signs) == 1


def limit_step(name: str, value: Any) -> Step:
    """A proof step that states a limit."""
    return Step("limit", name, sp.sstr(value))
