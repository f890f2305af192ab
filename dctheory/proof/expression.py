"""Conditions as text in the paper's symbols, read without evaluating anybody's code."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import Any

import sympy as sp

from dctheory import formulas as f
from dctheory.proof.logic import (
    All,
    Not,
    Some,
    Statement,
    compare,
    homogeneous_polynomial,
    primitive,
)

_NAMES: dict[str, Any] = {
    symbol.name: symbol for symbol in (f.r, f.n, f.n_d, f.k, f.alpha, f.beta, f.gamma)
}
_NAMES |= {"c0": f.C0.expr, "c1": f.C1.expr, "c2": f.C2.expr}
_OPERATORS: dict[type, str] = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
}


@lru_cache(maxsize=256)
def parse_condition(text: str) -> Statement:
    """A condition such as ``"n_d < n and k <= r + 1"`` as a statement in gap coordinates.

    Allowed: r, n, n_d, k, alpha, beta, gamma, c0, c1, c2, integers, + − * **, comparisons, and, or,
    not. Raises ValueError for anything else.
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ValueError(f"condition {text!r} cannot be read: {error}") from error
    return _boolean(tree, text)


# Conditions of ours have degree 10 at most; what is far beyond would only keep a machine busy.
_LARGEST_DEGREE = 16


def _degree(node: ast.expr) -> int:
    """An upper bound of the polynomial's degree, before anything is multiplied out."""
    if isinstance(node, ast.Name):
        return 3 if node.id in ("c0", "c1", "c2") else 1
    if isinstance(node, ast.UnaryOp):
        return _degree(node.operand)
    if isinstance(node, ast.BinOp):
        left, right = _degree(node.left), _degree(node.right)
        if isinstance(node.op, ast.Pow):
            exponent = node.right.value if isinstance(node.right, ast.Constant) else None
            return left * exponent if type(exponent) is int else _LARGEST_DEGREE + 1
        return left + right if isinstance(node.op, ast.Mult) else max(left, right)
    return 0


def _boolean(node: ast.expr, text: str) -> Statement:
    if isinstance(node, ast.BoolOp):
        parts = tuple(_boolean(value, text) for value in node.values)
        return All(parts) if isinstance(node.op, ast.And) else Some(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return Not(_boolean(node.operand, text))
    if isinstance(node, ast.Compare) and all(type(op) in _OPERATORS for op in node.ops):
        if max(map(_degree, (node.left, *node.comparators))) > _LARGEST_DEGREE:
            raise ValueError(f"condition {text[:80]!r}: its degree is above {_LARGEST_DEGREE}")
        sides = [_number(side, text) for side in (node.left, *node.comparators)]
        return All(
            tuple(
                _compare(left, _OPERATORS[type(op)], right)
                for left, op, right in zip(sides[:-1], node.ops, sides[1:], strict=True)
            )
        )
    raise ValueError(f"condition {text!r}: expected a comparison or and/or/not")


def _compare(left: Any, op: str, right: Any) -> Statement:
    return compare(primitive(homogeneous_polynomial(left - right)), op, 0)


def _number(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return sp.Integer(node.value)
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return _NAMES[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(node.operand, text)
    if isinstance(node, ast.BinOp):
        left, right = _number(node.left, text), _number(node.right, text)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Pow) and right.is_Integer and 0 <= right <= 4:
            return left**right
    raise ValueError(f"condition {text!r}: {ast.unparse(node)!r} is not allowed in a condition")
