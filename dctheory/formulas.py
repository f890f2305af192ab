r"""Every formula of the paper and of ours, once, with its equation number.

Paper: "Difficult Examples Hurt Unsupervised Contrastive Learning" (ICLR 2026). Symbols: classes
r + 1, samples per class n, difficult ones per class n_d, similarities α (same class), β (other
class), γ (difficult pair). Everything derived from the graph is written in *gap coordinates*

    u = 1 − α,  g = γ − β,  h = α − γ,  n_e = n − n_d,

in which degrees and blocks are homogeneous of degree one in (u, β, g, h) with few
subtractions, so that numbers made from them lose no digits and Ā is a quotient of two such forms.

The graph has two kinds of node, easy and difficult, so each symmetry sector of Ā is a pencil
(S, diag(d_e, d_d)) of size 2: ``trivial`` for vectors that are equal on all classes and ``class``
for vectors that sum to zero over the classes (r copies). What is left inside a class is bulk.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp

from dctheory._formula import Formula
from dctheory._validation import check_choice

PAIRINGS = ("both", "matched", "either")

r, n, n_d, k = sp.symbols("r n n_d k", integer=True, nonnegative=True)
alpha, beta, gamma, delta = sp.symbols("alpha beta gamma delta", nonnegative=True)
eigenvalue = sp.Symbol("lambda", real=True)

# Gap coordinates (see the module's docstring).
u, g, h = sp.symbols("u g h", nonnegative=True)
n_e = sp.Symbol("n_e", integer=True, nonnegative=True)
GAPS = (u, beta, g, h, r, n_e, n_d)
PARAMETERS = (r, n, n_d, alpha, beta, gamma)

_TO_PAPER = {u: 1 - alpha, g: gamma - beta, h: alpha - gamma, n_e: n - n_d}

# α, a = α + rβ, b = α − β and α + rγ in gap coordinates.
_alpha = beta + g + h
_a = _alpha + r * beta
_b = g + h
_a_gamma = _a + r * g


def to_paper(expr: Any) -> Any:
    """Rewrite an expression in gap coordinates in the paper's symbols."""
    return sp.sympify(expr).subs(_TO_PAPER)


def to_gaps(expr: Any) -> Any:
    """Rewrite an expression in the paper's symbols in gap coordinates (1 becomes u + α)."""
    return expr.subs({alpha: 1 - u, gamma: beta + g, n: n_e + n_d}, simultaneous=True)


def _formula(name: str, expr: Any, equation: str, *extra: sp.Symbol) -> Formula:
    return Formula(name, to_paper(expr), equation, (*PARAMETERS, *extra))


# --- The paper's constants and printed statements -------------------------------------------------

C2 = _formula("c2", u + (n_e + n_d) * _a, "Theorem 3.3")
C1 = _formula("c1", C2.expr + n_d * r * (gamma - beta), "Theorem 3.4")
C0 = _formula("c0", (1 - alpha) + n * alpha + (n - n_d) * r * beta, "Theorem 4.3")

THM_3_3 = _formula("thm-3.3/eigenvalue", (1 - alpha) / C2.expr, "Theorem 3.3")
THM_3_4 = _formula(
    "thm-3.4/eigenvalue", ((1 - alpha) + r * (gamma - beta)) / C1.expr, "Theorem 3.4"
)
COR_4_1 = _formula(
    "cor-4.1/eigenvalue",
    (1 - alpha) / ((1 - alpha) + (n - n_d) * alpha + (n - n_d) * r * beta),
    "Corollary 4.1",
)
COR_4_1_CONDITION = _formula(
    "cor-4.1-condition/threshold",
    n_d * (1 - alpha) * (alpha + r * gamma) / (r * ((1 - alpha) + (n - n_d) * (alpha + r * beta))),
    "Corollary 4.1 (condition on γ − β)",
)
EQ_7 = _formula("eq-7/margin", C0.expr / (C1.expr**2 * C2.expr) * (gamma - beta), "Eq. 7")
THM_4_5_TAU = _formula("thm-4.5/tau", C1.expr / C2.expr * beta / gamma, "Theorem 4.5")
THM_4_5_FACTOR = _formula(
    "thm-4.5/factor", 1 - (n_d / n) ** 2 + (gamma / beta) ** 2 * (n_d / n) ** 2, "Theorem 4.5"
)
# The root in the printed condition, squared: n_d² < (this) · n. A reading of a garbled line.
THM_4_5_CONDITION = _formula(
    "thm-4.5-condition/n_d-squared-over-n",
    beta**2 * r / ((alpha + r * beta) * (gamma + beta)),
    "Theorem 4.5 (condition on n_d)",
)
ERROR_BOUND = Formula(
    "error-bound",
    4 * delta / (1 - eigenvalue) + 8 * delta,
    "HaoChen et al. 2021, Theorem 3.8, as in Eq. 3",
    (eigenvalue, delta),
)


