"""The claims by brute force: matrices by loops, printed formulas typed from the paper."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dctheory.claims import _base
from dctheory.claims.registry import all_claims
from dctheory.proof.exact import ExactSpectrum
from dctheory.proof.smt import solve

Point = Mapping[str, Any]
PAIRINGS = ("both", "matched", "either")


# --- The graph


def adjacency(point: Point, pairing: str) -> list[list[Fraction]]:
    n, n_d = point["n"], point["n_d"]
    size = (point["r"] + 1) * n
    matrix = [[Fraction(0)] * size for _ in range(size)]
    for x in range(size):
        for y in range(size):
            i, j = x % n, y % n
            if x == y:
                weight: Any = 1
            elif x // n == y // n:
                weight = point["alpha"]
            elif pairing == "both":
                weight = point["gamma"] if i < n_d and j < n_d else point["beta"]
            elif pairing == "matched":
                weight = point["gamma"] if i < n_d and i == j else point["beta"]
            else:
                weight = point["gamma"] if i < n_d or j < n_d else point["beta"]
            matrix[x][y] = Fraction(weight)
    return matrix


@functools.lru_cache(maxsize=4096)
def _spectrum(pairing: str, items: tuple[tuple[str, Any], ...]) -> ExactSpectrum:
    return ExactSpectrum(adjacency(dict(items), pairing))


def spectrum(point: Point, pairing: str) -> ExactSpectrum:
    """Exact eigenvalue counts of Ā."""
    names = ("r", "n", "n_d", "alpha", "beta", "gamma")
    return _spectrum(pairing, tuple((name, point[name]) for name in names))


def clean(point: Point) -> dict[str, Any]:
    return {**point, "gamma": point["beta"]}


def kept(point: Point) -> dict[str, Any]:
    """The graph after removal of all difficult examples."""
    return {**point, "n": point["n"] - point["n_d"], "n_d": 0, "gamma": point["beta"]}


def float_eigenvalues(point: Point, pairing: str) -> np.ndarray:
    """All eigenvalues of Ā, descending."""
    weights = np.array([[float(w) for w in row] for row in adjacency(point, pairing)])
    scale = 1 / np.sqrt(weights.sum(axis=1))
    return np.linalg.eigvalsh(weights * np.outer(scale, scale))[::-1]


def compare_eigenvalue(graph: ExactSpectrum, k: int, relation: str, t: Fraction) -> bool:
    """λ_{k+1} relation t, exactly."""
    return {
        "<=": graph.above(t) <= k,
        "<": graph.at_least(t) <= k,
        ">": graph.above(t) >= k + 1,
        ">=": graph.at_least(t) >= k + 1,
        "==": graph.above(t) <= k < graph.at_least(t),
    }[relation]


# --- The paper's expressions


def printed(point: Point) -> SimpleNamespace:
    r, n, n_d = point["r"], point["n"], point["n_d"]
    alpha, beta, gamma = (Fraction(point[name]) for name in ("alpha", "beta", "gamma"))
    c2 = (1 - alpha) + n * alpha + n * r * beta
    c1 = c2 + n_d * r * (gamma - beta)
    c0 = (1 - alpha) + n * alpha + (n - n_d) * r * beta
    left = (1 - alpha) + (n - n_d) * alpha + (n - n_d) * r * beta
    share = Fraction(n_d, n) ** 2
    return SimpleNamespace(
        c0=c0,
        c1=c1,
        c2=c2,
        without=(1 - alpha) / c2,
        harmed=((1 - alpha) + r * (gamma - beta)) / c1,
        removed=(1 - alpha) / left,
        removal_pays=gamma - beta > n_d * (1 - alpha) * (alpha + r * gamma) / (r * left),
        margin=c0 / (c1**2 * c2) * (gamma - beta),
        temperature=c1 / c2 * beta / gamma if gamma else None,
        factor=1 - share + (gamma / beta) ** 2 * share if beta else None,
        # n_d < β √(r/((α+rβ)(γ+β))) √n
        few=n_d**2 * (alpha + r * beta) * (gamma + beta) < beta**2 * r * n,
    )


def bound(eigenvalue: Fraction, factor: Any = 1) -> Any:
    """A printed bound at δ = 1; nothing is left at λ = 1."""
    return math.inf if eigenvalue == 1 else factor * 4 / (1 - eigenvalue) + 8


# --- The claims


def _true(relation: str, name: str) -> Callable[[Point, str], bool]:
    return lambda p, pairing: compare_eigenvalue(
        spectrum(p, pairing), p["k"], relation, getattr(printed(p), name)
    )


def harm(point: Point, pairing: str) -> bool:
    """λ_{k+1} > λ_{k+1} of the same graph with γ = β, by a number that is the latter."""
    without = printed(point).without
    assert compare_eigenvalue(spectrum(clean(point), pairing), point["k"], "==", without)
    return compare_eigenvalue(spectrum(point, pairing), point["k"], ">", without)


def _grows(point: Point, _: str) -> bool:
    steps = [point["gamma"] + (point["alpha"] - point["gamma"]) * Fraction(i, 3) for i in range(3)]
    values = [printed({**point, "gamma": gamma}).harmed for gamma in steps]
    return values[0] < values[1] < values[2]


def _difficult_degree(point: Point, pairing: str) -> Fraction:
    return sum(adjacency(point, pairing)[0])


def _margin_fits(point: Point, pairing: str) -> bool:
    degree, p = _difficult_degree(point, pairing), printed(point)
    return point["gamma"] / degree - degree * p.margin == point["beta"] / p.c2


def _temperature_fits(point: Point, pairing: str) -> bool:
    degree, p = _difficult_degree(point, pairing), printed(point)
    return p.temperature * point["gamma"] / degree == point["beta"] / p.c2


def _rates(point: Point, _: str) -> bool:
    p, a = printed(point), point["alpha"] + point["r"] * point["beta"]
    gap = point["gamma"] - point["beta"]
    tempered = bound(p.without, p.factor) / bound(p.without) - 1
    harmed = bound(p.harmed) / bound(p.without) - 1
    square = Fraction(point["n_d"], point["n"]) ** 2
    square *= (point["gamma"] ** 2 - point["beta"] ** 2) / point["beta"] ** 2
    inverse = point["r"] * gap * (1 + a) / (point["n"] * a**2)
    return 0 <= tempered <= square and abs(harmed) <= inverse


def _removal_exact(point: Point, pairing: str) -> bool:
    p = printed(point)
    assert compare_eigenvalue(spectrum(kept(point), pairing), point["k"], "==", p.removed)
    pays = compare_eigenvalue(spectrum(point, pairing), point["k"], ">", p.removed)
    return pays == p.removal_pays


BRUTE_FORCE: dict[str, Callable[[Point, str], bool]] = {
    "thm-3.3": lambda p, _: compare_eigenvalue(
        spectrum(clean(p), "both"), p["k"], "<=", printed(p).without
    ),
    "thm-3.4/equal": _true("==", "harmed"),
    "thm-3.4/valid": _true("<=", "harmed"),
    "thm-3.4/harm": harm,
    "disc-a": lambda p, _: printed(p).harmed > printed(p).without,
    "disc-a/exact": harm,
    "disc-b": _grows,
    "disc-c": lambda p, _: printed(clean(p)).harmed == printed(p).without,
    "disc-c/exact": lambda p, pairing: compare_eigenvalue(
        spectrum(clean(p), pairing), p["k"], "==", printed(p).without
    ),
    "cor-4.1": lambda p, _: compare_eigenvalue(
        spectrum(kept(p), "both"), p["k"], "<=", printed(p).removed
    ),
    "cor-4.1-condition": lambda p, _: (
        (bound(printed(p).removed) < bound(printed(p).harmed)) == printed(p).removal_pays
    ),
    "cor-4.1-condition/exact": _removal_exact,
    "thm-4.3/value": _margin_fits,
    "thm-4.5/match": _temperature_fits,
    "thm-4.5-rates": _rates,
    "thm-4.5-condition": lambda p, _: (
        not printed(p).few
        or bound(printed(p).without, printed(p).factor) < bound(printed(p).harmed)
    ),
}


# --- Fixtures


@pytest.fixture(scope="session")
def brute() -> SimpleNamespace:
    """What this file computes, for the tests of this folder."""
    return SimpleNamespace(
        adjacency=adjacency,
        spectrum=spectrum,
        clean=clean,
        kept=kept,
        float_eigenvalues=float_eigenvalues,
        compare_eigenvalue=compare_eigenvalue,
        printed=printed,
        bound=bound,
        claims=BRUTE_FORCE,
    )


@pytest.fixture(scope="session")
def verdict_of() -> Callable[..., Any]:
    """Verdicts by claim and pairing, each decided once in a session."""
    return functools.cache(lambda claim, pairing=None: all_claims()[claim].check(pairing))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that gives up early: what is false is never proved, however long it tries."""
    monkeypatch.setattr(_base, "solve", functools.partial(solve, timeout_seconds=1.0))
