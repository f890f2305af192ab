"""False neighbours of the claims that are no polynomial statements."""

from __future__ import annotations

import functools
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from dctheory import formulas as f
from dctheory.claims import (
    _growth,
    _negligible,
    _rates,
    _temperature,
    relaxation,
    spectral_loss,
    table_10,
    thm_4_3,
    thm_4_5,
)
from dctheory.claims._base import AlgebraicClaim
from dctheory.claims._identity import IdentityClaim
from dctheory.claims._model import Family
from dctheory.claims.registry import all_claims
from dctheory.proof.verdict import Outcome

PAIRINGS = ("both", "matched", "either")

# --- Identities

s, m, tau = spectral_loss.similarity, spectral_loss.margin, spectral_loss.tau
joint, ROOT = spectral_loss.joint, spectral_loss.ROOT
NORMALIZED, FACTOR = spectral_loss.NORMALIZED, spectral_loss.FACTOR


def up_to_constant(loss: Any, square: Any) -> dict[str, tuple[Any, Any]]:
    return {"pair": (loss, square + (loss - square).subs(s, 0))}


LOSSES = [
    ("eq-2", "factor 2 dropped", -joint * s + ROOT**2 * s**2, (NORMALIZED - FACTOR) ** 2),
    ("eq-2", "sign flipped", -2 * joint * s + ROOT**2 * s**2, (NORMALIZED + FACTOR) ** 2),
    ("eq-2", "no root", -2 * joint * s + ROOT**2 * s**2, (joint - FACTOR) ** 2),
    (
        *("thm-4.2", "margin not scaled"),
        -2 * joint * s + ROOT**2 * (s + m) ** 2,
        (NORMALIZED - m - FACTOR) ** 2,
    ),
    (
        *("thm-4.2", "sign of the margin"),
        -2 * joint * s + ROOT**2 * (s - m) ** 2,
        (NORMALIZED - ROOT * m - FACTOR) ** 2,
    ),
    (
        *("thm-4.4", "weights dropped"),
        -2 * joint * s / tau + ROOT**2 * (s / tau) ** 2,
        (tau * NORMALIZED - FACTOR) ** 2,
    ),
    (
        *("thm-4.4", "1/τ for τ"),
        -2 * joint * s / tau + ROOT**2 * (s / tau) ** 2,
        (NORMALIZED / tau - FACTOR) ** 2 / tau**2,
    ),
]


@pytest.mark.parametrize(
    ("claim", "name", "loss", "square"), LOSSES, ids=[f"{c}-{n}" for c, n, *_ in LOSSES]
)
def test_an_altered_loss_is_no_factorisation(claim, name, loss, square):
    mutant = replace(all_claims()[claim], identities=lambda _: up_to_constant(loss, square))
    verdict = mutant.check(None)
    assert verdict.outcome is Outcome.REFUTED
    assert sp.sympify(verdict.witness["difference"]) != 0


@pytest.mark.parametrize("claim", ["eq-2", "thm-4.2", "thm-4.4"])
def test_an_identity_at_every_small_integer_only_is_not_proved(claim):
    original = all_claims()[claim]

    def nearly(pairing: str | None) -> dict[str, tuple[Any, Any]]:
        ((name, (left, right)),) = original.identities(pairing).items()
        return {name: (left, right + sp.prod(s - i for i in range(40)))}

    verdict = replace(original, identities=nearly).check(None)
    assert verdict.outcome in (Outcome.UNDECIDED, Outcome.REFUTED)


def cross_difficult(pairing: str) -> f.PairKind:
    return next(
        kind
        for kind in f.pair_kinds(pairing)
        if "difficult-difficult" in kind.name and kind.weight == f.gamma
    )


MARGINS = {
    "constant dropped": lambda entry, kind: entry - 1 / f.C2.expr**2,
    "sign flipped": lambda entry, kind: -entry,
    "n - 1 for n": lambda entry, kind: entry * (f.n - 1) / f.n,
    "n ≤ 12": lambda entry, kind: entry * (1 + sp.prod(f.n - i for i in range(1, 13))),
}


