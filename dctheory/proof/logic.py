"""Statements about polynomials as a small tree: one text for a solver, one function for numbers.

A statement is written once and rendered twice, as SMT-LIB (real arithmetic, to be proved for all
parameters) and as a Python function of exact integers (to be evaluated at a point), so that proof
and counterexample speak of the same thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

import sympy as sp

from dctheory.graph.spectrum import integer_scale
from dctheory.proof.polynomials import (
    SYMBOLS,
    expanded,
    homogeneous,
    homogeneous_polynomial,
    primitive,
)

__all__ = [
    "SYMBOLS",
    "TRUE",
    "All",
    "Compare",
    "Count",
    "Not",
    "Some",
    "Statement",
    "compare",
    "compile_exact",
    "gap_point",
    "homogeneous",
    "homogeneous_polynomial",
    "iff",
    "implies",
    "primitive",
    "signed",
    "smt_query",
]


@dataclass(frozen=True)
class Compare:
    """``poly op 0`` with op one of >, >=, ==."""

    op: str
    poly: Any


@dataclass(frozen=True)
class All:
    """Conjunction; empty is true."""

    parts: tuple[Statement, ...]


@dataclass(frozen=True)
class Some:
    """Disjunction; empty is false."""

    parts: tuple[Statement, ...]


@dataclass(frozen=True)
class Not:
    """Negation."""

    part: Statement


@dataclass(frozen=True)
class Count:
    """``Σ [condition] · weight  op  bound``: how many eigenvalues lie above a threshold."""

    terms: tuple[tuple[Statement, Any], ...]
    op: str
    bound: Any


Statement: TypeAlias = Compare | All | Some | Not | Count
TRUE = All(())


def compare(left: Any, op: str, right: Any) -> Statement:
    """``left op right`` for polynomials in gap coordinates; op may also be <, <= or !=."""
    if op in ("<", "<="):
        left, op, right = right, op.replace("<", ">"), left
    if op == "!=":
        return Not(compare(left, "==", right))
    return Compare(op, expanded(sp.sympify(left) - right))


def implies(premise: Statement, conclusion: Statement) -> Statement:
    """premise → conclusion."""
    return Some((Not(premise), conclusion))


def iff(left: Statement, right: Statement) -> Statement:
    """left ↔ right."""
    return All((implies(left, right), implies(right, left)))


def signed(expr: Any, op: str) -> Statement:
    """``expr op 0`` for a rational expression in the paper's symbols, at admissible parameters."""
    top, bottom = homogeneous(expr)
    sign = primitive(bottom)
    return compare(primitive(top * (sign if sign.free_symbols else sp.sign(sign))), op, 0)


# --- SMT-LIB --------------------------------------------------------------------------------------


class _Names:
    """Names for the nonlinear parts of a query's polynomials, equal up to sign sharing one."""

    def __init__(self) -> None:
        self.definitions: dict[Any, str] = {}

    def term(self, poly: Any) -> str:
        parts = sp.Add.make_args(expanded(poly))
        linear = sp.Add(*(part for part in parts if sum(_powers(part)) <= 1))
        curved = sp.Add(*(part for part in parts if sum(_powers(part)) > 1))
        if curved == 0:
            return _smt_poly(linear)
        flipped = curved.could_extract_minus_sign()
        key = expanded(-curved) if flipped else curved
        name = self.definitions.setdefault(key, f"p{len(self.definitions) + 1}")
        word = f"(- {name})" if flipped else name
        return word if linear == 0 else f"(+ {_smt_poly(linear)} {word})"


def _powers(monomial: Any) -> list[int]:
    return [int(factor.as_base_exp()[1]) for factor in monomial.as_coeff_mul()[1]]


def _to_smtlib(statement: Statement, names: _Names) -> str:
    if isinstance(statement, Compare):
        op = {"==": "="}.get(statement.op, statement.op)
        return f"({op} {names.term(statement.poly)} 0)"
    if isinstance(statement, Not):
        return f"(not {_to_smtlib(statement.part, names)})"
    if isinstance(statement, Count):
        terms = " ".join(
            f"(ite {_to_smtlib(condition, names)} {names.term(weight)} 0)"
            for condition, weight in statement.terms
        )
        op = {"==": "="}.get(statement.op, statement.op)
        return f"({op} (+ 0 {terms}) {names.term(statement.bound)})"
    word, neutral = ("and", "true") if isinstance(statement, All) else ("or", "false")
    if not statement.parts:
        return neutral
    return f"({word} {' '.join(_to_smtlib(part, names) for part in statement.parts)})"


