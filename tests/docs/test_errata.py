"""The errata's worked numbers and corrected statements, against matrices written down here."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dctheory import formulas
from dctheory.claims.thm_4_3 import difficult_pair

READINGS = ("both", "matched", "either")


def adjacency(r, n, n_d, alpha, beta, gamma, reading):
    size = n * (r + 1)
    matrix = np.empty((size, size))
    for x in range(size):
        for y in range(size):
            (one, i), (two, j) = divmod(x, n), divmod(y, n)
            hard = {
                "both": i < n_d and j < n_d,
                "matched": i == j < n_d,
                "either": i < n_d or j < n_d,
            }[reading]
            matrix[x, y] = alpha if one == two else gamma if hard else beta
    np.fill_diagonal(matrix, 1)
    return matrix


def eigenvalues(*graph):
    """Descending, as a function of j from 1."""
    matrix = adjacency(*graph)
    degrees = matrix.sum(axis=1)
    values = np.linalg.eigvalsh(matrix / np.sqrt(np.outer(degrees, degrees)))[::-1]
    return lambda j: values[j - 1]


@pytest.mark.parametrize(
    ("graph", "j", "value", "printed"),
    [
        ((1, 2, 2, F(2, 3), 0, F(1, 3), "matched"), 3, F(1, 3), F(2, 7)),
        ((1, 3, 2, F(2, 5), 0, F(1, 5), "both"), 3, F(37, 99), F(4, 11)),
        ((1, 5, 3, F(2, 3), 0, F(1, 6), "either"), 3, (109 - 5833**0.5) / 270, F(3, 25)),
        ((1, 3, 1, F(1, 2), 0, F(1, 3), "both"), 3, F(9, 28), None),
        ((1, 2, 0, F(1, 2), 0, 0, "both"), 3, F(1, 3), None),
        ((1, 2, 2, F(3, 4), 0, F(1, 4), "both"), 3, F(1, 9), None),
        ((1, 2, 2, F(3, 4), 0, F(1, 2), "both"), 3, F(1, 11), None),
        ((1, 2, 0, F(2, 3), 0, 0, "both"), 2, 1, None),
    ],
)
def test_worked_eigenvalues(graph, j, value, printed):
    assert eigenvalues(*graph)(j) == pytest.approx(float(value), abs=1e-12)
    if printed is not None:
        r, n, n_d, alpha, beta, gamma, _ = graph
        c1 = (1 - alpha) + n * (alpha + r * beta) + n_d * r * (gamma - beta)
        assert ((1 - alpha) + r * (gamma - beta)) / c1 == printed < value


@st.composite
def graphs(draw):
    r, n = draw(st.integers(1, 3)), draw(st.integers(2, 6))
    n_d = draw(st.integers(1, n))
    levels = draw(st.lists(st.integers(0, 19), min_size=3, max_size=3, unique=True))
    beta, gamma, alpha = (F(level, 20) for level in sorted(levels))
    return r, n, n_d, alpha, beta, gamma


def names(graph):
    r, n, n_d, alpha, beta, gamma = map(float, graph)
    a, g, n_e = alpha + r * beta, gamma - beta, n - n_d
    c2 = 1 - alpha + n * a
    return (1 - alpha, a, g, n_e, c2, c2 + n_d * r * g, c2 + r * g, c2 + n * r * g)


@settings(max_examples=150, deadline=None)
@given(graphs(), st.sampled_from(READINGS))
def test_the_spectrum_of_the_table_of_formulas(graph, reading):
    r, n, n_d, alpha, beta, gamma = graph
    assume(n_d < n)
    u, a, g, n_e, c2, c1, d, all_difficult = names(graph)
    b, h = float(alpha - beta), float(alpha - gamma)
    easy, hard = {"both": (c2, c1), "matched": (c2, d), "either": (c1, all_difficult)}[reading]
    mu = {
        "both": (u * c1 + n_e * n_d * a * r * g) / (c1 * c2),
        "matched": (u * d + n_e * a * r * g) / (c2 * d),
        "either": (u * c1 - n_e * n_d * (a + r * g) * r * g) / (c1 * all_difficult),
    }[reading]
    q, p = {
        "both": (b, u + n_d * h),
        "matched": (b, u + n_d * b - g),
        "either": (h, u + n_d * h),
    }[reading]
    off = (n_e * n_d) ** 0.5 * q / (easy * hard) ** 0.5
    pencil = np.linalg.eigvalsh([[(u + n_e * b) / easy, off], [off, p / hard]])
    expected = [1.0, mu, *r * list(pencil), *[u / easy] * int((r + 1) * (n_e - 1))]
    if reading == "matched":
        expected += [(u + r * g) / d] * (n_d - 1) + [(u - g) / d] * (r * (n_d - 1))
    else:
        expected += [u / hard] * ((r + 1) * (n_d - 1))
    found = eigenvalues(*graph, reading)
    size = n * (r + 1)
    assert sorted(expected, reverse=True) == pytest.approx([found(j + 1) for j in range(size)])


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_the_corrected_theorem_3_4(graph):
    r, n, n_d, alpha, beta, gamma = graph
    u, a, g, n_e, c2, c1, d, all_difficult = names(graph)
    t, slack = u / c2, 1e-10
    rho, s = (u + r * g) / d, u / c1
    matched, both, either = (eigenvalues(*graph, each) for each in ("matched", "both", "either"))
    size = n * (r + 1)
    for k in range(r + 1, size):
        assert matched(k + 1) <= rho + slack
        if n_d < n and k <= n_d + r:
            assert matched(k + 1) > t
        if n_d < n and k >= r + 2:
            assert both(k + 1) <= t + slack
        if n_d < n and r + 2 <= k <= r + 1 + (r + 1) * (n_e - 1):
            assert both(k + 1) == pytest.approx(t)
        if n_d == n and k < n_d + r + 1:
            assert both(k + 1) == pytest.approx(u / c1)
        if n_d < n and k > 2 * r:
            assert either(k + 1) <= s + slack < t + 2 * slack
        excess = n_d * float(alpha - gamma) * c1 - n_e * r * float(alpha - beta) * u
        if n_d < n and k <= 2 * r and excess > 1e-9:
            assert either(k + 1) > s
        if n_d < n and (k > 2 * r or excess < -1e-9):
            assert either(k + 1) <= s + slack
            if k <= r + (r + 1) * (n_e - 1):
                assert either(k + 1) == pytest.approx(s)
        if n_d == n:
            assert either(k + 1) == pytest.approx(u / all_difficult)
    mu = t + n_e * n_d * a * r * g / (c1 * c2)
    if n_d < n and r + 2 <= size:
        assert t < both(r + 2) <= mu + slack
        exact = c2 * (n_d - 1) - n_d**2 * a
        if abs(exact) > 1e-9:
            assert (mu <= (u + r * g) / c1) == (exact <= 0)
            assert exact > 0 or n_d == 1 or n < n_d + 2


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_when_removal_pays(graph):
    r, n, n_d, *_ = graph
    u, a, g, n_e, c2, c1, d, _ = names(graph)
    assume(n_d < n and (r + 1) * n_e >= r + 2)
    kept_degree = u + n_e * a
    kept = u / kept_degree
    matched, both, either = (eigenvalues(*graph, each) for each in ("matched", "both", "either"))
    last = int((r + 1) * n_e) - 1
    for k in range(r + 1, min(n_d + r, last) + 1):
        rho_is_it = abs(matched(k + 1) - (u + r * g) / d) < 1e-10
        threshold = n_d / n_e * u / r
        if rho_is_it and k < n_d + r and abs(g - threshold) > 1e-9:
            assert (matched(k + 1) > kept) == (g > threshold)
        if k >= r + 2:
            assert both(k + 1) <= kept
        if k > 2 * r:
            assert either(k + 1) <= kept
    mu, bracket = u / c2 + n_e * n_d * a * r * g / (c1 * c2), n_e * kept_degree - n_d * u
    if abs(both(r + 2) - mu) < 1e-10 and abs(mu - kept) > 1e-10:
        pays = bracket > 0 and g > u * c2 / (r * bracket)
        assert (both(r + 2) > kept) == pays


def test_eq_7_and_its_readings():
    # Two classes of two, all difficult: m is γ over the product of the degrees, as β = 0.
    c1 = F(7, 3)
    assert F(1, 3) / 2**2 == F(1, 12)
    assert F(5, 3) / (c1**2 * F(5, 3)) * F(1, 3) == F(3, 49)


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_margins_and_temperatures_of_difficult_pairs_by_reading(graph):
    r, n, n_d, alpha, beta, gamma = graph
    g, c2 = gamma - beta, 1 - alpha + n * (alpha + r * beta)
    rows = {"both": n_d, "matched": 1, "either": n}
    for reading, copies in rows.items():
        degree = c2 + copies * r * g
        kind = difficult_pair(reading)
        sizes = {"r": r, "n": n, "n_d": n_d, "alpha": alpha, "beta": beta, "gamma": gamma}
        margin = formulas.margin_entry(reading, kind).subs(**sizes)
        assert F(int(margin.p), int(margin.q)) == g * (c2 - copies * r * beta) / (degree**2 * c2)
        if beta:
            tau = formulas.temperature_entry(reading, kind).subs(**sizes)
            assert F(int(tau.p), int(tau.q)) == degree / c2 * beta / gamma


def test_eq_7_alone_leaves_an_eigenvalue():
    r, alpha, beta, gamma, share, n = 1, 0.75, 0.25, 0.5, 0.5, 4000
    a, g, n_d = alpha + r * beta, gamma - beta, int(share * n)
    c2 = 1 - alpha + n * a
    c1, c0 = c2 + n_d * r * g, c2 - n_d * r * beta
    n_e, margin = n - n_d, c0 / (c1**2 * c2) * g
    off = (n_e * n_d) ** 0.5 * a / (c1 * c2) ** 0.5
    hard = ((1 - alpha) + n_d * (a + r * g)) / c1 - r * n_d * c1 * margin
    block = np.array([[(1 - alpha + n_e * a) / c2, off], [off, hard]])
    limit = (1 - share) * share**2 * r**2 * beta * g / (a * (a + share * r * g))
    assert np.linalg.det(block) == pytest.approx(limit, rel=0.02)
    matched = ((1 - alpha) + r * g) / (c2 + r * g) - r * (c2 + r * g) * margin
    assert matched / ((1 - alpha) / c2) == pytest.approx(106 / 81, rel=1e-3)


def test_the_weighted_loss_is_not_stationary():
    clean = adjacency(1, 2, 1, 3 / 4, 1 / 4, 1 / 4, "both") / (9 / 4)
    weights = adjacency(1, 2, 1, 3 / 4, 1 / 4, 1 / 2, "both")
    degrees = weights.sum(axis=1)
    temperature = clean / (weights / np.sqrt(np.outer(degrees, degrees)))
    values, vectors = np.linalg.eigh(clean)
    factor = vectors[:, -2:] * np.sqrt(values[-2:])
    product = factor @ factor.T
    gradient = (clean - product) / temperature**2 @ product
    assert product[1, 0] == pytest.approx(7 / 18)
    assert product[0, 2] == pytest.approx(1 / 9)
    # Difficult samples come first: node 1 is easy.
    assert gradient[1, 0] == pytest.approx(7 / 3240)


def test_the_instance_against_theorem_4_5():
    beta, gamma, alpha = F(1, 37), F(2, 37), F(36, 37)
    mixed, total = 16 * beta + 4 * (gamma - beta), 4 + 4 * alpha + 8 * beta + 2 * (gamma - beta)
    assert (mixed, total) == (F(20, 37), F(302, 37))
    delta, t = mixed / total / 2, (1 - alpha) / (1 - alpha + 2 * alpha + 2 * beta)
    assert (delta, t) == (F(5, 151), F(1, 75))
    bound = 4 * F(7, 4) * delta / (1 - t) + 8 * delta
    assert bound == F(5585, 11174) < F(1, 2)


def test_the_condition_after_theorem_4_5():
    r, n, n_d, alpha, beta, gamma = 1, 5, 1, F(9, 11), F(7, 11), F(8, 11)
    a, g = alpha + r * beta, gamma - beta
    assert beta**2 * r * n == F(245, 121)
    assert n_d**2 * a * (gamma + beta) == F(240, 121)
    c2 = 1 - alpha + n * a
    share = F(n_d, n) ** 2
    tempered = (1 - share + (gamma / beta) ** 2 * share) / (1 - (1 - alpha) / c2)
    harmed = 1 / (1 - ((1 - alpha) + r * g) / (c2 + n_d * r * g))
    assert (c2, tempered, harmed) == (F(82, 11), F(248, 245) * F(41, 40), F(83, 80))
    assert tempered > harmed


def test_table_10_forces_a_large_labelling_error():
    r, beta = 9, F("0.191")
    assert float(r * beta / (2 * (1 + r * beta))) == pytest.approx(0.316, abs=5e-4)


def test_one_n_explains_table_10():
    printed = [
        (0.472, 0.191, 0.0180, 2.93),
        (0.440, 0.195, 0.0260, 3.36),
        (0.412, 0.201, 0.0300, 3.58),
        (0.387, 0.208, 0.0330, 3.72),
    ]
    low, high = 0.0, np.inf
    for row in printed:
        # Monotone in each input, so that the corners of the rounding errors are enough.
        corners = []
        for signs in np.ndindex(2, 2, 2, 2):
            a, b, g, e = np.array(row) + (2 * np.array(signs) - 1) * [5e-4, 5e-4, 5e-5, 5e-3]
            corners.append(((1 - a + 9 * g) / (e * 1e-5) - (1 - a)) / (a + 9 * b + 0.72 * g))
        low, high = max(low, min(corners)), min(high, max(corners))
    assert (np.ceil(low), np.floor(high)) == (10668, 10727)
