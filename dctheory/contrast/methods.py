"""Each method's map from cosine to logit, its slope, and how hard it pushes a pair apart.

Symbols: s the pair's cosine, τ the temperature, σ, ρ, p the paper's Section 3, β and τ⁺ Robinson et
al. 2021's. For methods that reweight: w the pair's weight, w ∝ e^(βs/τ) with mean 1 over the row's
negatives, and ē = Σ_j w_j e^(s_j/τ)/M the weighted mean of e^(s/τ) over them.

The *push* is ∂G/∂s of the row's sum G, relative to InfoNCE's at the same cosine: 1 is InfoNCE, 0
leaves the pair alone, below 0 pulls it together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from dctheory._formula import Formula

if TYPE_CHECKING:
    from dctheory._table import Table


@dataclass(frozen=True)
class LogitMap:
    """One method on one negative pair.

    Attributes:
        method: the name that ``PairMap.method`` has.
        logit: ℓ(s), the logit of a selected pair; of a reweighted one ℓ = s/τ + log(w/(1 − τ⁺)).
        slope: dℓ/ds with w held fixed.
        push: ∂G/∂s over InfoNCE's e^(s/τ)/τ, w differentiated too.
        note: what the push does to the pairs with the largest cosine.
    """

    method: str
    logit: Formula
    slope: Formula
    push: Formula
    note: str


@cache
def logit_maps() -> tuple[LogitMap, ...]:
    """The maps of all methods; remedies on selected pairs (on the others they are InfoNCE's).

    The positive counts in the denominator of all but "dcl". The debiased and the HCL push hold
    where G is above its floor.
    """
    import sympy as sp

    s, sigma = sp.symbols("s sigma", real=True)
    tau, rho, weight, mean = sp.symbols("tau rho w ebar", positive=True)
    beta, prior = sp.symbols("beta tau_plus", nonnegative=True)
    plain = s / tau
    reweighted = plain + sp.log(weight / (1 - prior))
    hard = weight * (1 + beta * (1 - mean * sp.exp(-plain))) / (1 - prior)
    rows: list[tuple[str, Any, Any, str, str]] = [
        ("baseline", plain, None, "Chen et al. 2020", "pushes in proportion to e^(s/τ)"),
        ("removal", -sp.oo, sp.Integer(0), "Section 3", "none: a selected pair is left alone"),
        ("margin", (s + sigma) / tau, None, "Section 3", "σ > 0: harder, by one factor for all"),
        (
            *("temperature", s / (rho * tau), None, "Section 3"),
            "ρ < 1: harder, the more so the larger s, above s = −τρ log(1/ρ)/(1 − ρ)",
        ),
        ("combined", (s + sigma) / (rho * tau), None, "Section 3", "both of these"),
        (
            *("debiased", reweighted.subs(weight, 1), 1 / (1 - prior), "Chuang et al. 2020"),
            "harder by one factor for all pairs, less τ⁺ e^(s₊/τ) that holds no pair",
        ),
        (
            *("hcl", reweighted, hard, "Robinson et al. 2021"),
            "the harder the larger s, without an upper limit: same-class pairs too",
        ),
        ("dcl", plain, None, "Yeh et al. 2022", "as InfoNCE, also where s₊ is large"),
    ]
    return tuple(_map(s, plain, *row) for row in rows)


def logit_map_table() -> Table:
    """:func:`logit_maps` as a table."""
    from dctheory._table import Table

    rows = [
        (each.method, *(str(f.expr) for f in (each.logit, each.slope, each.push)), each.note)
        for each in logit_maps()
    ]
    return Table(
        ("method", "logit ℓ(s)", "slope dℓ/ds", "push, relative to InfoNCE", "hard pairs"),
        rows,
        "Negative pairs: from cosine to logit",
        (
            "w ∝ e^(βs/τ) with mean 1 over the row's negatives; ebar is the mean of w e^(s/τ)",
            "push: ∂G/∂s of the row's sum G over e^(s/τ)/τ; 1 is InfoNCE, below 0 attracts",
        ),
    )


def _map(
    s: Any, plain: Any, method: str, logit: Any, push: Any, source: str, note: str
) -> LogitMap:
    import sympy as sp

    slope = sp.Integer(0) if logit == -sp.oo else sp.diff(logit, s)
    if push is None:
        push = sp.simplify(sp.exp(logit - plain) * slope / sp.diff(plain, s))
    parts = {"logit": logit, "slope": slope, "push": push}
    formulas = {
        name: Formula(f"{method}/{name}", expr, source, _symbols(expr))
        for name, expr in parts.items()
    }
    return LogitMap(method, **formulas, note=note)


def _symbols(expr: Any) -> tuple[Any, ...]:
    return tuple(sorted(expr.free_symbols, key=str))