def smt_query(assertions: Iterable[tuple[str, Statement]], symbols: Iterable[Any]) -> str:
    """A complete SMT-LIB script that asserts named statements; comments carry the names.

    The nonlinear part of each polynomial is defined once, on a line of its own.
    """
    names = _Names()
    body = []
    for comment, statement in assertions:
        body += [f"; {comment}", f"(assert {_to_smtlib(statement, names)})"]
    head = ["(set-logic QF_NRA)"]
    head += [f"(declare-fun {symbol.name} () Real)" for symbol in symbols]
    head += [
        f"(define-fun {name} () Real {_smt_poly(poly)})" for poly, name in names.definitions.items()
    ]
    return "\n".join([*head, *body, "(check-sat)", ""])


def _smt_poly(poly: Any) -> str:
    expr = sp.sympify(poly)
    if isinstance(expr, sp.Add):
        # sympy's argument order is canonical, so the text is the same in every run.
        return f"(+ {' '.join(_smt_monomial(term) for term in expr.args)})"
    return _smt_monomial(expr)


def _smt_monomial(term: Any) -> str:
    coefficient, factors = term.as_coeff_mul()
    words = [] if coefficient == 1 and factors else [_smt_number(coefficient)]
    for factor in factors:
        base, exponent = factor.as_base_exp()
        words += [base.name] * int(exponent)
    return words[0] if len(words) == 1 else f"(* {' '.join(words)})"


def _smt_number(value: Any) -> str:
    top, bottom = int(value.p), int(value.q)
    text = f"{abs(top)}" if bottom == 1 else f"(/ {abs(top)} {bottom})"
    return f"(- {text})" if top < 0 else text


# --- Exact evaluation -----------------------------------------------------------------------------


def compile_exact(
    statement: Statement, symbols: tuple[Any, ...] = SYMBOLS
) -> Callable[[Mapping[str, Any]], bool]:
    """The statement as a function of exact numbers by symbol name (ints or Fractions)."""
    names = [symbol.name for symbol in symbols]
    source = f"lambda {', '.join(names)}: {_python(statement)}"
    function = eval(compile(source, "<statement>", "eval"), {"__builtins__": {}})  # own text only
    return lambda point: bool(function(*(point[name] for name in names)))


def _python(statement: Statement) -> str:
    if isinstance(statement, Compare):
        return f"({_python_poly(statement.poly)} {statement.op} 0)"
    if isinstance(statement, Not):
        return f"(not {_python(statement.part)})"
    if isinstance(statement, Count):
        terms = " + ".join(
            f"(({_python_poly(weight)}) if {_python(condition)} else 0)"
            for condition, weight in statement.terms
        )
        return f"({terms or 0} {statement.op} {_python_poly(statement.bound)})"
    if not statement.parts:
        return str(isinstance(statement, All))
    word = " and " if isinstance(statement, All) else " or "
    return f"({word.join(_python(part) for part in statement.parts)})"


@lru_cache(maxsize=4096)
def _python_poly(poly: Any) -> str:
    text = str(sp.sympify(poly))
    if "/" in text:
        raise ValueError(f"only integer coefficients are compiled, got {text}")
    return f"({text})"


def gap_point(point: Mapping[str, Any]) -> dict[str, Any]:
    """Integers (u, β, g, h at a common scale), r, n_e, n_d and k from the paper's parameters."""
    q, (a, b, c) = integer_scale(*(Fraction(point[name]) for name in ("alpha", "beta", "gamma")))
    result = {"u": q - a, "beta": b, "g": c - b, "h": a - c, "r": int(point["r"])}
    result |= {"n_d": int(point["n_d"]), "n_e": int(point["n"]) - int(point["n_d"])}
    if "k" in point:
        result["k"] = int(point["k"])
    return result
