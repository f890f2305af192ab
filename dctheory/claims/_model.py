"""Eigenvalues of the model as counts: λ_{k+1} compared with a rational threshold.

λ_{k+1} ≤ t says that at most k eigenvalues lie above t. Each mode's side of t is the sign of a
polynomial (for a 2 × 2 pencil: of a determinant and two diagonal entries), so a statement about
λ_{k+1} for all r, n, n_d, k becomes a statement about polynomials. Modes and multiplicities come
from :mod:`dctheory.formulas`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import sympy as sp

from dctheory import formulas as f
from dctheory.proof.logic import All, Count, Not, Some, Statement, compare, primitive

CASES = ("mixed", "full")


@dataclass(frozen=True)
class Family:
    """Eigenvalue numerator / denominator (> 0) with its multiplicity."""

    numerator: Any
    denominator: Any
    multiplicity: Any


@dataclass(frozen=True)
class PencilFamily:
    """Both eigenvalues of a 2 × 2 pencil, each with this multiplicity."""

    block: f.Block
    multiplicity: Any


Model = tuple[Family | PencilFamily, ...]


def graph_model(pairing: str, case: str) -> Model:
    """All modes with 0 < n_d < n (case "mixed") or n_d = n (case "full")."""
    trivial, contrast = f.block(pairing, "trivial"), f.block(pairing, "class")
    degrees = {"easy": trivial.degree_easy, "difficult": trivial.degree_difficult}
    found: list[Family | PencilFamily] = [Family(sp.Integer(1), sp.Integer(1), sp.Integer(1))]
    if case == "mixed":
        product = trivial.degree_easy * trivial.degree_difficult
        found += [Family(trivial.det, product, sp.Integer(1)), PencilFamily(contrast, f.r)]
    else:
        found.append(Family(contrast.dd, trivial.degree_difficult, f.r))
    for each in f.bulk(pairing):
        if case == "mixed" or each.kind == "difficult":
            found.append(Family(each.numerator, degrees[each.kind], each.multiplicity))
    return substituted(tuple(found), {f.n_e: sp.Integer(0)} if case == "full" else {})


def clean_model(size: Any) -> Model:
    """All modes of a graph without difficult examples and ``size`` samples per class."""
    degree = f.u + size * (f.beta + f.g + f.h + f.r * f.beta)
    return (
        Family(sp.Integer(1), sp.Integer(1), sp.Integer(1)),
        Family(f.u + size * (f.g + f.h), degree, f.r),
        Family(f.u, degree, (f.r + 1) * (size - 1)),
    )


def substituted(model: Model, values: dict[Any, Any]) -> Model:
    """The model with some gap coordinates replaced."""

    def changed(record: Any) -> Any:
        return type(record)(
            *(
                changed(part) if isinstance(part, f.Block) else part.subs(values, simultaneous=True)
                for part in (getattr(record, each.name) for each in fields(record))
            )
        )

    return tuple(changed(family) for family in model) if values else model


def above(model: Model, top: Any, bottom: Any, strict: bool) -> tuple[tuple[Statement, Any], ...]:
    """(condition, weight) whose sum counts eigenvalues > top/bottom (≥ if not strict)."""
    op = ">" if strict else ">="
    terms: list[tuple[Statement, Any]] = []
    for family in model:
        if isinstance(family, Family):
            side = primitive(family.numerator * bottom - top * family.denominator)
            terms.append((compare(side, op, 0), family.multiplicity))
            continue
        one, two = _pencil_sides(family.block, top, bottom, strict)
        terms += [(one, family.multiplicity), (two, family.multiplicity)]
    return tuple(terms)


def _pencil_sides(
    block: f.Block, top: Any, bottom: Any, strict: bool
) -> tuple[Statement, Statement]:
    """Whether at least one, and whether both eigenvalues of the pencil lie above top/bottom.

    By Sylvester's criterion S − tD is positive definite if det and first entry are positive,
    negative definite if det > 0 > first entry; semidefinite needs both diagonal entries.
    """
    first = primitive(bottom * block.ee - top * block.degree_easy)
    second = primitive(bottom * block.dd - top * block.degree_difficult)
    det = primitive(
        bottom**2 * block.det
        - top * bottom * (block.ee * block.degree_difficult + block.dd * block.degree_easy)
        + top**2 * block.degree_easy * block.degree_difficult
    )

    def definite(sign: int) -> Statement:
        return All((compare(det, ">", 0), compare(sign * first, ">", 0)))

    def semidefinite(sign: int) -> Statement:
        entries = (det, sign * first, sign * second)
        return All(tuple(compare(entry, ">=", 0) for entry in entries))

    if strict:
        return Not(semidefinite(-1)), definite(1)
    return Not(definite(-1)), semidefinite(1)


def eigenvalue_is(model: Model, relation: str, top: Any, bottom: Any) -> Statement:
    """``λ_{k+1} relation top/bottom`` for bottom > 0; relation is <=, <, >, >= or ==."""
    if relation == "==":
        parts = (eigenvalue_is(model, each, top, bottom) for each in ("<=", ">="))
        return All(tuple(parts))
    # λ_{k+1} ≤ t and λ_{k+1} > t count strictly above t, < and ≥ count from t on.
    terms = above(model, top, bottom, strict=relation in ("<=", ">"))
    if relation in ("<=", "<"):
        return Count(terms, "<=", f.k)
    return Count(terms, ">=", f.k + 1)


def positive_semidefinite(pairing: str, case: str) -> Statement:
    """A has no negative eigenvalue: each sector's block and bulk on its own."""
    blocks = [f.block(pairing, sector) for sector in ("trivial", "class")]
    if case == "full":
        parts = [compare(block.dd.subs(f.n_e, 0), ">=", 0) for block in blocks]
    else:
        parts = [
            compare(entry, ">=", 0) for block in blocks for entry in (block.ee, block.dd, block.det)
        ]
    # A bulk's numerator counts only where the bulk is not empty.
    for each in f.bulk(pairing):
        size = f.n_e if each.kind == "easy" else f.n_d
        parts.append(Some((compare(size, "<=", 1), compare(each.numerator, ">=", 0))))
    return All(tuple(parts))