def _bound(name: str, value: Formula, equation: str, factor: Any = 1) -> Formula:
    expr = factor * 4 * delta / (1 - value.expr) + 8 * delta
    return Formula(name, expr, equation, (*PARAMETERS, delta))


E_WO = _bound("thm-3.3/bound", THM_3_3, "Theorem 3.3")
E_WD = _bound("thm-3.4/bound", THM_3_4, "Theorem 3.4")
E_R = _bound("cor-4.1/bound", COR_4_1, "Corollary 4.1")
E_M = _bound("thm-4.3/bound", THM_3_3, "Theorem 4.3 (E_M = E_wo)")
E_T = _bound("thm-4.5/bound", THM_3_3, "Theorem 4.5", THM_4_5_FACTOR.expr)

PRINTED = (
    *(C2, C1, C0, THM_3_3, THM_3_4, COR_4_1, COR_4_1_CONDITION, EQ_7, THM_4_5_TAU),
    *(THM_4_5_FACTOR, THM_4_5_CONDITION, ERROR_BOUND, E_WO, E_WD, E_R, E_M, E_T),
)


# --- The graph: degrees, sectors, modes (ours) ----------------------------------------------------

# Names of the modes, as `Spectrum.modes` shows them.
TRIVIAL, CLASS = "trivial", "class"
SPURIOUS = "difficult-against-easy"
CLASS_SPURIOUS = "class, difficult-against-easy"
EASY_BULK, DIFFICULT_BULK = "easy bulk", "difficult bulk"
MATCHED_BULK, MATCHED_CONTRAST = "matched bulk", "matched contrast bulk"

_c2 = u + (n_e + n_d) * _a
_DEGREES = {
    "both": (_c2, _c2 + n_d * r * g),
    "matched": (_c2, _c2 + r * g),
    "either": (_c2 + n_d * r * g, _c2 + (n_e + n_d) * r * g),
}


@dataclass(frozen=True)
class Block:
    """A sector's 2 × 2 pencil (S, diag of degrees) on (easy, difficult), in gap coordinates.

    ``det`` is S_ee S_dd − S_ed², written without the terms that cancel.
    """

    ee: Any
    ed_squared: Any
    dd: Any
    det: Any
    degree_easy: Any
    degree_difficult: Any


@cache
def block(pairing: str, sector: str) -> Block:
    """The sector's pencil: ``sector`` is "trivial" (× 1) or "class" (× r)."""
    check_choice("pairing", pairing, PAIRINGS)
    check_choice("sector", sector, ("trivial", "class"))
    # On vectors equal on all classes a cross-class weight counts r times, on vectors that sum
    # to zero over the classes −1 times.
    cross = r if sector == "trivial" else sp.Integer(-1)
    same = _a if sector == "trivial" else _b
    difficult = _a_gamma if sector == "trivial" else h
    # S = u I + [[n_e p, √(n_e n_d) t], [·, n_d q + w]]; minor = p q − t².
    p, t, q, w, minor = {
        "both": (same, same, difficult, 0, same * cross * g),
        "matched": (same, same, same, cross * g, 0),
        "either": (same, difficult, difficult, 0, -difficult * cross * g),
    }[pairing]
    return Block(
        ee=u + n_e * p,
        ed_squared=n_e * n_d * t**2,
        dd=u + n_d * q + w,
        det=u * (u + w) + u * n_d * q + n_e * p * (u + w) + n_e * n_d * minor,
        degree_easy=_DEGREES[pairing][0],
        degree_difficult=_DEGREES[pairing][1],
    )


@dataclass(frozen=True)
class Bulk:
    """Vectors that sum to zero over each kind of node in a class, in gap coordinates.

    The eigenvalue is ``numerator`` over the degree of ``kind`` ("easy" or "difficult").
    """

    name: str
    numerator: Any
    kind: str
    multiplicity: Any


