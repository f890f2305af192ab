"""Closed-form spectra against dense eigh, exact counts and high-precision arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory import SimilarityGraph
from dctheory.graph.spectrum import Mode, Spectrum, quadratic_roots


def graph(**changes: Any) -> SimilarityGraph:
    sizes = {"classes": 3, "per_class": 4, "difficult": 2}
    return SimilarityGraph(**{**sizes, "alpha": 0.5, "beta": 0.1, "gamma": 0.2, **changes})


@st.composite
def graphs(draw: st.DrawFn) -> SimilarityGraph:
    n = draw(st.integers(1, 6))
    beta, gamma, alpha = sorted(draw(st.tuples(*[st.floats(0, 1)] * 3)))
    return SimilarityGraph(
        classes=draw(st.integers(2, 4)),
        per_class=n,
        difficult=draw(st.integers(0, n)),
        alpha=alpha,
        beta=draw(st.sampled_from([beta, 0.0])),
        gamma=draw(st.sampled_from([beta, gamma, alpha])),
        pairing=draw(st.sampled_from(["both", "matched", "either"])),
    )


def full(spectrum: Spectrum) -> np.ndarray:
    return np.repeat(spectrum.values, spectrum.multiplicities)


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_it_is_the_spectrum_of_the_matrix(g: SimilarityGraph) -> None:
    spectrum = g.spectrum()
    dense = np.linalg.eigvalsh(g.normalized_adjacency())[::-1]
    assert sum(spectrum.multiplicities) == g.num_nodes == spectrum.num_nodes
    np.testing.assert_allclose(full(spectrum), dense, atol=1e-13)
    assert (np.diff(spectrum.values) < 0).all()


def precise_eigenvalues(g: SimilarityGraph) -> list[tuple[mpmath.mpf, int]]:
    """The distinct eigenvalues from 4-cell (or matched) test vectors, in 80 digits.

    A vector that is constant on the easy and on the difficult nodes of each class stays one under
    Ā; what is orthogonal to those sums to zero on each kind in each class.
    """
    mpmath.mp.dps = 80
    a, b, c = (
        mpmath.mpf(f.numerator) / f.denominator for f in map(Fraction, (g.alpha, g.beta, g.gamma))
    )
    one, r, n_e, n_d = mpmath.mpf(1), g.r, g.n_e, g.n_d
    partners = {"both": n_d, "matched": 1, "either": g.n}[g.pairing]
    easy = 1 - a + g.n * a + r * g.n * b + (r * n_d * (c - b) if g.pairing == "either" else 0)
    hard = 1 - a + g.n * a + r * g.n * b + r * partners * (c - b)
    found = []
    for copies, cross in ((1, r), (r, -one)):
        dd_cross = b * n_d + (c - b) if g.pairing == "matched" else c * n_d
        ed_cross = c if g.pairing == "either" else b
        m = mpmath.matrix(
            [
                [(1 - a + n_e * (a + cross * b)) / easy, n_d * (a + cross * ed_cross) / easy],
                [n_e * (a + cross * ed_cross) / hard, (1 - a + n_d * a + cross * dd_cross) / hard],
            ]
        )
        trace, det = m[0, 0] + m[1, 1], m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]
        root = mpmath.sqrt(trace**2 - 4 * det)
        found += [((trace + root) / 2, copies), ((trace - root) / 2, copies)]
    found.append(((1 - a) / easy, g.classes * (n_e - 1)))
    if g.pairing == "matched":
        found.append(((1 - a + r * (c - b)) / hard, n_d - 1))
        found.append(((1 - a - (c - b)) / hard, r * (n_d - 1)))
    else:
        found.append(((1 - a) / hard, g.classes * (n_d - 1)))
    return sorted(found, key=lambda pair: -pair[0])


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
@pytest.mark.parametrize(
    ("per_class", "difficult", "alpha", "beta", "gamma"),
    [
        (10**11, 8 * 10**9, 0.472, 0.191, 0.209),
        (10**11, 2, 0.472, 0.191, 0.191 + 1e-13),
        (10**11, 10**11 - 2, 1 - 1e-9, 1e-300, 2e-300),
        (5000, 400, 0.3, np.nextafter(0.1, 0), 0.1),
        (50, 25, 0.999999999, 0.999999997, 0.999999998),
        (10**9, 3, 1.0, 0.0, 1.0),
        (7, 3, 0.6, 0.2, 0.6),
    ],
)
def test_relative_accuracy(
    pairing: str, per_class: int, difficult: int, alpha: float, beta: float, gamma: float
) -> None:
    g = SimilarityGraph(
        classes=10,
        per_class=per_class,
        difficult=difficult,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        pairing=pairing,
    )
    position = 0
    for value, multiplicity in precise_eigenvalues(g):
        for j in {position + 1, position + multiplicity}:
            error = abs(mpmath.mpf(g.spectrum().eigenvalue(j)) - value)
            assert error <= mpmath.mpf(10) ** -12 * abs(value) + mpmath.mpf(10) ** -70
        position += multiplicity
    assert position == g.num_nodes


def test_equal_eigenvalues_are_merged_and_near_ones_kept() -> None:
    equal = graph(gamma=0.1).spectrum()
    assert len(equal.values) == 3
    assert equal.multiplicities == (1, 2, 9)
    near = graph(gamma=0.1 + 1e-10).spectrum()
    assert len(near.values) > 3


def test_positions_modes_and_gaps() -> None:
    spectrum = graph(per_class=40, difficult=10).spectrum()
    assert spectrum.eigenvalue(1) == 1.0
    assert [spectrum.mode(j).name for j in (1, 2, 3, 4)] == [
        *("trivial", "class", "class", "difficult-against-easy")
    ]
    assert spectrum.gap(2) == 0.0
    assert spectrum.gap(3) == spectrum.eigenvalue(3) - spectrum.eigenvalue(4) > 0
    assert "difficult-against-easy" in str(spectrum)
    assert "<table" in spectrum._repr_html_()
    for bad in (0, -1, 121):
        with pytest.raises(ValueError, match="j"):
            spectrum.eigenvalue(bad)
    for bad in (0, 120):
        with pytest.raises(ValueError, match="k"):
            spectrum.gap(bad)
    with pytest.raises(TypeError):
        spectrum.eigenvalue(1.0)  # type: ignore[arg-type]


def test_a_spurious_mode_can_stand_before_the_classes() -> None:
    strong = SimilarityGraph(
        classes=10, per_class=1000, difficult=300, alpha=0.5, beta=0.2, gamma=0.5
    )
    assert strong.spectrum().mode(2).name == "difficult-against-easy"


def test_values_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        graph().spectrum().values[0] = 2.0


def test_merging_keeps_counts() -> None:
    spectrum = Spectrum.from_modes(
        [Mode("a", "bulk", 0.5, 10**30), Mode("b", "bulk", 0.5, 1), Mode("c", "bulk", 0.0, 0)]
    )
    assert spectrum.multiplicities == (10**30 + 1,)
    assert len(spectrum.modes) == 2


def test_quadratic_roots_do_not_cancel() -> None:
    # Roots 10^20 and 10^-20, and a double root.
    scale = 10**20
    assert quadratic_roots(scale, scale**2 + 1, scale) == (1e20, 1e-20)
    assert quadratic_roots(1, -2, 1) == (-1.0, -1.0)
    assert quadratic_roots(1, 0, 0) == (0.0, 0.0)
