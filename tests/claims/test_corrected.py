"""The sentences of thm-3.4/corrected, read off the eigenvalues of random graphs."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from dctheory.claims.registry import all_claims

# eigvalsh of matrices of norm 1 and at most 40 rows.
ERROR = 1e-12


def random_points(seed: int, *, full: bool, count: int = 60) -> list[dict]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        q = int(rng.choice([6, 10, 100]))
        beta, gamma, alpha = sorted(rng.choice(q, 3, replace=False).tolist())
        n = int(rng.integers(2, 9))
        found.append(
            {
                "r": int(rng.integers(1, 5)),
                "n": n,
                "n_d": n if full else int(rng.integers(1, n)),
                "alpha": Fraction(alpha, q),
                "beta": Fraction(0) if rng.random() < 0.25 else Fraction(beta, q),
                "gamma": Fraction(gamma, q),
            }
        )
    return found


MIXED, FULL = random_points(11, full=False), random_points(12, full=True, count=25)


def sector(brute, point: dict, pairing: str, cross: int) -> np.ndarray:
    """Eigenvalues, descending, on vectors that are x on one class and cross-class sums of x.

    ``cross`` is r for vectors equal on all classes, −1 for vectors that sum to 0 over them.
    """
    n = point["n"]
    weights = np.array([[float(w) for w in row] for row in brute.adjacency(point, pairing)])
    degrees = weights.sum(axis=1)[:n]
    block = weights[:n, :n] + cross * weights[:n, n : 2 * n]
    return np.linalg.eigvalsh(block / np.sqrt(np.outer(degrees, degrees)))[::-1]


def numbers(point: dict) -> tuple:
    r, n, n_d = point["r"], point["n"], point["n_d"]
    return r, n, n_d, n - n_d, *(float(point[name]) for name in ("alpha", "beta", "gamma"))


def in_range(point: dict) -> range:
    """Every k of Theorem 3.4: r + 1 ≤ k < n_d + r + 1 and k + 1 ≤ N."""
    r, n, n_d = point["r"], point["n"], point["n_d"]
    return range(r + 1, min(n_d + r, n * (r + 1) - 1) + 1)


def test_both_mixed(brute):
    for point in MIXED:
        r, _, n_d, n_e, alpha, beta, gamma = numbers(point)
        p, graph = brute.printed(point), brute.spectrum(point, "both")
        values = brute.float_eigenvalues(point, "both")
        # Exactly 1, μ and class+ (r times) lie above t.
        t = p.without
        assert graph.above(t) == r + 2
        raised = n_e * n_d * r * (alpha + r * beta) * (gamma - beta) / float(p.c1 * p.c2)
        mu, class_plus = float(t) + raised, sector(brute, point, "both", -1)[0]
        expected = sorted([1.0, mu, *[class_plus] * r], reverse=True)
        np.testing.assert_allclose(values[: r + 2], expected, atol=ERROR)
        # λ_{k+1} ≤ t from k = r + 2 on, equal to t up to k = r + 1 + (r + 1)(n_e − 1).
        assert graph.at_least(t) >= r + 2 + (r + 1) * (n_e - 1)


def test_both_full(brute):
    for point in FULL:
        p, graph = brute.printed(point), brute.spectrum(point, "both")
        value = (1 - point["alpha"]) / p.c1
        assert value < p.without
        for k in in_range(point):
            assert brute.compare_eigenvalue(graph, k, "==", value)


def test_matched_mixed(brute):
    raised_to_mu = 0
    for point in MIXED:
        r, n, n_d, n_e, *_ = numbers(point)
        p, graph = brute.printed(point), brute.spectrum(point, "matched")
        gap = r * (point["gamma"] - point["beta"])
        rho = (1 - point["alpha"] + gap) / (p.c2 + gap)
        assert rho > p.without
        assert graph.above(p.without) == n_d + r + 1
        assert graph.at_least(rho) - graph.above(rho) >= n_d - 1
        constant = sector(brute, point, "matched", r)
        class_plus = sector(brute, point, "matched", -1)[0]
        # Class-constant modes above t: 1, then n_d − 1 times ρ, then μ below it.
        above = constant[constant > float(p.without) + ERROR]
        assert len(above) == n_d + 1
        np.testing.assert_allclose(above[1:-1], float(rho), atol=ERROR)
        # ρ − t = n r(α+rβ)(γ−β)/(c2 d) and μ − t = n_e r(α+rβ)(γ−β)/(c2 d), d = c2 + r(γ−β).
        raised = (point["alpha"] + r * point["beta"]) * gap / (p.c2 * (p.c2 + gap))
        assert rho - p.without == n * raised
        assert above[-1] - float(p.without) == pytest.approx(float(n_e * raised), abs=ERROR)
        assert above[-1] < float(rho)
        assert np.sum(brute.float_eigenvalues(point, "matched") > class_plus - ERROR) >= r + 1
        if class_plus < float(rho) - ERROR:
            continue
        for k in in_range(point):
            if k < n_d + r:
                assert brute.compare_eigenvalue(graph, k, "==", rho)
            else:
                value = brute.float_eigenvalues(point, "matched")[k]
                assert value == pytest.approx(above[-1], abs=ERROR)
                raised_to_mu += 1
    assert raised_to_mu >= 10


def test_matched_full(brute):
    classes_first = {True: 0, False: 0}
    for point in FULL:
        r, n, *_ = numbers(point)
        p, graph = brute.printed(point), brute.spectrum(point, "matched")
        self_gap, step = 1 - point["alpha"], point["gamma"] - point["beta"]
        d = p.c2 + r * step
        rho = (self_gap + r * step) / d
        kappa = (self_gap + n * (point["alpha"] - point["beta"]) - step) / d
        last = (self_gap - step) / d
        assert last < p.without < rho
        classes_first[kappa >= rho] += 1
        for k in in_range(point):
            early = rho if kappa >= rho or k < n else kappa
            expected = last if k == n + r else early
            assert brute.compare_eigenvalue(graph, k, "==", expected), (point, k)
    assert min(classes_first.values()) >= 2


def test_either_mixed(brute):
    seen = {True: 0, False: 0}
    for point in MIXED:
        r, n, n_d, n_e, *_ = numbers(point)
        alpha, beta, gamma = (point[name] for name in ("alpha", "beta", "gamma"))
        p, graph = brute.printed(point), brute.spectrum(point, "either")
        bulk = (1 - alpha) / p.c1
        assert bulk < p.without
        low_above = n_d * (alpha - gamma) * p.c1 > n_e * r * (alpha - beta) * (1 - alpha)
        # The class sector: class+, class−, easy bulk n_e − 1 times, difficult bulk.
        contrast = sector(brute, point, "either", -1)
        values = brute.float_eigenvalues(point, "either")
        for k in range(r + 1, n * (r + 1)):
            if k <= 2 * r and low_above:
                assert contrast[1] > float(bulk) - ERROR
                assert values[k] == pytest.approx(contrast[1], abs=ERROR)
            else:
                assert brute.compare_eigenvalue(graph, k, "<=", bulk)
                if k <= r + (r + 1) * (n_e - 1):
                    assert brute.compare_eigenvalue(graph, k, "==", bulk)
        seen[low_above] += 1
    assert min(seen.values()) >= 5


def test_either_full(brute):
    for point in FULL:
        p, graph = brute.printed(point), brute.spectrum(point, "either")
        gap = point["n"] * point["r"] * (point["gamma"] - point["beta"])
        value = (1 - point["alpha"]) / (p.c2 + gap)
        assert value < p.without
        for k in in_range(point):
            assert brute.compare_eigenvalue(graph, k, "==", value)


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
def test_the_statement_holds_wherever_the_sentences_were_checked(pairing):
    claim = all_claims()["thm-3.4/corrected"]
    assert claim.notes[pairing]
    for point in [*MIXED[:6], *FULL[:3]]:
        for k in in_range(point):
            assert claim.admits({**point, "k": k})
            assert claim.holds(pairing, {**point, "k": k})


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
def test_it_is_proved(verdict_of, pairing):
    verdict = verdict_of("thm-3.4/corrected", pairing)
    assert verdict.outcome.name == "PROVED"
    assert {step.name.split(":")[0] for step in verdict.steps} == {"mixed", "full"}
