"""Formulas evaluated on exact rationals; square roots to so many bits that rounding hides none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isqrt
from typing import Any

# Relative error of a square root: below 2^-ROOT_BITS, exact for squares of rationals.
ROOT_BITS = 400
# Where exact numbers cancel, roots leave less than this, relative to the terms.
NEGLIGIBLE = Fraction(1, 2 ** (ROOT_BITS - 40))


def square_root(value: Fraction | int) -> Fraction:
    """√value of a non-negative rational, exact for squares."""
    exact = Fraction(value)
    # The product is 1 or more, so the integer root has at least ROOT_BITS bits.
    product = exact.numerator * exact.denominator
    return Fraction(isqrt(product << (2 * ROOT_BITS)), exact.denominator << ROOT_BITS)


def difference(left: Fraction, right: Fraction) -> Fraction:
    """left − right, and zero where what is left comes from the rounding of square roots."""
    found = left - right
    return found if abs(found) > NEGLIGIBLE * (abs(left) + abs(right)) else Fraction(0)


def evaluator(arguments: Sequence[Any], expressions: Any) -> Callable[..., Any]:
    """The sympy ``expressions`` as one function of exact ``Fraction`` arguments, in order."""
    import sympy as sp

    evaluate = sp.lambdify(arguments, expressions, [{"sqrt": square_root}, "math"], cse=True)

    def exact(*values: Any) -> Any:
        return evaluate(*(Fraction(value) for value in values))

    return exact
