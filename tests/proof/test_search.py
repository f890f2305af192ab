from __future__ import annotations

import itertools
from fractions import Fraction
from math import gcd, lcm

from dctheory.proof.search import points, similarities, sizes, smallest


def anything(gaps) -> bool:
    return True


def nothing(gaps) -> bool:
    return False


def test_similarities_are_all_triples_over_their_common_denominator():
    found = {
        (Fraction(b, q), Fraction(g, q), Fraction(a, q))
        for q in range(3, 9)
        for b, g, a in similarities(q)
    }
    expected = {
        tuple(sorted(triple))
        for q in range(3, 9)
        for triple in itertools.combinations([Fraction(i, q) for i in range(q)], 3)
    }
    assert found == expected
    for q in range(3, 9):
        for triple in similarities(q):
            assert gcd(*triple, q) == 1
            assert lcm(*(Fraction(top, q).denominator for top in triple)) == q


def test_sizes_are_all_of_them_by_number_of_nodes():
    listed = list(sizes(9))
    assert [nodes for nodes, _ in listed] == list(range(4, 10))
    for nodes, found in listed:
        expected = [
            (r, n, n_d, k)
            for r in range(1, nodes)
            for n in range(2, nodes)
            if n * (r + 1) == nodes
            for n_d in range(1, n + 1)
            for k in range(1, nodes)
        ]
        assert sorted((s["r"], s["n"], s["n_d"], s["k"]) for s in found) == expected


def test_points_come_by_nodes_then_by_denominator():
    order = [
        (point["n"] * (point["r"] + 1), point["alpha"][1])
        for point, _ in points(lambda gaps: gaps["k"] <= 2, 6, 5)
    ]
    assert order == sorted(order)
    assert set(order) == {(nodes, q) for nodes in (4, 6) for q in (3, 4, 5)}


def test_a_point_and_its_gap_coordinates_agree():
    for point, gaps in points(anything, 6, 5):
        (beta, q), (gamma, _), (alpha, _) = (point[name] for name in ("beta", "gamma", "alpha"))
        assert 0 <= beta < gamma < alpha < q
        assert gaps == {
            "u": q - alpha,
            "beta": beta,
            "g": gamma - beta,
            "h": alpha - gamma,
            "r": point["r"],
            "n_d": point["n_d"],
            "n_e": point["n"] - point["n_d"],
            "k": point["k"],
        }
        assert point["k"] + 1 <= point["n"] * (point["r"] + 1)


def test_smallest_is_the_first_point_with_the_property():
    found = smallest(lambda g: g["n_e"] >= 2 and g["beta"] >= 2, anything, anything, 12, 8)
    # N = 6 with n = 3; a β of numerator 2 needs a denominator of 5.
    assert found == {
        "r": 1,
        "n": 3,
        "n_d": 1,
        "k": 1,
        "beta": Fraction(2, 5),
        "gamma": Fraction(3, 5),
        "alpha": Fraction(4, 5),
    }


def test_a_preferred_point_goes_before_a_smaller_one():
    def preferred(gaps) -> bool:
        return gaps["r"] == 2 and gaps["u"] == 2

    point = smallest(anything, preferred, anything, 12, 8)
    assert (point["r"], 1 - point["alpha"]) == (2, Fraction(2, 4))
    point = smallest(anything, nothing, anything, 12, 8)
    assert (point["r"], point["n"], point["n_d"], point["k"]) == (1, 2, 1, 1)
    assert (point["beta"], point["gamma"], point["alpha"]) == (0, Fraction(1, 3), Fraction(2, 3))


def test_nothing_within_the_limits_is_none():
    assert smallest(nothing, anything, anything, 8, 5) is None
    assert smallest(anything, anything, nothing, 8, 5) is None
    assert smallest(lambda g: g["r"] >= 4, anything, anything, 8, 5) is None
