"""Counterexamples and examples of the verdicts, checked without the package's own formulas."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from dctheory import SimilarityGraph
from dctheory.claims.registry import all_claims
from dctheory.proof.verdict import Outcome

REFUTED = [
    *(("thm-3.4/equal", pairing) for pairing in ("both", "matched", "either")),
    *(("cor-4.1-condition/exact", pairing) for pairing in ("both", "matched", "either")),
    pytest.param("thm-4.5-condition", None, marks=pytest.mark.slow),
]
CONDITIONAL = [
    ("thm-3.3", None),
    *(("thm-3.4/harm", pairing) for pairing in ("both", "matched", "either")),
    ("disc-a", None),
    ("cor-4.1", None),
    ("thm-4.5/match", "matched"),
    ("thm-4.5/match", "either"),
]


def exact_point(witness) -> dict:
    names = ("r", "n", "n_d", "k", "alpha", "beta", "gamma")
    return {name: Fraction(witness[name]) for name in names if name in witness} | {
        name: witness[name] for name in ("r", "n", "n_d", "k") if name in witness
    }


def is_admissible(point: dict) -> bool:
    return (
        point["r"] >= 1
        and point["n"] >= 2
        and 1 <= point["n_d"] <= point["n"]
        and 0 <= point["beta"] < point["gamma"] < point["alpha"] < 1
        and 1 <= point.get("k", 1) < point["n"] * (point["r"] + 1)
    )


@pytest.mark.parametrize(("claim", "pairing"), REFUTED)
def test_the_claim_fails_at_the_counterexample(brute, verdict_of, claim, pairing):
    verdict = verdict_of(claim, pairing)
    assert verdict.outcome is Outcome.REFUTED
    point = exact_point(verdict.witness)
    assert is_admissible(point)
    if claim != "thm-4.5-condition":
        assert point["r"] + 1 <= point["k"] < point["n_d"] + point["r"] + 1
    assert brute.claims[claim](point, pairing or "both") is False


@pytest.mark.parametrize(("claim", "pairing"), CONDITIONAL)
def test_the_claim_holds_at_one_point_and_fails_at_the_other(brute, verdict_of, claim, pairing):
    verdict = verdict_of(claim, pairing)
    assert verdict.outcome is Outcome.CONDITIONAL
    for name, expected in (("holds", True), ("fails", False)):
        point = exact_point(verdict.witness[name])
        assert is_admissible(point)
        assert brute.claims[claim](point, pairing or "both") is expected


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
def test_violation_is_true_less_printed(brute, verdict_of, pairing):
    witness = verdict_of("thm-3.4/equal", pairing).witness
    point = exact_point(witness)
    printed = Fraction(witness["printed"])
    assert printed == brute.printed(point).harmed
    true = brute.float_eigenvalues(point, pairing)[point["k"]]
    assert float(Fraction(witness["true"])) == pytest.approx(true, rel=1e-11)
    assert float(witness["violation"]) == pytest.approx(true - float(printed), rel=1e-5)


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
def test_harm_compares_the_graph_with_itself_at_equal_similarities(brute, verdict_of, pairing):
    for side in verdict_of("thm-3.4/harm", pairing).witness.values():
        point = exact_point(side)
        with_difficult = brute.float_eigenvalues(point, pairing)[point["k"]]
        without = brute.float_eigenvalues(brute.clean(point), pairing)[point["k"]]
        assert float(Fraction(side["with"])) == pytest.approx(with_difficult, abs=1e-12)
        assert float(Fraction(side["without"])) == pytest.approx(without, abs=1e-12)
        assert float(side["difference"]) == pytest.approx(with_difficult - without, abs=1e-6)


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
def test_growth_fails_between_the_two_values_of_gamma(brute, verdict_of, pairing):
    witness = verdict_of("disc-b/exact", pairing).witness
    small = exact_point(witness)
    large = {**small, "gamma": Fraction(witness["larger gamma"])}
    assert is_admissible(small)
    assert is_admissible(large)
    assert small["gamma"] < large["gamma"]
    assert small["r"] + 1 <= small["k"] < small["n_d"] + small["r"] + 1
    between, k = Fraction(witness["between"]), small["k"]
    assert brute.compare_eigenvalue(brute.spectrum(small, pairing), k, ">=", between)
    assert brute.compare_eigenvalue(brute.spectrum(large, pairing), k, "<=", between)


def test_growth_of_both_is_where_its_note_says(brute):
    rng = np.random.default_rng(8)
    seen = set()
    for _ in range(150):
        n = int(rng.integers(2, 7))
        point = {"r": int(rng.integers(1, 4)), "n": n, "n_d": int(rng.integers(1, n + 1))}
        beta, gamma, larger, alpha = np.sort(rng.random(4))
        point |= {"alpha": alpha, "beta": beta, "gamma": gamma}
        before = brute.float_eigenvalues(point, "both")
        after = brute.float_eigenvalues({**point, "gamma": larger}, "both")
        r = point["r"]
        for k in range(r + 1, min(point["n_d"] + r, n * (r + 1) - 1) + 1):
            grows = after[k] > before[k] + 1e-12
            # Of the modes above t, class+ has the sector of vectors that sum to 0 over classes.
            p = brute.printed(point)
            mu = float(p.without) + (n - point["n_d"]) * point["n_d"] * r * (alpha + r * beta) * (
                gamma - beta
            ) / float(p.c1 * p.c2)
            class_plus = _class_plus(brute, {**point, "gamma": larger})
            expected = point["n_d"] < n and k == r + 1 and mu < class_plus - 1e-12
            assert grows == expected, (point, larger, k)
            seen.add(grows)
    assert seen == {True, False}


def _class_plus(brute, point: dict) -> float:
    n = point["n"]
    weights = np.array([[float(w) for w in row] for row in brute.adjacency(point, "both")])
    block = weights[:n, :n] - weights[:n, n : 2 * n]
    degrees = weights.sum(axis=1)[:n]
    return float(np.linalg.eigvalsh(block / np.sqrt(np.outer(degrees, degrees)))[-1])


# --- The weighted objective of Theorem 4.5


def temperature_problem(brute, point: dict, pairing: str) -> tuple[np.ndarray, np.ndarray]:
    """(T, T ⊙ Ā) with the full temperature matrix, which makes T ⊙ Ā the clean Ā."""
    normalised = []
    for each in (point, brute.clean(point)):
        weights = np.array([[float(w) for w in row] for row in brute.adjacency(each, pairing)])
        scale = 1 / np.sqrt(weights.sum(axis=1))
        normalised.append(weights * np.outer(scale, scale))
    return normalised[1] / normalised[0], normalised[1]


def weighted_loss(features: np.ndarray, scaling: np.ndarray, target: np.ndarray) -> float:
    return float((((target - features @ features.T) / scaling) ** 2).sum())


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
def test_the_eigen_factor_is_not_a_minimiser(brute, verdict_of, pairing):
    verdict = verdict_of("thm-4.5/minimiser", pairing)
    assert verdict.outcome is Outcome.REFUTED
    point = exact_point(verdict.witness)
    assert is_admissible(point)
    scaling, target = temperature_problem(brute, point, pairing)
    values, vectors = np.linalg.eigh(target)
    factor = (vectors * np.sqrt(np.maximum(values, 0)))[:, -point["k"] :]
    # A step against the gradient −4 (T^(∘−2) ∘ R) F lowers the loss.
    direction = ((target - factor @ factor.T) / scaling**2) @ factor
    before = weighted_loss(factor, scaling, target)
    after = weighted_loss(factor + 1e-3 * direction, scaling, target)
    predicted = -4 * 1e-3 * (direction**2).sum()
    assert after - before == pytest.approx(predicted, rel=0.05)
    assert predicted < -1e-9
    product = direction @ factor.T
    largest = Fraction(verdict.witness["largest entry of (T^-2 * R) F F^T"])
    assert np.abs(product).max() == pytest.approx(abs(float(largest)), rel=1e-9)


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
def test_the_gradient_has_the_sign_that_its_note_gives(brute, pairing):
    # At an easy node a positive multiple of (n_d/n)(1/d_e − 1/d_d), for n_d < n.
    rng = np.random.default_rng(2)
    for _ in range(12):
        n = int(rng.integers(2, 6))
        point = {"r": int(rng.integers(1, 4)), "n": n, "n_d": int(rng.integers(1, n))}
        beta, gamma, alpha = np.sort(rng.uniform(0.05, 0.95, 3))
        point |= {"alpha": alpha, "beta": beta, "gamma": gamma}
        scaling, target = temperature_problem(brute, point, pairing)
        values, vectors = np.linalg.eigh(target)
        factor = (vectors * np.sqrt(np.maximum(values, 0)))[:, -(point["r"] + 1) :]
        gradient = ((target - factor @ factor.T) / scaling**2) @ factor @ factor.T
        assert gradient[n - 1, n - 1] > 1e-12


def test_the_bound_on_e_t_is_broken_by_one_sign(brute, verdict_of):
    verdict = verdict_of("thm-4.5/bound", "matched")
    assert verdict.outcome is Outcome.REFUTED
    witness = verdict.witness
    point = exact_point(witness)
    assert is_admissible(point)
    assert (point["r"], point["n"], point["n_d"], point["k"]) == (1, 2, 1, 1)
    alpha, beta, gamma = (point[name] for name in ("alpha", "beta", "gamma"))
    # Nodes: difficult, easy of one class, then of the other. Natural images that give the graph:
    # all nodes alike (β), the γ-pair (γ−β), and what is left of each class, which must be psd.
    rest = np.array([[1 - gamma, alpha - beta], [alpha - beta, 1 - beta]])
    assert rest[0, 0] * rest[1, 1] >= rest[0, 1] ** 2
    weights = brute.adjacency(point, "matched")
    total = sum(map(sum, weights))
    assert total == beta * 16 + (gamma - beta) * 4 + 2 * rest.sum()
    # Half of the first two kinds of image bear the other label.
    delta = (16 * beta + 4 * (gamma - beta)) / total / 2
    assert delta == Fraction(witness["delta"])
    p = brute.printed(point)
    bound = 4 * p.factor * delta / (1 - p.without) + 8 * delta
    assert bound == Fraction(witness["printed bound"])
    assert bound < Fraction(witness["error"]) == Fraction(1, 2)
    # The minimiser with one feature has one sign.
    scaling, target = temperature_problem(brute, point, "matched")
    rng = np.random.default_rng(0)
    losses = {}
    for start in range(5):
        feature = rng.standard_normal((4, 1)) * 0.5
        for _ in range(4000):
            feature += 0.05 * ((target - feature @ feature.T) / scaling**2) @ feature
        losses[start] = (weighted_loss(feature, scaling, target), feature[:, 0])
    _, best = min(losses.values(), key=lambda pair: pair[0])
    assert (best > 1e-3).all() or (best < -1e-3).all()


# --- Limits


@pytest.mark.parametrize(
    ("pairing", "beta", "limit"),
    [
        ("both", "0", 1.0),
        ("matched", "1/4", None),
        ("both", "1/4", np.inf),
        ("either", "1/4", np.inf),
    ],
)
def test_negligible_as_n_grows(brute, verdict_of, pairing, beta, limit):
    if limit is None:
        limit = float(Fraction(verdict_of("thm-4.3/negligible", "matched").witness["limit"]))
    ratios = []
    for n in (16, 32, 64):
        point = {"r": 1, "n": n, "n_d": n // 2, "alpha": 0.75, "gamma": 0.5}
        point["beta"] = float(Fraction(beta))
        weights = np.array(brute.adjacency(point, pairing), dtype=float)
        p = brute.printed(point)
        cross = np.not_equal.outer(np.arange(2 * n) // n, np.arange(2 * n) // n)
        hard = np.outer(np.arange(2 * n) % n < n // 2, np.arange(2 * n) % n < n // 2)
        margin = float(p.margin) * (cross & hard & (weights == 0.5))
        root = np.sqrt(weights.sum(axis=1))
        edited = weights / np.outer(root, root) - margin * np.outer(root, root)
        # The largest after the r + 1 leading ones.
        ratios.append(np.linalg.eigvalsh(edited)[-3] / float(p.without))
    if limit == np.inf:
        # Linear in n: the second step is twice as long.
        steps = np.diff(ratios)
        assert steps[0] > 0
        assert steps[1] / steps[0] == pytest.approx(2, rel=0.1)
    else:
        errors = [abs(ratio - limit) for ratio in ratios]
        assert errors[2] <= max(errors[0] / 3, 1e-9)


def test_rates_grow_where_they_are_said_to(brute):
    # n (λ_{k+1} − t) along n = m², n_d = m: grows at k = r + 1, vanishes or falls beyond.
    grown = {}
    for pairing, k in (("both", 2), ("either", 2), ("both", 3), ("either", 3), ("matched", 2)):
        scaled = []
        for m in (3, 7):
            point = {"r": 1, "n": m * m, "n_d": m, "alpha": 0.75, "beta": 0.25, "gamma": 0.5}
            value = brute.float_eigenvalues(point, pairing)[k]
            scaled.append(m * m * (value - float(brute.printed(point).without)))
        grown[pairing, k] = scaled
    for key in (("both", 2), ("either", 2)):
        assert grown[key][1] > 1.8 * grown[key][0] > 0, grown
    for key in (("both", 3), ("either", 3), ("matched", 2)):
        assert abs(grown[key][1]) < 1.8 * abs(grown[key][0]) + 1e-9, grown


# --- Table 10


def test_table_10_has_one_n():
    """The forward formula at n reaches every printed eigenvalue within the roundings."""
    columns = [
        ("47.2", "19.1", "1.80", "2.93"),
        ("44.0", "19.5", "2.60", "3.36"),
        ("41.2", "20.1", "3.00", "3.58"),
        ("38.7", "20.8", "3.30", "3.72"),
    ]

    def eigenvalue(n: int, alpha: Fraction, beta: Fraction, gap: Fraction) -> Fraction:
        top = 1 - alpha + 9 * gap
        return top / (1 - alpha + n * alpha + 9 * n * beta + 9 * Fraction(8, 100) * n * gap)

    def explains(n: int) -> bool:
        for column in columns:
            alpha, beta, gap, value = (Fraction(text) for text in column)
            corners = [
                eigenvalue(
                    n,
                    (alpha + i * Fraction(1, 20)) / 100,
                    (beta + j * Fraction(1, 20)) / 100,
                    (gap + m * Fraction(1, 200)) / 100,
                )
                for i in (-1, 1)
                for j in (-1, 1)
                for m in (-1, 1)
            ]
            low, high = (10**5 * each for each in (min(corners), max(corners)))
            if high < value - Fraction(1, 200) or low > value + Fraction(1, 200):
                return False
        return True

    witness = all_claims()["table-10"].check(None).witness
    assert witness["n"] == 10675
    assert explains(witness["n"])
    assert witness["n"] * 8 % 100 == 0
    low, high = float(witness["n from"]), float(witness["n to"])
    assert explains(int(low) + 1)
    assert explains(int(high))
    assert not explains(int(low) - 1)
    assert not explains(int(high) + 2)


def test_table_10_is_positive_semidefinite_for_matched_pairs_alone():
    similarities = {"alpha": Fraction("0.472"), "beta": Fraction("0.191")}
    similarities["gamma"] = Fraction("0.209")
    sizes = {"classes": 10, "per_class": 10675, "difficult": 854}
    realizable = {
        pairing: SimilarityGraph(**sizes, **similarities, pairing=pairing).is_psd()
        for pairing in ("both", "matched", "either")
    }
    assert realizable == {"both": False, "matched": True, "either": False}
