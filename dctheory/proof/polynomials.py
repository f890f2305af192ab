"""Fast exact arithmetic on polynomials in gap coordinates, by FLINT, in and out of sympy."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp
from flint import Ordering, fmpz_mpoly_ctx

from dctheory.formulas import GAPS, alpha, beta, g, gamma, h, k, n, n_d, n_e, r, u

SYMBOLS = (*GAPS, k)
_CONTEXT = fmpz_mpoly_ctx.get([symbol.name for symbol in SYMBOLS], Ordering.lex)
_GENERATORS = dict(zip(SYMBOLS, _CONTEXT.gens(), strict=True))
_ONE = _CONTEXT.constant(1)

# The paper's symbols in gap coordinates. The similarity of a node with itself, 1 in the paper, is
# u + β + g + h there, and α, β, γ are taken relative to it.
_SELF = sum(_GENERATORS[s] for s in (u, beta, g, h))
_PAPER = {
    alpha: (sum(_GENERATORS[s] for s in (beta, g, h)), _SELF),
    beta: (_GENERATORS[beta], _SELF),
    gamma: (_GENERATORS[beta] + _GENERATORS[g], _SELF),
    n: (_GENERATORS[n_e] + _GENERATORS[n_d], _ONE),
    **{symbol: (_GENERATORS[symbol], _ONE) for symbol in (r, n_d, k)},
}
_GAP_COORDINATES = {symbol: (poly, _ONE) for symbol, poly in _GENERATORS.items()}

Fraction = tuple[Any, Any]


def _rational(expr: Any, values: dict[Any, Fraction]) -> Fraction:
    """A rational expression as numerator and denominator, not cancelled."""
    if expr.is_Symbol:
        if expr not in values:
            raise ValueError(f"{expr} is not one of {', '.join(map(str, values))}")
        return values[expr]
    if expr.is_Rational:
        return _CONTEXT.constant(int(expr.p)), _CONTEXT.constant(int(expr.q))
    if expr.is_Pow and expr.exp.is_Integer:
        top, bottom = _rational(expr.base, values)
        power = int(expr.exp)
        return (top**power, bottom**power) if power >= 0 else (bottom**-power, top**-power)
    if not (expr.is_Add or expr.is_Mul):
        raise ValueError(f"{expr} is not a rational expression")
    top, bottom = _rational(expr.args[0], values)
    for part in expr.args[1:]:
        other_top, other_bottom = _rational(part, values)
        if expr.is_Mul:
            top, bottom = top * other_top, bottom * other_bottom
        elif bottom == other_bottom:
            top = top + other_top
        else:
            top, bottom = top * other_bottom + other_top * bottom, bottom * other_bottom
    return top, bottom


def _expression(poly: Any) -> Any:
    """A FLINT polynomial as an expanded sympy expression."""
    terms = []
    for exponents, value in poly.to_dict().items():
        powers = [s ** int(e) for s, e in zip(SYMBOLS, exponents, strict=True) if e]
        terms.append(sp.Mul(sp.Integer(int(value)), *powers))
    return sp.Add(*terms)


@lru_cache(maxsize=8192)
def expanded(expr: Any) -> Any:
    """A polynomial in gap coordinates with integer coefficients, multiplied out."""
    top, bottom = _rational(sp.sympify(expr), _GAP_COORDINATES)
    quotient = sp.Rational(1, int(bottom.leading_coefficient()))
    if not bottom.is_constant():
        raise ValueError(f"{expr} is not a polynomial")
    return _expression(top) * quotient if quotient == 1 else sp.expand(_expression(top) * quotient)


@lru_cache(maxsize=1024)
def homogeneous(expr: Any) -> tuple[Any, Any]:
    """A rational expression in the paper's symbols as (numerator, denominator) in gap coordinates.

    The self-similarity 1 becomes u + β + g + h, so both parts are homogeneous in (u, β, g, h) and
    their signs may be read at any positive scale. The denominator keeps its sign.
    """
    top, bottom = _rational(sp.sympify(expr), _PAPER)
    common = top.gcd(bottom) if top != 0 else bottom
    return _expression(top // common), _expression(bottom // common)


def homogeneous_polynomial(expr: Any) -> Any:
    """A polynomial in the paper's symbols, in gap coordinates, up to a positive factor.

    Raises ValueError if the expression has a denominator.
    """
    top, bottom = _rational(sp.sympify(expr), _PAPER)
    while not bottom.is_constant():
        common = bottom.gcd(_SELF)
        if common.is_constant():
            raise ValueError(f"a condition must be polynomial, got {expr}")
        # A power of the self-similarity: a positive scale.
        bottom = bottom // common
    return _expression(top)


@lru_cache(maxsize=8192)
def primitive(poly: Any) -> Any:
    """The polynomial without its positive factors: of the same sign at admissible parameters.

    A factor is dropped if in u, β, g, h, r − 1, n_e, n_d − 1 all its coefficients are positive and
    one of its monomials has only u, g, h, which are positive for sure (the others may be 0).
    """
    top, bottom = _rational(sp.sympify(poly), _GAP_COORDINATES)
    if not bottom.is_constant():
        raise ValueError(f"{poly} is not a polynomial")
    if top.is_constant():
        return sp.sign(_expression(top) * int(bottom.leading_coefficient()))
    content, factors = top.factor()
    kept = _ONE if (content > 0) == (bottom.leading_coefficient() > 0) else -_ONE
    for factor, exponent in factors:
        sign = _certain_sign(factor)
        power = int(exponent)
        kept = kept * (factor ** (power if power % 2 else 2) if sign == 0 else sign**power)
    return _expression(kept)


def _certain_sign(factor: Any) -> int:
    """1 or −1 if the factor's sign shows in its coefficients (see :func:`primitive`), else 0."""
    shifted = factor.compose(
        *(poly + 1 if s in (r, n_d) else poly for s, poly in _GENERATORS.items()), ctx=_CONTEXT
    )
    may_vanish = [i for i, s in enumerate(SYMBOLS) if s not in (u, g, h)]
    table = shifted.to_dict()
    signs = {value > 0 for value in table.values()}
    strict = any(not any(exponents[i] for i in may_vanish) for exponents in table)
    if len(signs) != 1 or not strict or any(exponents[-1] for exponents in table):
        return 0
    return 1 if signs.pop() else -1
