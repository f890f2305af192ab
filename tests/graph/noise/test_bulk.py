"""The bulk's law against scipy's semicircle, the resolvent's fixed point, and sampled matrices."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import semicircular

from dctheory.graph.noise.bulk import Bulk
from dctheory.graph.noise.law import BulkLaw, kepler_angle
from dctheory.graph.noise.sampling import sample_noisy

# (counts, atoms, degrees): one family, two and three, with equal and unequal degrees. The last one
# has few nodes of small degree, whose two bands lie on both sides of the others'.
FAMILIES = [
    ((400,), (0.5,), (100.0,)),
    ((250, 150), (0.5, 30.0), (300.0, 360.0)),
    ((250, 150), (0.5, 0.5), (100.0, 300.0)),
    ((240, 120, 40), (0.5, 20.0, 60.0), (300.0, 300.0, 400.0)),
    ((300, 20, 80), (0.4, 1.3, 0.1), (90.0, 91.0, 91.0)),
    ((380, 20), (0.5, 0.5), (600.0, 100.0)),
]


def make(families, epsilon, normalized):
    counts, atoms, degrees = (np.array(values, dtype=float) for values in families)
    names = tuple((f"family {k}",) for k in range(len(counts)))
    law = BulkLaw(
        counts, atoms, degrees if normalized else np.ones_like(degrees), names, normalized
    )
    return Bulk(law, epsilon)


SAMPLED = [*itertools.product(FAMILIES, (0.3,), (False, True)), (FAMILIES[4], 0.02, True)]
CASES = list(itertools.product(FAMILIES, (0.02, 0.3), (False, True)))


@given(st.floats(0, 1))
def test_kepler_angle_solves_kepler(share):
    angle = float(kepler_angle(share))
    assert 0 <= angle <= np.pi
    assert angle - np.sin(angle) * np.cos(angle) == pytest.approx(np.pi * share, abs=1e-14)


def test_kepler_angle_keeps_its_digits_at_the_ends():
    share = np.array([1e-15, 1e-9, 1e-3])
    # θ − sin θ cos θ = 2θ³/3 − 2θ⁵/15 + …
    series = np.cbrt(1.5 * np.pi * share)
    series = series * (1 + series**2 / 15)
    assert np.allclose(kepler_angle(share)[:2], series[:2], rtol=1e-6)
    assert np.allclose(kepler_angle(1 - 1e-9), np.pi - kepler_angle(1e-9), rtol=1e-12)


def test_one_raw_family_is_the_semicircle():
    bulk = make(FAMILIES[0], 0.3, False)
    law = semicircular(loc=0.5, scale=2 * 0.3 * np.sqrt(400))
    assert np.allclose(bulk.quantile(np.arange(400) + 0.5), law.isf((np.arange(400) + 0.5) / 400))
    x = np.linspace(-15, 15, 61)
    assert np.allclose(bulk.density(x), law.pdf(x), atol=1e-12)
    assert (bulk.bands[0].lower, bulk.bands[0].upper) == pytest.approx(law.support())


def test_one_normalized_family_tends_to_the_semicircle():
    """Degrees vary by η = ε√N/d: at η = 1e-4 their effect (2η², relative) is invisible."""
    bulk = make(((10**6,), (0.5,), (1e6,)), 0.1, True)
    law = semicircular(loc=0.5e-6, scale=2 * 0.1 * 1e3 / 1e6)
    ranks = np.array([0.5, 10.5, 3e5, 7.1e5])
    assert np.allclose(bulk.quantile(ranks), law.isf(ranks / 1e6), rtol=1e-6)


@pytest.mark.parametrize(("families", "epsilon", "normalized"), CASES)
def test_density_solves_the_resolvent_equation(families, epsilon, normalized):
    """Oracle: the damped fixed point of M = Σ c/(a − zd − σ²M) a little above the real axis."""
    bulk = make(families, epsilon, normalized)
    counts, atoms, degrees = bulk.law.counts, bulk.law.atoms, bulk.law.degrees
    for band in bulk.bands:
        for z in np.linspace(band.lower, band.upper, 7)[1:-1]:
            variance = epsilon**2 * (1 + z * z if normalized else 1)
            shift = 1e-9j * (band.upper - band.lower) * degrees.mean()
            trace = 1j / np.sqrt(variance)
            for _ in range(20000):
                inverse = 1 / (atoms - z * degrees - shift - variance * trace)
                new = (trace + counts @ inverse) / 2
                if abs(new - trace) < 1e-13 * abs(new):
                    break
                trace = new
            # Without the slope of σ², which is of order z² and checked by the integral below.
            density = ((counts * degrees) @ inverse).imag / np.pi / counts.sum()
            tolerance = 1e-5 if not normalized else 1e-5 + 2 * z * z
            assert bulk.density(z) == pytest.approx(density, rel=tolerance)


@pytest.mark.parametrize(("families", "epsilon", "normalized"), CASES)
def test_density_integrates_to_the_counts_of_the_bands(families, epsilon, normalized):
    bulk = make(families, epsilon, normalized)
    for band in bulk.bands:
        middle, half = (band.upper + band.lower) / 2, (band.upper - band.lower) / 2
        # Gauss-Chebyshev of the second kind: exact for a root at both ends times a polynomial.
        angle = np.pi * np.arange(1, 400) / 400
        values = bulk.density(middle + half * np.cos(angle)) * np.sin(angle)
        assert np.pi / 400 * half * values.sum() * bulk.count == pytest.approx(band.count, rel=1e-4)
    assert sum(band.count for band in bulk.bands) == sum(families[0])
    outside = bulk.bands[0].upper + 0.01 * abs(bulk.bands[0].upper)
    assert bulk.density(outside) == 0


@pytest.mark.parametrize(("families", "epsilon", "normalized"), CASES)
def test_quantile_and_count_are_inverse(families, epsilon, normalized):
    bulk = make(families, epsilon, normalized)
    ranks = np.array([0.5, 1.5, 17.5, 120.5, 251.5, 333.3, 399.5])
    places = bulk.quantile(ranks)
    assert np.all(np.diff(places) < 0)
    assert np.allclose([bulk.count_above(x) for x in places], ranks, rtol=1e-8)
    assert bulk.count_above(bulk.bands[0].upper * 1.01) == 0
    assert bulk.count_above(-1e9) == bulk.count


def noisy_eigenvalues(families, epsilon, normalized, seed):
    counts, atoms, degrees = families
    noisy = sample_noisy(np.diag(np.repeat(atoms, counts)), epsilon, np.random.default_rng(seed))
    if normalized:
        sums = np.repeat(degrees, counts) + (noisy.sum(axis=1) - np.diag(noisy))
        noisy = noisy / np.sqrt(np.outer(sums, sums))
    return np.linalg.eigvalsh(noisy)[::-1]


@pytest.mark.parametrize(("families", "epsilon", "normalized"), SAMPLED)
def test_bulk_against_samples(families, epsilon, normalized):
    """Eigenvalues are rigid: each is within some log N/N of its quantile, edges within N^(−2/3).

    Inside the bulk the mean over 4 seeds must agree to 0.5 % of the widest band. At an edge the
    largest eigenvalue has a Tracy-Widom law: in units of (edge − q₁)/1.77 its mean is −1.21 and
    its standard deviation 1.27, so five standard errors of 4 seeds, plus a unit for finite N.
    """
    seeds = 4
    bulk = make(families, epsilon, normalized)
    sampled = [noisy_eigenvalues(families, epsilon, normalized, seed) for seed in range(seeds)]
    mean = np.mean(sampled, axis=0)
    expected = bulk.quantile(np.arange(bulk.count) + 0.5)
    widest = max(band.upper - band.lower for band in bulk.bands)
    assert np.sqrt(np.mean((mean - expected) ** 2)) < 0.005 * widest
    above = 0
    for band in bulk.bands:
        for edge, rank in ((band.upper, above), (band.lower, above + band.count - 1)):
            unit = (edge - expected[rank]) / 1.77
            assert abs((mean[rank] - edge) / unit + 1.21) < 5 * 1.27 / np.sqrt(seeds) + 1
        above += band.count


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 10**9), st.integers(0, 10**4), st.floats(0.5, 2)),
        min_size=1,
        max_size=4,
    ),
    st.floats(-6, -1.5),
    st.booleans(),
)
def test_any_families(lines, exponent, normalized):
    """Bands are ordered and keep the counts; quantiles fall, lie inside, and are consistent."""
    total = sum(count for count, _, _ in lines)
    counts = tuple(count for count, _, _ in lines)
    atoms = tuple(atom / 10**4 for _, atom, _ in lines)
    degrees = tuple(degree * total for _, _, degree in lines)
    bulk = make((counts, atoms, degrees), 10.0**exponent * np.sqrt(total), normalized)
    ends = [end for band in bulk.bands for end in (band.upper, band.lower)]
    assert ends == sorted(ends, reverse=True)
    assert bulk.count == total
    ranks = np.linspace(0.01, 0.99, 7) * total
    places = bulk.quantile(ranks)
    assert np.all(np.diff(places) <= 0)
    assert np.all((places <= ends[0]) & (places >= ends[-1]))
    back = np.array([bulk.count_above(x) for x in places])
    assert np.allclose(back, ranks, rtol=1e-5, atol=1e-6 * total)


def test_no_noise_leaves_the_atoms():
    bulk = make(FAMILIES[3], 0.0, True)
    assert [band.lower for band in bulk.bands] == [band.upper for band in bulk.bands]
    assert [band.count for band in bulk.bands] == [40, 120, 240]
    assert bulk.quantile(np.array([39.5, 40.5, 399.5])) == pytest.approx(
        [60 / 400, 20 / 300, 0.5 / 300]
    )
    assert bulk.density(60 / 400) == np.inf
    assert bulk.density(0.1) == 0


def test_bands_merge_one_by_one():
    levels = [
        [band.levels for band in make(FAMILIES[3], epsilon, True).bands]
        for epsilon in (0.01, 0.7, 2.0)
    ]
    assert levels == [[1, 1, 1], [1, 2], [3]]


def test_noise_opens_gaps_where_degrees_differ_much():
    bulk = make(((392, 8), (0.0, 0.0), (600.0, 60.0)), 0.3, True)
    assert [band.count for band in bulk.bands] == [8, 384, 8]
    assert [band.members for band in bulk.bands] == [("family 1",), ("family 0",), ("family 1",)]
    nearer = make(((392, 8), (0.0, 0.0), (600.0, 400.0)), 0.3, True)
    assert [band.count for band in nearer.bands] == [400]


def test_noise_above_the_degrees_has_no_edges():
    bulk = make(((100,), (0.5,), (10.0,)), 1.0, True)
    assert (bulk.bands[0].lower, bulk.bands[0].upper) == (-np.inf, np.inf)
    assert np.isnan(bulk.quantile(3.5))
    assert np.isnan(bulk.count_above(0.0))