@pytest.mark.parametrize("change", MARGINS.values(), ids=MARGINS)
@pytest.mark.parametrize(
    ("claim", "entry"),
    [("thm-4.3/equal", "margin_entry"), ("thm-4.5/match-all", "temperature_entry")],
)
def test_an_altered_entry_does_not_give_the_clean_matrix(monkeypatch, claim, entry, change):
    genuine = getattr(f, entry)
    kinds = {pairing: (cross_difficult(pairing),) for pairing in PAIRINGS}

    def altered(pairing: str, kind: f.PairKind, **options: Any) -> Any:
        formula = genuine(pairing, kind, **options)
        return replace(formula, expr=change(formula.expr, kind))

    monkeypatch.setattr(f, entry, altered)
    monkeypatch.setattr(f, "pair_kinds", kinds.__getitem__)
    assert all_claims()[claim].check("both").outcome in (Outcome.REFUTED, Outcome.UNDECIDED)


@pytest.mark.parametrize("claim", ["thm-4.3/equal", "thm-4.5/match-all"])
def test_the_identities_cover_every_kind_of_pair(claim):
    factory = {
        "thm-4.3/equal": thm_4_3.full_margins,
        "thm-4.5/match-all": thm_4_5.full_temperatures,
    }
    for pairing in PAIRINGS:
        names = factory[claim](pairing)
        for kind in f.pair_kinds(pairing):
            assert kind.name in names
            left, right = names[kind.name]
            point = {f.r: 2, f.n: 5, f.n_d: 2, f.alpha: 0.5, f.beta: 0.125, f.gamma: 0.25}
            assert float(sp.sympify(left).subs(point)) == pytest.approx(
                float(sp.sympify(right).subs(point)), rel=1e-12
            )


# --- thm-4.3/negligible


def check_negligible(monkeypatch, pairing: str, margin: Any) -> Any:
    monkeypatch.setattr(_negligible, "_MARGIN", margin)
    _negligible._matched_ratio.cache_clear()
    try:
        return all_claims()["thm-4.3/negligible"].check(pairing).outcome
    except ArithmeticError:
        return Outcome.UNDECIDED
    finally:
        _negligible._matched_ratio.cache_clear()


NEGLIGIBLE = [
    ("both", "no margin", lambda margin: 0 * margin),
    ("both", "half", lambda margin: margin / 2),
    ("both", "sign flipped", lambda margin: -margin),
    ("matched", "n times the margin", lambda margin: margin * (f.n_e + f.n_d)),
]


@pytest.mark.parametrize(
    ("pairing", "name", "change"), NEGLIGIBLE, ids=[f"{p}-{n}" for p, n, _ in NEGLIGIBLE]
)
def test_another_margin_has_other_limits(monkeypatch, pairing, name, change):
    outcome = check_negligible(monkeypatch, pairing, change(_negligible._MARGIN))
    assert outcome is Outcome.UNDECIDED


@pytest.mark.slow
def test_another_margin_has_other_limits_for_either(monkeypatch):
    margin = -_negligible._MARGIN * (f.n_e + f.n_d)
    assert check_negligible(monkeypatch, "either", margin) is Outcome.UNDECIDED


def test_the_query_without_beta_is_not_proved_for_another_count(monkeypatch):
    # One mode more than the graph has: the case β = 0 must not go through.
    genuine = _negligible.Family
    monkeypatch.setattr(
        _negligible, "Family", lambda top, bottom, count: genuine(2 * top, bottom, count)
    )
    monkeypatch.setattr(
        _negligible, "solve", functools.partial(_negligible.solve, timeout_seconds=1.0)
    )
    with pytest.raises(ArithmeticError, match="β = 0"):
        _negligible._without_beta()


# --- thm-4.5/minimiser and thm-4.5/bound


def test_at_equal_similarities_the_eigen_factor_does_minimise(monkeypatch):
    genuine = _temperature.rational_adjacency
    monkeypatch.setattr(
        *(_temperature, "rational_adjacency"),
        lambda point, pairing: genuine({**point, "gamma": point["beta"]}, pairing),
    )
    for pairing in PAIRINGS:
        verdict = all_claims()["thm-4.5/minimiser"].check(pairing)
        assert verdict.outcome is Outcome.UNDECIDED


def test_where_the_gradient_vanishes_nothing_is_refuted(monkeypatch):
    monkeypatch.setattr(_temperature, "weighted_gradient", lambda *_: [[Fraction(0)] * 2] * 2)
    verdict = all_claims()["thm-4.5/minimiser"].check("both")
    assert verdict.outcome is Outcome.UNDECIDED


@pytest.fixture
def one_instance(monkeypatch):
    """The search of an instance looks at its genuine answer alone."""
    monkeypatch.setattr(_temperature, "similarities", lambda q: [(1, 2, 36)] if q == 37 else [])