@cache
def bulk(pairing: str) -> tuple[Bulk, ...]:
    """The bulk families; ``matched`` pairs keep a class structure inside the difficult bulk."""
    check_choice("pairing", pairing, PAIRINGS)
    easy = Bulk(EASY_BULK, u, "easy", (r + 1) * (n_e - 1))
    if pairing == "matched":
        return (
            easy,
            Bulk(MATCHED_BULK, u + r * g, "difficult", n_d - 1),
            Bulk(MATCHED_CONTRAST, u - g, "difficult", r * (n_d - 1)),
        )
    return easy, Bulk(DIFFICULT_BULK, u, "difficult", (r + 1) * (n_d - 1))


@dataclass(frozen=True)
class ModeFormula:
    """A family of eigenvectors of Ā: which symmetry it has, its eigenvalue and multiplicity.

    ``present`` says which kinds of node the family needs: "both", "easy", "difficult" or "any".
    """

    name: str
    sector: str
    value: Formula
    multiplicity: Formula
    present: str


def degree(pairing: str, kind: str) -> Formula:
    """Row sum of A at an easy or a difficult node (``kind`` "easy" or "difficult")."""
    check_choice("pairing", pairing, PAIRINGS)
    check_choice("kind", kind, ("easy", "difficult"))
    expr = _DEGREES[pairing][0 if kind == "easy" else 1]
    return _formula(f"{pairing}/degree/{kind}", expr, "Section 3.2, row sums of A")


@cache
def modes(pairing: str) -> tuple[ModeFormula, ...]:
    """All modes of Ā with both kinds of node present (0 < n_d < n), multiplicities included.

    With n_d = 0 or n_d = n only the modes of one kind remain: see :func:`modes_of_one_kind`.
    """
    trivial, contrast = block(pairing, "trivial"), block(pairing, "class")
    upper, lower = _roots(contrast)
    families = [
        (TRIVIAL, TRIVIAL, sp.Integer(1), sp.Integer(1), "any"),
        (
            *(SPURIOUS, TRIVIAL),
            trivial.det / (trivial.degree_easy * trivial.degree_difficult),
            *(sp.Integer(1), "both"),
        ),
        (CLASS, CLASS, upper, r, "any"),
        (CLASS_SPURIOUS, CLASS, lower, r, "both"),
        *_bulk(pairing),
    ]
    return tuple(_mode(pairing, *family) for family in families)


@cache
def modes_of_one_kind(pairing: str, kind: str) -> tuple[ModeFormula, ...]:
    """The modes when all nodes are easy (n_d = 0) or all are difficult (n_d = n)."""
    contrast = block(pairing, "class")
    easy = kind == "easy"
    top = contrast.ee / contrast.degree_easy if easy else contrast.dd / contrast.degree_difficult
    families = [
        (TRIVIAL, TRIVIAL, sp.Integer(1), sp.Integer(1), "any"),
        (CLASS, CLASS, top, r, "any"),
        *(family for family in _bulk(pairing) if family[-1] == kind),
    ]
    absent = {n_d: 0} if easy else {n_e: 0}
    fixed = [
        (name, sector, value.subs(absent), mult.subs(absent), "any")
        for name, sector, value, mult, _ in families
    ]
    return tuple(_mode(f"{pairing}/{kind}", *family) for family in fixed)


def _roots(pencil: Block) -> tuple[Any, Any]:
    """Eigenvalues of a pencil, written so that neither loses digits by cancellation."""
    first, second = pencil.ee / pencil.degree_easy, pencil.dd / pencil.degree_difficult
    product = pencil.degree_easy * pencil.degree_difficult
    root = sp.sqrt((first - second) ** 2 + 4 * pencil.ed_squared / product)
    upper = (first + second + root) / 2
    return upper, pencil.det / product / upper


def _bulk(pairing: str) -> list[tuple[Any, ...]]:
    degrees = dict(zip(("easy", "difficult"), _DEGREES[pairing], strict=True))
    return [
        (each.name, "bulk", each.numerator / degrees[each.kind], each.multiplicity, each.kind)
        for each in bulk(pairing)
    ]


def _mode(prefix: str, name: str, sector: str, value: Any, mult: Any, present: str) -> ModeFormula:
    label = f"{prefix}/{name}"
    return ModeFormula(
        name,
        sector,
        _formula(label, value, "ours"),
        _formula(f"{label}/multiplicity", mult, "ours"),
        present,
    )


