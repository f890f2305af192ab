"""Theorem 3.4: the error bound with n_d difficult examples per class, taken apart.

Write t = (1−α)/c2 for the clean graph's λ_{k+1}. The corrected theorem says which modes lie above
t, so that every λ_{k+1} of the theorem's range can be read off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dctheory import formulas as f
from dctheory.claims._base import AlgebraicClaim
from dctheory.claims._model import (
    THM_3_4_RANGE,
    Model,
    above,
    eigenvalue_is,
    graph_model,
)
from dctheory.claims._sides import against_formula, against_graph
from dctheory.proof.logic import (
    All,
    Count,
    Not,
    Statement,
    compare,
    homogeneous,
    iff,
    implies,
)

PRINTED = homogeneous(f.THM_3_4.expr)
CLEAN = homogeneous(f.THM_3_3.expr)
WHERE = "Theorem 3.4"

# Polynomials that the exact conditions share: L is the printed eigenvalue, and class+ ≥ class−
# are the class pencil's eigenvalues. X, Y are the pencil's diagonal less L times the degrees.
_BOTH_X = "c1*(1 - alpha + (n - n_d)*(alpha - beta)) - (1 - alpha + r*(gamma - beta))*c2"
_BOTH_Y = "n_d*(alpha - gamma) - r*(gamma - beta)"
_BOTH_Z = "(n - n_d)*n_d*(alpha - beta)**2*c1"
_BOTH_TOP_BELOW = f"({_BOTH_X} <= 0 and {_BOTH_Y} <= 0 and ({_BOTH_X})*({_BOTH_Y}) >= {_BOTH_Z})"
_BOTH_LOW_ABOVE = f"({_BOTH_X} > 0 and ({_BOTH_X})*({_BOTH_Y}) > {_BOTH_Z})"
VALID_BOTH = (
    "n_d == n"
    f" or (k <= r + 1 and ((n_d - 1)*c2 <= n_d**2*(alpha + r*beta) or {_BOTH_TOP_BELOW}))"
    " or (k >= r + 2 and (c2 >= n_d*(1 - alpha) or k >= (r + 1)*(n - n_d) + 1 + r"
    f" or (k >= (r + 1)*(n - n_d) + 1 and not {_BOTH_LOW_ABOVE})))"
)
_EITHER_X = "((n - n_d)*(alpha - beta) - r*(gamma - beta))"
VALID_EITHER = (
    f"k > 2*r or {_EITHER_X} <= 0 or {_EITHER_X}*((n_d*(alpha - gamma) - r*(gamma - beta))*c1"
    " - (1 - alpha + r*(gamma - beta))*(n - n_d)*r*(gamma - beta))"
    " <= (n - n_d)*n_d*(alpha - gamma)**2*c1"
)
_M_DEGREE = "(c2 + r*(gamma - beta))"
_M_TOP = "(1 - alpha + r*(gamma - beta))"
_M_X = f"(c1*(1 - alpha + (n - n_d)*(alpha - beta)) - {_M_TOP}*c2)"
_M_Y = f"(c1*(1 - alpha + n_d*(alpha - beta) - (gamma - beta)) - {_M_TOP}*{_M_DEGREE})"
_M_CLASS_BELOW = (
    f"{_M_X} <= 0 and {_M_Y} <= 0 and {_M_X}*{_M_Y} >= (n - n_d)*n_d*(alpha - beta)**2*c1**2"
)
_M_SPURIOUS_BELOW = (
    f"(n_d*{_M_DEGREE} + (n - n_d)*c2)*(alpha + r*beta)*c1"
    f" >= (n*(alpha + r*beta) + (n_d - 1)*r*(gamma - beta))*c2*{_M_DEGREE}"
)
VALID_MATCHED = (
    "n_d <= 1"
    f" or (n_d < n and ((k >= n_d + r and {_M_SPURIOUS_BELOW})"
    f" or ({_M_CLASS_BELOW} and (k >= n_d + 1 or (k >= n_d and {_M_SPURIOUS_BELOW})))))"
    f" or (n_d == n and ((k >= n and {_M_Y} <= 0)"
    f" or (k >= n + r and (1 - alpha - (gamma - beta))*c1 <= {_M_TOP}*{_M_DEGREE})))"
)
HARM_CONDITIONS: dict[str | None, tuple[str, ...]] = {
    "both": ("n_d < n and k <= r + 1",),
    "matched": (
        "n_d < n or k <= n - 1 or (k <= n + r - 1 and"
        " (n*(alpha - beta) - (gamma - beta))*c2 > (1 - alpha)*r*(gamma - beta))",
    ),
    "either": (
        "k <= 2*r and (n - n_d)*(alpha - beta)*c2 > n_d*(1 - alpha)*r*(gamma - beta) and"
        " ((n - n_d)*(alpha - beta)*c2 - n_d*(1 - alpha)*r*(gamma - beta))"
        "*(n_d*(alpha - gamma)*c2 - n*(1 - alpha)*r*(gamma - beta))"
        " > (n - n_d)*n_d*(alpha - gamma)**2*c2**2",
    ),
}


def _against_printed(relation: str) -> Callable[[str | None, str], Statement]:
    def statement(pairing: str | None, case: str) -> Statement:
        return eigenvalue_is(graph_model(str(pairing), case), relation, *PRINTED)

    return statement


def harm(pairing: str | None, case: str) -> Statement:
    """λ_{k+1} > t."""
    return eigenvalue_is(graph_model(str(pairing), case), ">", *CLEAN)


def _valid_lemmas(pairing: str | None, case: str) -> tuple[tuple[str, Statement], ...]:
    """How the modes are ordered about the printed value L; shortens the main query."""
    if case == "full":
        return ()
    one, spurious, pencil, easy, *difficult = graph_model(str(pairing), case)

    def is_above(family: Any, index: int = 0) -> Statement:
        return above((family,), *PRINTED, strict=True)[index][0]

    general = (
        ("multiplicities", All((_at_least_zero(f.n_e), _at_least_zero(f.n_d)))),
        ("1 above L", is_above(one)),
    )
    if pairing == "either":
        rest = [(f.SPURIOUS, spurious), (f.EASY_BULK, easy), (f.DIFFICULT_BULK, difficult[0])]
        return (*general, *((f"{name} below L", Not(is_above(each))) for name, each in rest))
    lower_above_clean = above((pencil,), *CLEAN, strict=True)[1][0]
    shared = (
        *general,
        ("class− below t = easy bulk", Not(lower_above_clean)),
        ("easy bulk below μ", implies(is_above(easy), is_above(spurious))),
        ("easy bulk below class+", implies(is_above(easy), is_above(pencil))),
        ("μ below L for n_d = 1", implies(compare(f.n_d, "<=", 1), Not(is_above(spurious)))),
    )
    if pairing == "both":
        return (*shared, ("difficult bulk below L", Not(is_above(difficult[0]))))
    return (
        *shared,
        ("matched bulk above L", implies(compare(f.n_d, ">=", 2), is_above(difficult[0]))),
        ("contrast bulk below easy bulk", implies(is_above(difficult[1]), is_above(easy))),
    )


def _valid_order(pairing: str | None, case: str) -> tuple[tuple[str, Statement], ...]:
    """Transitivity, which the solver cannot know of signs of polynomials."""
    if pairing == "either" or case == "full":
        return ()
    _, _, pencil, easy, *_ = graph_model(str(pairing), "mixed")
    low_printed, low_clean = (
        above((pencil,), *threshold, strict=True)[1][0] for threshold in (PRINTED, CLEAN)
    )
    easy_above = above((easy,), *PRINTED, strict=True)[0][0]
    step = implies(All((low_printed, Not(easy_above))), low_clean)
    return (("order: class− > L and L >= t imply class− > t", step),)


def _at_least_zero(size: Any) -> Statement:
    """Sizes times (size − 1) of the other kind of index are not negative."""
    return All((compare((f.r + 1) * (size - 1), ">=", 0), compare(f.r * (size - 1), ">=", 0)))


EQUAL = AlgebraicClaim(
    id="thm-3.4/equal",
    where=WHERE,
    text="the printed eigenvalue [(1−α) + r(γ−β)]/c1 is the true λ_{k+1}",
    statement=_against_printed("=="),
    extra=THM_3_4_RANGE,
    sides=against_formula(f.THM_3_4),
    notes={
        "matched": (
            "the printed numerator is that of the matched bulk, but its degree is c2 + r(γ−β), "
            "not c1 = c2 + n_d r(γ−β)",
        ),
        **dict.fromkeys(("both", "either"), ("equal only by coincidence of the parameters",)),
    },
)
VALID = AlgebraicClaim(
    id="thm-3.4/valid",
    where=WHERE,
    text="the printed eigenvalue is never below the true λ_{k+1}, so that the printed bound is one",
    statement=_against_printed("<="),
    extra=THM_3_4_RANGE,
    conditions={"both": (VALID_BOTH,), "matched": (VALID_MATCHED,), "either": (VALID_EITHER,)},
    lemmas=_valid_lemmas,
    order=_valid_order,
    sides=against_formula(f.THM_3_4),
    notes={
        "both": (
            "for 2 ≤ n_d < n it fails at k = r + 1 when (n_d−1)c2 > n_d²(α+rβ) and class+ is above "
            "the printed value: for every n large enough, λ_{k+1} exceeding it by a factor that "
            "does not tend to 1 at fixed n_d, and by an amount that does not vanish at fixed n_d/n",
        ),
        "matched": (
            "for n_d ≥ 2 the matched bulk [(1−α)+r(γ−β)]/(c2+r(γ−β)), n_d − 1 times, lies "
            "above the printed value; n_d = 1 is the reading `both`, where it holds",
        ),
    },
)
HARM = AlgebraicClaim(
    id="thm-3.4/harm",
    where=WHERE,
    text="the true λ_{k+1} is strictly above that of the same graph with γ = β",
    statement=harm,
    extra=THM_3_4_RANGE,
    conditions=HARM_CONDITIONS,
    sides=against_graph,
    notes={
        "both": ("difficult examples cost one dimension: only λ_{r+2} is raised",),
        "either": ("for k > 2r the difficult examples do not raise λ_{k+1}, but lower it",),
    },
)


# --- The corrected theorem ------------------------------------------------------------------------


def _modes(pairing: str, case: str) -> dict[str, Any]:
    families = list(graph_model(pairing, case))
    names = [f.TRIVIAL, f.CLASS] if case == "full" else [f.TRIVIAL, f.SPURIOUS, f.CLASS]
    names += [b.name for b in f.bulk(pairing) if case == "mixed" or b.kind == "difficult"]
    return dict(zip(names, families, strict=True))


def _above_clean(model: Model, strict: bool = True) -> tuple[tuple[Statement, Any], ...]:
    return above(model, *CLEAN, strict=strict)


def _number_above(model: Model, number: Any, strict: bool = True) -> Statement:
    return Count(_above_clean(model, strict), "==", number)


def _all_above(family: Any) -> Statement:
    return All(tuple(condition for condition, _ in above((family,), *CLEAN, strict=True)))


def _corrected_both(case: str) -> Statement:
    model = graph_model("both", case)
    if case == "full":
        # All nodes alike: the clean graph of similarity γ, whose bulk (1−α)/c1 is below t.
        return eigenvalue_is(model, "==", f.u, f.block("both", "trivial").degree_difficult)
    modes = _modes("both", case)
    spurious = modes[f.SPURIOUS]
    clean_top, clean_bottom = CLEAN
    block = f.block("both", "trivial")
    # μ − t in closed form, and which r + 2 eigenvalues lie above t: 1, μ and class+ (r times).
    raised = f.n_e * f.n_d * (f.beta + f.g + f.h + f.r * f.beta) * f.r * f.g
    gap = compare(
        (spurious.numerator * clean_bottom - clean_top * spurious.denominator)
        * block.degree_easy
        * block.degree_difficult,
        "==",
        raised * spurious.denominator * clean_bottom,
    )
    others = implies(compare(f.k, ">=", f.r + 2), eigenvalue_is(model, "<=", *CLEAN))
    reached = implies(
        All(
            (
                compare(f.k, ">=", f.r + 2),
                compare(f.k, "<=", f.r + 1 + (f.r + 1) * (f.n_e - 1)),
            )
        ),
        eigenvalue_is(model, "==", *CLEAN),
    )
    one_class = Count(above((modes[f.CLASS],), *CLEAN, strict=True), "==", f.r)
    return All(
        (_number_above(model, f.r + 2), _all_above(spurious), one_class, gap, others, reached)
    )


def _corrected_matched(case: str) -> Statement:
    model, modes = graph_model("matched", case), _modes("matched", case)
    bulk = modes[f.MATCHED_BULK]
    if case == "full":
        return _corrected_matched_full(model, modes)
    # Above t: 1, class+ (r), matched bulk (n_d − 1) and μ below it: n_d + r + 1 in all.
    spurious = modes[f.SPURIOUS]
    order = compare(
        bulk.numerator * spurious.denominator, ">", spurious.numerator * bulk.denominator
    )
    a, (top, bottom) = f.beta + f.g + f.h + f.r * f.beta, CLEAN
    degree = f.block("matched", "trivial").degree_difficult
    # ρ − t = n a r g/(c2 d) and μ − t = n_e a r g/(c2 d), d = c2 + r g.
    gaps = [
        compare(
            (family.numerator * bottom - top * family.denominator) * bottom * degree,
            "==",
            size * a * f.r * f.g * family.denominator * bottom,
        )
        for family, size in ((bulk, f.n_e + f.n_d), (spurious, f.n_e))
    ]
    one_class = Count(above((modes[f.CLASS],), *CLEAN, strict=True), "==", f.r)
    return All(
        (
            _number_above(model, f.n_d + f.r + 1),
            *(_all_above(bulk), _all_above(spurious), one_class, order, *gaps),
        )
    )


def _corrected_matched_full(model: Model, modes: dict[str, Any]) -> Statement:
    """n_d = n: 1, κ (r times), ρ (n − 1 times), then the contrast bulk, κ the class mode."""
    kappa, bulk, contrast = (modes[name] for name in (f.CLASS, f.MATCHED_BULK, f.MATCHED_CONTRAST))

    def is_value(family: Any) -> Statement:
        return eigenvalue_is(model, "==", family.numerator, family.denominator)

    # Both have the degree c2 + r g.
    classes_first = compare(kappa.numerator, ">=", bulk.numerator)
    before_last = compare(f.k, "<=", f.n_d + f.r - 1)
    early = compare(f.k, "<=", f.n_d - 1)
    late = All((compare(f.k, ">=", f.n_d), before_last))
    return All(
        (
            implies(All((classes_first, before_last)), is_value(bulk)),
            implies(All((Not(classes_first), early)), is_value(bulk)),
            implies(All((Not(classes_first), late)), is_value(kappa)),
            implies(compare(f.k, "==", f.n_d + f.r), is_value(contrast)),
            _all_above(bulk),
        )
    )


def _corrected_either(case: str) -> Statement:
    model = graph_model("either", case)
    block = f.block("either", "trivial")
    easy, difficult = block.degree_easy, block.degree_difficult
    if case == "full":
        return eigenvalue_is(model, "==", f.u, difficult)
    # Above the easy bulk (1−α)/c1: 1, class+ and, under this condition, class−; nothing else.
    low_above = compare(f.n_d * f.h * easy, ">", f.n_e * f.r * (f.g + f.h) * f.u)
    modes = _modes("either", case)
    sides = above((modes[f.CLASS],), f.u, easy, strict=True)
    class_order = All((sides[0][0], iff(sides[1][0], low_above)))
    others = above((modes[f.SPURIOUS], modes[f.DIFFICULT_BULK]), f.u, easy, strict=True)
    terms = above(model, f.u, easy, strict=True)
    counts = All(
        (
            implies(low_above, Count(terms, "==", 2 * f.r + 1)),
            implies(Not(low_above), Count(terms, "==", f.r + 1)),
            *(Not(side) for side, _ in others),
        )
    )
    low_k = compare(f.k, "<=", 2 * f.r)
    enough = compare(f.k, "<=", f.r + (f.r + 1) * (f.n_e - 1))
    not_above = implies(Not(All((low_k, low_above))), eigenvalue_is(model, "<=", f.u, easy))
    at_bulk = implies(
        All((Not(All((low_k, low_above))), enough)), eigenvalue_is(model, "==", f.u, easy)
    )
    return All((class_order, counts, not_above, at_bulk))


def _corrected(pairing: str | None, case: str) -> Statement:
    build = {
        "both": _corrected_both,
        "matched": _corrected_matched,
        "either": _corrected_either,
    }
    return build[str(pairing)](case)


CORRECTED = AlgebraicClaim(
    id="thm-3.4/corrected",
    where="ours, in place of Theorem 3.4",
    text="which eigenvalues lie above t = (1−α)/c2, hence what λ_{k+1} is for k = r+1 … n_d+r",
    statement=_corrected,
    extra=THM_3_4_RANGE,
    notes={
        "both": (
            "n_d < n: exactly 1, μ and class+ (r times) lie above t, so λ_{r+2} = min(μ, class+) "
            "with μ = t + n_e n_d r(α+rβ)(γ−β)/(c1 c2), and λ_{k+1} ≤ t for k ≥ r+2, equal to t "
            "up to k = r+1+(r+1)(n_e−1)",
            "n_d = n: λ_{k+1} = (1−α)/c1 < t",
        ),
        "matched": (
            "n_d < n: exactly 1, class+ (r times), ρ = [(1−α)+r(γ−β)]/(c2+r(γ−β)) (n_d − 1 times) "
            "and μ < ρ lie above t, n_d+r+1 in all: every λ_{k+1} of the range is raised, to ρ for "
            "k < n_d+r and to μ at k = n_d+r while class+ ≥ ρ; with d = c2 + r(γ−β), "
            "ρ − t = n r(α+rβ)(γ−β)/(c2 d) and μ − t = n_e r(α+rβ)(γ−β)/(c2 d)",
            "n_d = n, κ = [(1−α)+n(α−β)−(γ−β)]/d: λ_{k+1} = ρ > t for k < n+r if κ ≥ ρ; else ρ for "
            "k < n and κ for n ≤ k < n+r; at k = n+r it is [(1−α)−(γ−β)]/d < t",
        ),
        "either": (
            "n_d < n: λ_{k+1} = class− for r < k ≤ 2r if n_d(α−γ)c1 > n_e r(α−β)(1−α); else, and "
            "for k > 2r, λ_{k+1} ≤ (1−α)/c1 < t, equal up to k = r+(r+1)(n_e−1)",
            "n_d = n: λ_{k+1} = (1−α)/(c2 + n r(γ−β)) < t",
        ),
    },
)

CLAIMS = (EQUAL, VALID, HARM, CORRECTED)
