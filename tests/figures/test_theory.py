"""The numbers behind the theory's figures, beside brute force and the claims themselves."""

import importlib
from fractions import Fraction

import numpy as np
import pytest

from dctheory import SimilarityGraph, formulas
from dctheory.claims.registry import all_claims

# Statement of the figure -> the claim that decides it exactly.
_CLAIMS = {
    "Theorem 3.4 valid": "thm-3.4/valid",
    "difficult ones harm": "thm-3.4/harm",
    "Corollary 4.1 right": "cor-4.1-condition/exact",
}


@pytest.fixture
def theory():
    return importlib.import_module("_theory")


@pytest.mark.parametrize("pairing", ["both", "matched", "either"])
def test_maps_of_claims_are_the_claims(theory, pairing):
    difficult, gap, k = np.meshgrid([1, 4, 17, 30, 45, 58, 59], [1, 12, 36], [3, 4, 6, 9])
    grid = {**theory.PLANE, "difficult": difficult, "gamma": 0.1 + gap / 100, "k": k}
    found = theory.statements(grid, pairing)
    for name, identifier in _CLAIMS.items():
        claim, expected = all_claims()[identifier], np.full(k.shape, -1)
        for place in np.ndindex(k.shape):
            point = {"r": 3, "n": 60, "n_d": int(difficult[place]), "k": int(k[place])}
            point |= {"alpha": Fraction(1, 2), "beta": Fraction(1, 10)}
            point["gamma"] = Fraction(1, 10) + Fraction(int(gap[place]), 100)
            if claim.admits(point):
                expected[place] = 0 if claim.holds(pairing, point) else 1
        np.testing.assert_array_equal(found[name], expected, err_msg=name)
        assert {0, 1} <= set(np.unique(expected)) or pairing == "matched"


def test_entries_of_the_graph_are_counted_as_the_formulas_count_them(theory):
    rows = theory.graph().tables["entries"].rows
    sizes = {formulas.r: 2, formulas.n: 4, formulas.n_d: 2}
    for pairing in theory.READINGS:
        counts = dict.fromkeys(("self", "alpha", "beta", "gamma"), 0)
        for kind in formulas.pair_kinds(pairing):
            name = "self" if kind.weight == 1 else kind.weight.name
            counts[name] += int(kind.count.subs(sizes))
        own = {row["similarity"]: row["entries"] for row in rows if row["pairing"] == pairing}
        assert own == counts


def test_the_spectrums_bars_are_the_matrixs_eigenvalues(theory):
    tables = theory.spectrum().tables
    for pairing in theory.READINGS:
        graph = SimilarityGraph(**theory.SMALL, gamma=0.3, pairing=pairing)
        values = np.linalg.eigvalsh(graph.normalized_adjacency())[::-1]
        for row in tables[pairing]:
            own = values[row["first"] - 1 : row["last"]]
            np.testing.assert_allclose(own, row["value"], atol=1e-12)
        assert tables[pairing].rows[-1]["last"] == graph.num_nodes