# --- Remedies: entries by kind of pair (ours; Appendix values of Theorems 4.3 and 4.5) ------------


@dataclass(frozen=True)
class PairKind:
    """A kind of pair of nodes: the relation, the ends, A's weight and the clean graph's.

    ``count`` is the number of ordered pairs (x, x') of this kind.
    """

    relation: str
    ends: tuple[str, str]
    weight: Any
    clean: Any
    count: Any

    @property
    def name(self) -> str:
        return f"{self.relation}, {self.ends[0]}-{self.ends[1]}"


@cache
def pair_kinds(pairing: str) -> tuple[PairKind, ...]:
    """All kinds of ordered pairs; their counts sum to N². The first of ``ends`` is x's kind."""
    check_choice("pairing", pairing, PAIRINGS)
    easy, difficult = "easy", "difficult"
    ee, ed, dd = (easy, easy), (easy, difficult), (difficult, difficult)
    one = sp.Integer(1)
    n_easy, classes = n - n_d, r + 1
    found = [
        PairKind("self", ee, one, one, classes * n_easy),
        PairKind("self", dd, one, one, classes * n_d),
        PairKind("same class", ee, alpha, alpha, classes * n_easy * (n_easy - 1)),
        PairKind("same class", ed, alpha, alpha, 2 * classes * n_easy * n_d),
        PairKind("same class", dd, alpha, alpha, classes * n_d * (n_d - 1)),
        PairKind("cross class", ee, beta, beta, classes * r * n_easy**2),
    ]
    mixed = gamma if pairing == "either" else beta
    found.append(PairKind("cross class", ed, mixed, beta, 2 * classes * r * n_easy * n_d))
    if pairing == "matched":
        found += [
            PairKind("cross class, matched", dd, gamma, beta, classes * r * n_d),
            PairKind("cross class, unmatched", dd, beta, beta, classes * r * n_d * (n_d - 1)),
        ]
    else:
        found.append(PairKind("cross class", dd, gamma, beta, classes * r * n_d**2))
    return tuple(found)


def total_weight(pairing: str) -> Formula:
    """W = Σ_xx' w_xx', the sum of all degrees."""
    easy, difficult = _DEGREES[pairing]
    return _formula(f"{pairing}/W", (r + 1) * (n_e * easy + n_d * difficult), "Section 3.1")


def margin_entry(pairing: str, kind: PairKind, *, normalized: bool = False) -> Formula:
    """m_xx' of the full margin matrix: D^(1/2) M D^(1/2) = Ā − (clean Ā) entry by entry.

    With ``normalized`` the weights sum to 1, as a sampled loss sees them, and the margin is W
    times as large. On difficult cross-class pairs of ``both`` it is Eq. 7.
    """
    product, root = _degree_product(pairing, kind)
    entry = kind.weight / product - kind.clean / (C2.expr * root)
    scale = total_weight(pairing).expr if normalized else 1
    label = "sum-1 weights" if normalized else "raw weights"
    return _formula(f"{pairing}/margin/{kind.name} ({label})", scale * entry, "Theorem 4.3")


def temperature_entry(pairing: str, kind: PairKind) -> Formula:
    """T_xx' of the full temperature matrix: T ⊙ Ā = clean Ā (needs β > 0 where γ stood)."""
    _, root = _degree_product(pairing, kind)
    entry = root / C2.expr * (kind.clean / kind.weight)
    return _formula(f"{pairing}/temperature/{kind.name}", entry, "Theorem 4.5")


def _degree_product(pairing: str, kind: PairKind) -> tuple[Any, Any]:
    """d_x d_x' and its square root."""
    first, second = (degree(pairing, end).expr for end in kind.ends)
    product = first * second
    return product, first if kind.ends[0] == kind.ends[1] else sp.sqrt(product)


@cache
def catalogue() -> tuple[Formula, ...]:
    """Every formula of this module, for tables and documentation."""
    found = list(PRINTED)
    for pairing in PAIRINGS:
        found += [degree(pairing, "easy"), degree(pairing, "difficult"), total_weight(pairing)]
        for mode in modes(pairing):
            found += [mode.value, mode.multiplicity]
        for kind in pair_kinds(pairing):
            found += [
                margin_entry(pairing, kind),
                margin_entry(pairing, kind, normalized=True),
                temperature_entry(pairing, kind),
            ]
    return tuple(found)
