"""Exhaustive search for the smallest point where a statement holds or fails, in exact integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from math import gcd
from typing import Any

Point = dict[str, Any]
Predicate = Callable[[Mapping[str, Any]], bool]


def sizes(max_nodes: int) -> Iterator[tuple[int, list[Point]]]:
    """For each N in ascending order the sizes (r, n, n_d, k) with n (r + 1) = N, n ≥ 2."""
    for nodes in range(4, max_nodes + 1):
        found = [
            {"r": classes - 1, "n": nodes // classes, "n_d": n_d, "k": k}
            for classes in range(2, nodes // 2 + 1)
            if nodes % classes == 0
            for n_d in range(1, nodes // classes + 1)
            for k in range(1, nodes)
        ]
        yield nodes, found


def similarities(denominator: int) -> list[tuple[int, int, int]]:
    """Numerators of 0 ≤ β < γ < α < 1 over exactly this common denominator."""
    q = denominator
    return [
        (beta, gamma, alpha)
        for beta in range(q)
        for gamma in range(beta + 1, q)
        for alpha in range(gamma + 1, q)
        if gcd(gcd(beta, gamma), gcd(alpha, q)) == 1
    ]


def points(
    accept_size: Predicate, max_nodes: int, max_denominator: int
) -> Iterator[tuple[Point, dict[str, int]]]:
    """Admissible points by N, then by common denominator; each with its gap coordinates.

    ``accept_size`` sees gap coordinates of the sizes alone (r, n_e, n_d, k).
    """
    tables = [(q, similarities(q)) for q in range(3, max_denominator + 1)]
    for _, found in sizes(max_nodes):
        accepted = []
        for size in found:
            gaps = {"r": size["r"], "n_d": size["n_d"], "n_e": size["n"] - size["n_d"]}
            gaps["k"] = size["k"]
            if accept_size(gaps):
                accepted.append((size, gaps))
        for q, triples in tables:
            for size, gaps in accepted:
                for beta, gamma, alpha in triples:
                    numbers = {"u": q - alpha, "beta": beta, "g": gamma - beta, "h": alpha - gamma}
                    yield (
                        {**size, "alpha": (alpha, q), "beta": (beta, q), "gamma": (gamma, q)},
                        {**gaps, **numbers},
                    )


def smallest(
    predicate: Predicate,
    preferred: Predicate,
    accept_size: Predicate,
    max_nodes: int,
    max_denominator: int,
) -> Point | None:
    """The first point with ``predicate``.

    A preferred point anywhere within the limits goes before one that is not.
    """
    fallback: Point | None = None
    for point, gaps in points(accept_size, max_nodes, max_denominator):
        if not predicate(gaps):
            continue
        if preferred(gaps):
            return _exact(point)
        fallback = fallback or point
    return None if fallback is None else _exact(fallback)


def _exact(point: Point) -> Point:
    return {
        key: Fraction(*value) if isinstance(value, tuple) else value for key, value in point.items()
    }