@pytest.mark.usefixtures("one_instance")
def test_a_weaker_bound_is_not_refuted(monkeypatch):
    claim = all_claims()["thm-4.5/bound"]
    assert claim.check("both").outcome is Outcome.REFUTED
    for weaker in (f.E_T.expr * sp.Rational(501, 500), f.E_T.expr + f.delta):
        with monkeypatch.context() as patch:
            patch.setattr(f, "E_T", replace(f.E_T, expr=weaker))
            assert claim.check("both").outcome is Outcome.UNDECIDED


@pytest.mark.usefixtures("one_instance")
def test_an_instance_with_more_labelling_error_refutes_nothing(monkeypatch):
    genuine = _temperature.labelling_error
    claim = all_claims()["thm-4.5/bound"]
    for altered in (lambda *a: genuine(*a) * 2, lambda *a: None):
        monkeypatch.setattr(_temperature, "labelling_error", altered)
        assert claim.check("matched").outcome is Outcome.UNDECIDED


def test_a_graph_without_natural_images_has_no_labelling_error():
    # γ close to α: what is left of a class is not positive semidefinite.
    point = {"r": 1, "n": 2, "n_d": 1, "alpha": Fraction(9, 10), "beta": Fraction(1, 10)}
    assert _temperature.labelling_error({**point, "gamma": Fraction(8, 10)}, "both") is None
    assert _temperature.labelling_error({**point, "gamma": Fraction(2, 10)}, "both") > 0


# --- disc-b/exact


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_growth_is_never_refuted_without_an_exact_witness(monkeypatch, pairing):
    monkeypatch.setattr(_growth, "_LIMITS", (6, 4))
    claim = all_claims()["disc-b/exact"]
    with monkeypatch.context() as patch:
        # A separating number that separates nothing.
        patch.setattr(_growth, "_separator", lambda point, pairing: Fraction(2))
        assert claim.check(pairing).outcome is Outcome.UNDECIDED
    with monkeypatch.context() as patch:
        # Another graph than the one of the claim: similarities that do not depend on γ fall.
        patch.setattr(_growth, "_violates", lambda point, pairing: False)
        assert claim.check(pairing).outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("turned", [True, False])
def test_growth_is_compared_in_the_right_direction(turned):
    # At k = 1 of `both`, the class mode falls as γ grows: never the other way round.
    point = {"r": 1, "n": 2, "n_d": 2, "k": 2, "alpha": Fraction(3, 4), "beta": Fraction(0)}
    low, high = Fraction(1, 4), Fraction(1, 2)
    point |= (
        {"gamma": high, "larger gamma": low} if turned else {"gamma": low, "larger gamma": high}
    )
    # (1−α)/c1 at the two values of γ: 1/9 and 1/11.
    assert _growth._violates({**point, "between": Fraction(1, 10)}, "both") is not turned
    assert not _growth._violates({**point, "between": Fraction(1, 8)}, "both")
    assert not _growth._violates({**point, "between": Fraction(1, 12)}, "both")


# --- thm-4.5-rates/exact

RATES = [
    ("both", "constant dropped", (f.u, (f.n_e + f.n_d) * (f.beta + f.g + f.h + f.r * f.beta))),
    ("matched", "twice as large", (2 * _rates._T[0], _rates._T[1])),
    ("either", "half as large", (_rates._T[0], 2 * _rates._T[1])),
]


@pytest.mark.parametrize(
    ("pairing", "name", "threshold"), RATES, ids=[f"{p}-{n}" for p, n, _ in RATES]
)
def test_rates_about_another_threshold_are_not_proved(monkeypatch, pairing, name, threshold):
    monkeypatch.setattr(_rates, "_T", threshold)
    monkeypatch.setattr(_rates, "solve", functools.partial(_rates.solve, timeout_seconds=1.0))
    assert all_claims()["thm-4.5-rates/exact"].check(pairing).outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_rates_of_another_graph_are_not_proved(monkeypatch, pairing):
    genuine = _rates.graph_model
    raised = Family(2 * f.u, f.u + (f.n_e + f.n_d) * f.h, f.n_e + f.n_d)
    monkeypatch.setattr(_rates, "graph_model", lambda *args: (*genuine(*args), raised))
    monkeypatch.setattr(_rates, "solve", functools.partial(_rates.solve, timeout_seconds=1.0))
    assert all_claims()["thm-4.5-rates/exact"].check(pairing).outcome is Outcome.UNDECIDED