def hypotheses(case: str) -> tuple[tuple[str, Statement], ...]:
    """Admissible parameters: r ≥ 1, n ≥ 2, 1 ≤ n_d ≤ n, 0 ≤ β < γ < α < 1."""
    common = [
        ("r >= 1", compare(f.r, ">=", 1)),
        ("n_d >= 1", compare(f.n_d, ">=", 1)),
        ("n >= 2", compare(f.n_e + f.n_d, ">=", 2)),
        ("beta >= 0", compare(f.beta, ">=", 0)),
        ("g = gamma - beta > 0", compare(f.g, ">", 0)),
        ("h = alpha - gamma > 0", compare(f.h, ">", 0)),
        ("u = 1 - alpha > 0", compare(f.u, ">", 0)),
    ]
    sides = {
        "mixed": ("n_e = n - n_d >= 1", compare(f.n_e, ">=", 1)),
        "full": ("n_e = n - n_d = 0", compare(f.n_e, "==", 0)),
        "any": ("n_e = n - n_d >= 0", compare(f.n_e, ">=", 0)),
    }
    return (*common, sides[case])


def _integer_step(name: str, left: Any, right: Any) -> tuple[str, Statement]:
    """Integers left, right: left ≤ right or left ≥ right + 1. True, and lost over the reals."""
    step = Some((compare(left, "<=", right), compare(left, ">=", right + 1)))
    return f"integers: {name}", step


THM_3_4_RANGE = (
    ("k >= r + 1", compare(f.k, ">=", f.r + 1)),
    ("k < n_d + r + 1", compare(f.k, "<=", f.n_d + f.r)),
    ("k + 1 <= N", compare(f.k + 1, "<=", (f.n_e + f.n_d) * (f.r + 1))),
    _integer_step("k <= r + 1 or k >= r + 2", f.k, f.r + 1),
    _integer_step("k <= 2 r or k >= 2 r + 1", f.k, 2 * f.r),
    _integer_step("n_d <= 1 or n_d >= 2", f.n_d, sp.Integer(1)),
    _integer_step("n_e <= 1 or n_e >= 2", f.n_e, sp.Integer(1)),
    _integer_step("r <= 1 or r >= 2", f.r, sp.Integer(1)),
)
EVERY_K = (
    ("k >= 1", compare(f.k, ">=", 1)),
    ("k + 1 <= N", compare(f.k + 1, "<=", (f.n_e + f.n_d) * (f.r + 1))),
)