# --- table-10


@pytest.mark.parametrize(
    ("index", "changes"),
    [
        (0, {"eigenvalue": Fraction(298, 10**7)}),
        (1, {"difference": Fraction(27, 1000)}),
        (2, {"alpha": Fraction(432, 1000)}),
        (3, {"beta": Fraction(205, 1000)}),
    ],
)
def test_a_changed_digit_leaves_no_n(index, changes):
    claim = all_claims()["table-10"]
    columns = list(claim.columns)
    columns[index] = replace(columns[index], **changes)
    verdict = replace(claim, columns=tuple(columns)).check(None)
    assert verdict.outcome is Outcome.REFUTED
    low = Fraction(verdict.witness["largest lower end"])
    assert low > Fraction(verdict.witness["smallest upper end"])


def test_another_formula_leaves_no_n(monkeypatch):
    def dropped(alpha: Any, beta: Any, gap: Any, eigenvalue: Any) -> Any:
        # γ − β left out of the numerator.
        return ((1 - alpha) / eigenvalue - (1 - alpha)) / (alpha + 9 * beta)

    monkeypatch.setattr(table_10, "samples_per_class", dropped)
    assert all_claims()["table-10"].check(None).outcome is Outcome.REFUTED


def test_finer_rounding_leaves_no_n(monkeypatch):
    # True for three columns and within the roundings only.
    monkeypatch.setattr(table_10.instances, "TABLE_10_SIMILARITY_ROUNDING", Fraction(0))
    monkeypatch.setattr(table_10.instances, "TABLE_10_DIFFERENCE_ROUNDING", Fraction(0))
    monkeypatch.setattr(table_10.instances, "TABLE_10_EIGENVALUE_ROUNDING", Fraction(1, 10**9))
    assert all_claims()["table-10"].check(None).outcome is Outcome.REFUTED


# --- relaxation


@pytest.fixture
def small_sample(monkeypatch):
    sizes = {**relaxation._GRAPH, "per_class": 40, "difficult": 15}
    monkeypatch.setattr(relaxation, "_GRAPH", sizes)
    monkeypatch.setattr(relaxation, "_SEEDS", (0,))


def figures(pairing: str) -> dict[str, dict[str, float]]:
    verdict = all_claims()["relaxation"].check(pairing)
    assert verdict.outcome is Outcome.EVIDENCE
    return {
        matrix: {key: float(values[key].rstrip("%")) for key in ("semicircle", "prediction")}
        for matrix, values in verdict.steps[0].content.items()
    }


@pytest.mark.usefixtures("small_sample")
def test_another_law_of_the_bulk_fits_worse(monkeypatch):
    genuine = figures("both")
    with monkeypatch.context() as patch:
        # Uniform quantiles, not those of a semicircle.
        patch.setattr(
            relaxation, "kepler_angle", lambda share: np.arccos(1 - 2 * np.asarray(share))
        )
        uniform = figures("both")
    assert uniform["raw"]["semicircle"] > genuine["raw"]["semicircle"] + 5
    assert uniform["raw"]["prediction"] == genuine["raw"]["prediction"]


@pytest.mark.usefixtures("small_sample")
def test_another_strength_of_the_noise_fits_worse(monkeypatch):
    genuine = figures("matched")
    sampled = relaxation.SimilarityGraph.noisy
    monkeypatch.setattr(
        *(relaxation.SimilarityGraph, "noisy"),
        lambda self, epsilon, rng: sampled(self, 1.5 * epsilon, rng),
    )
    wrong = figures("matched")
    for matrix in ("raw", "normalized"):
        assert wrong[matrix]["prediction"] > genuine[matrix]["prediction"] + 20


def test_every_other_claim_has_its_mutants_here():
    others = {c.id for c in all_claims().values() if not isinstance(c, AlgebraicClaim)}
    identities = {c.id for c in all_claims().values() if isinstance(c, IdentityClaim)}
    assert identities == {"eq-2", "thm-4.2", "thm-4.4", "thm-4.3/equal", "thm-4.5/match-all"}
    assert others - identities == {
        *("thm-4.3/negligible", "thm-4.5/minimiser", "thm-4.5/bound", "disc-b/exact"),
        *("thm-4.5-rates/exact", "table-10", "relaxation"),
    }
