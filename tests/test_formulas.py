from __future__ import annotations

import itertools
from fractions import Fraction

import jax
import numpy as np
import pytest
import sympy as sp

from dctheory import formulas as f

PAIRINGS = ("both", "matched", "either")
# r, n, n_d, α, β, γ with both kinds of node.
POINTS = [
    (1, 2, 1, 0.75, 0.25, 0.5),
    (2, 4, 3, 0.5, 0.0, 0.3),
    (3, 5, 1, 0.47, 0.19, 0.45),
    (2, 5, 2, 0.9, 0.1, 0.11),
]
ONE_KIND = [(2, 4, 0.6, 0.1, 0.4), (1, 3, 0.3, 0.0, 0.2)]
# eigvalsh of matrices of norm 1 and at most 20 rows.
EIGH_ERROR = 1e-13


def is_pair_difficult(pairing: str, i: int, j: int, n_d: int) -> bool:
    if pairing == "both":
        return i < n_d and j < n_d
    if pairing == "matched":
        return i < n_d and i == j
    return i < n_d or j < n_d


def weights(pairing: str, r: int, n: int, n_d: int, alpha, beta, gamma) -> list[list]:
    """A pair by pair, from the words of the definition."""
    nodes = list(itertools.product(range(r + 1), range(n)))
    return [
        [
            1
            if x == y
            else alpha
            if x[0] == y[0]
            else gamma
            if is_pair_difficult(pairing, x[1], y[1], n_d)
            else beta
            for y in nodes
        ]
        for x in nodes
    ]


def normalised(matrix: np.ndarray) -> np.ndarray:
    scale = 1 / np.sqrt(matrix.sum(axis=1))
    return matrix * np.outer(scale, scale)


def kind_of(pairing: str, x: tuple[int, int], y: tuple[int, int], n_d: int) -> str:
    """The name that a pair of nodes should have among `pair_kinds`."""
    ends = ["difficult" if i < n_d else "easy" for _, i in (x, y)]
    if x == y:
        relation = "self"
    elif x[0] == y[0]:
        relation = "same class"
    elif pairing == "matched" and ends == ["difficult", "difficult"]:
        relation = f"cross class, {'matched' if x[1] == y[1] else 'unmatched'}"
    else:
        relation = "cross class"
    return f"{relation}, {'-'.join(sorted(ends, reverse=True))}"


def kinds_by_name(pairing: str) -> dict[str, f.PairKind]:
    found = {}
    for kind in f.pair_kinds(pairing):
        relation = kind.name.rpartition(", ")[0]
        found[f"{relation}, {'-'.join(sorted(kind.ends, reverse=True))}"] = kind
    return found


# --- Blocks and modes


@pytest.mark.parametrize("sector", ["trivial", "class"])
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_the_determinant_is_that_of_the_entries(pairing, sector):
    block = f.block(pairing, sector)
    assert sp.expand(block.ee * block.dd - block.ed_squared - block.det) == 0


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_the_trivial_sector_has_the_eigenvalue_one(pairing):
    block = f.block(pairing, "trivial")
    shifted = (block.ee - block.degree_easy) * (block.dd - block.degree_difficult)
    assert sp.expand(shifted - block.ed_squared) == 0


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_multiplicities_sum_to_the_number_of_nodes(pairing):
    total = sum(mode.multiplicity.expr for mode in f.modes(pairing))
    assert sp.expand(total - f.n * (f.r + 1)) == 0
    for kind, size in (("easy", 0), ("difficult", f.n)):
        one_kind = sum(m.multiplicity.expr for m in f.modes_of_one_kind(pairing, kind))
        assert sp.expand(one_kind.subs(f.n_d, size) - f.n * (f.r + 1)) == 0


def eigenvalues(modes, arguments, library: str) -> np.ndarray:
    values = []
    for mode in modes:
        value = getattr(mode.value, library)(*arguments)
        count = int(mode.multiplicity.subs(zip_names(arguments)))
        assert count >= 0
        values += [float(value)] * count
    return np.sort(values)


def zip_names(arguments) -> dict[str, object]:
    return dict(zip(("r", "n", "n_d", "alpha", "beta", "gamma"), arguments, strict=True))


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_modes_are_the_spectrum_of_the_matrix(pairing, point):
    expected = np.linalg.eigvalsh(normalised(np.array(weights(pairing, *point), dtype=float)))
    with jax.enable_x64(True):
        from_jax = eigenvalues(f.modes(pairing), point, "jax")
    np.testing.assert_allclose(from_jax, expected, atol=EIGH_ERROR)
    from_numpy = eigenvalues(f.modes(pairing), point, "numpy")
    np.testing.assert_allclose(from_numpy, expected, atol=EIGH_ERROR)


@pytest.mark.parametrize("point", ONE_KIND)
@pytest.mark.parametrize("kind", ["easy", "difficult"])
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_modes_of_one_kind_are_the_spectrum_of_the_matrix(pairing, kind, point):
    r, n, *similarities = point
    arguments = (r, n, 0 if kind == "easy" else n, *similarities)
    expected = np.linalg.eigvalsh(normalised(np.array(weights(pairing, *arguments), dtype=float)))
    found = eigenvalues(f.modes_of_one_kind(pairing, kind), arguments, "numpy")
    np.testing.assert_allclose(found, expected, atol=EIGH_ERROR)


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_degrees_and_total_weight_are_row_sums(pairing):
    point = (2, 4, 3, Fraction(1, 2), Fraction(1, 9), Fraction(1, 3))
    rows = [sum(row) for row in weights(pairing, *point)]
    values = zip_names(point)
    assert f.degree(pairing, "difficult").subs(values) == sp.Rational(rows[0])
    assert f.degree(pairing, "easy").subs(values) == sp.Rational(rows[3])
    assert f.total_weight(pairing).subs(values) == sp.Rational(sum(rows))


# --- Kinds of pairs and remedies


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_counts_of_pair_kinds_sum_to_all_pairs(pairing):
    kinds = f.pair_kinds(pairing)
    assert sp.expand(sum(kind.count for kind in kinds) - (f.n * (f.r + 1)) ** 2) == 0
    weighted = sum(kind.count * kind.weight for kind in kinds)
    assert sp.expand(weighted - f.total_weight(pairing).expr) == 0


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_counts_weights_and_entries_of_every_pair_of_nodes(pairing):
    point = (2, 4, 3, 0.5, 0.125, 0.25)
    r, n, n_d = point[:3]
    matrix = np.array(weights(pairing, *point), dtype=float)
    clean = np.array(weights(pairing, r, n, 0, *point[3:]), dtype=float)
    degrees, clean_degree = matrix.sum(axis=1), clean.sum(axis=1)[0]
    kinds = kinds_by_name(pairing)
    margins = {name: f.margin_entry(pairing, kind).numpy(*point) for name, kind in kinds.items()}
    scaled = {
        name: f.margin_entry(pairing, kind, normalized=True).numpy(*point)
        for name, kind in kinds.items()
    }
    scaling = {
        name: f.temperature_entry(pairing, kind).numpy(*point) for name, kind in kinds.items()
    }
    nodes = list(itertools.product(range(r + 1), range(n)))
    seen = dict.fromkeys(kinds, 0)
    total = matrix.sum()
    for x, y in itertools.product(range(len(nodes)), repeat=2):
        name = kind_of(pairing, nodes[x], nodes[y], n_d)
        seen[name] += 1
        root = np.sqrt(degrees[x] * degrees[y])
        goal = clean[x, y] / clean_degree
        assert matrix[x, y] / root - root * margins[name] == pytest.approx(goal, abs=1e-15)
        # Weights w/W have marginals d/W.
        assert matrix[x, y] / root - root / total * scaled[name] == pytest.approx(goal, abs=1e-15)
        assert scaling[name] * matrix[x, y] / root == pytest.approx(goal, rel=1e-14)
    counts = {
        name: int(kind.count.subs({f.r: r, f.n: n, f.n_d: n_d})) for name, kind in kinds.items()
    }
    assert counts == seen


def test_eq_7_is_the_margin_of_difficult_cross_pairs():
    kind = kinds_by_name("both")["cross class, difficult-difficult"]
    assert sp.simplify(f.margin_entry("both", kind).expr - f.EQ_7.expr) == 0


# --- Printed expressions and the container


def test_printed_eigenvalues_at_hand_computed_numbers():
    # r = 1, n = 2, n_d = 1, α = 3/4, β = 1/4, γ = 1/2.
    values = {"r": 1, "n": 2, "n_d": 1, "alpha": 0.75, "beta": 0.25, "gamma": 0.5}
    expected = {
        f.C2: Fraction(9, 4),
        f.C1: Fraction(5, 2),
        f.C0: Fraction(2),
        f.THM_3_3: Fraction(1, 9),
        f.THM_3_4: Fraction(1, 5),
        f.COR_4_1: Fraction(1, 5),
        f.COR_4_1_CONDITION: Fraction(1, 4),
        f.EQ_7: Fraction(8, 225),
        f.THM_4_5_TAU: Fraction(5, 9),
        f.THM_4_5_FACTOR: Fraction(7, 4),
        f.THM_4_5_CONDITION: Fraction(1, 12),
    }
    assert {each.name: Fraction(str(each.subs(values))) for each in expected} == {
        each.name: value for each, value in expected.items()
    }
    assert f.ERROR_BOUND.subs({"lambda": 0.5, "delta": 0.125}) == 2
    assert f.E_WD.subs(values, delta=Fraction(1, 10)) == sp.Rational(1, 2) + sp.Rational(4, 5)
    assert f.E_T.subs(values, delta=Fraction(1, 7)) == sp.Rational(9, 8) + sp.Rational(8, 7)


def test_substitution_is_exact():
    third = f.C2.subs(r=2, n=3, alpha=Fraction(1, 3), beta=Fraction(1, 7))
    assert third == sp.Rational(2, 3) + 1 + 6 * sp.Rational(1, 7)
    # A float is the binary fraction that it is: 1 − 0.1 + 0.1 n is not rounded.
    tenth = Fraction(0.1)
    value = f.C2.subs(r=1, n=10**20, alpha=0.1, beta=0)
    assert Fraction(int(value.p), int(value.q)) == 1 - tenth + 10**20 * tenth
    assert f.C2.subs(r=np.int64(1), n=2, alpha=np.float64(0.5), beta=0) == sp.Rational(3, 2)
    assert f.C2.subs({f.alpha: sp.Rational(1, 2)}).free_symbols == {f.n, f.r, f.beta}


def test_unknown_symbol_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"c2 has no symbol 'tau'; it has r, n, n_d"):
        f.C2.subs(tau=1)
    with pytest.raises(ValueError, match="no symbol 'delta'"):
        f.C2.subs({f.delta: 1})


@pytest.mark.parametrize(
    ("call", "nearest"),
    [
        (lambda: f.block("boths", "trivial"), "both"),
        (lambda: f.block("both", "clas"), "class"),
        (lambda: f.bulk("eithre"), "either"),
        (lambda: f.degree("both", "eazy"), "easy"),
        (lambda: f.pair_kinds("match"), "matched"),
    ],
)
def test_unknown_choice_names_the_nearest(call, nearest):
    with pytest.raises(ValueError, match=nearest):
        call()


def test_functions_are_vectorised_and_differentiable():
    gammas = np.array([0.25, 0.3, 0.4])
    values = f.THM_3_4.numpy(2, 5, 2, 0.5, 0.2, gammas)
    expected = [
        float(f.THM_3_4.subs(r=2, n=5, n_d=2, alpha=0.5, beta=0.2, gamma=g)) for g in gammas
    ]
    np.testing.assert_allclose(values, expected, rtol=1e-14)
    slope = jax.jit(jax.grad(f.THM_3_4.jax, argnums=5))(2.0, 5.0, 2.0, 0.5, 0.2, 0.3)
    exact = float(sp.diff(f.THM_3_4.expr, f.gamma).subs(zip_symbols(2, 5, 2, 0.5, 0.2, 0.3)))
    assert slope == pytest.approx(exact, rel=1e-5)


def zip_symbols(*arguments) -> dict[sp.Symbol, object]:
    return dict(zip(f.PARAMETERS, arguments, strict=True))


def test_catalogue_is_complete_and_named_once():
    catalogue = f.catalogue()
    names = [each.name for each in catalogue]
    assert len(set(names)) == len(names)
    assert set(f.PRINTED) <= set(catalogue)
    printed = {value for value in vars(f).values() if isinstance(value, f.Formula)}
    assert printed == set(f.PRINTED)
    for pairing in PAIRINGS:
        own = {name for name in names if name.startswith(f"{pairing}/")}
        modes, kinds = f.modes(pairing), f.pair_kinds(pairing)
        # Two degrees and W; value and multiplicity of a mode; two margins, one temperature.
        assert len(own) == 3 + 2 * len(modes) + 3 * len(kinds)


def test_every_formula_has_latex_a_source_and_known_symbols():
    for each in f.catalogue():
        assert each.latex.strip()
        assert each._repr_latex_() == f"$\\displaystyle {each.latex}$"
        assert each.equation.strip()
        assert each.expr.free_symbols <= set(each.arguments), each.name
        assert str(each).startswith(f"{each.name} ({each.equation}): ")


def test_gap_coordinates_and_back():
    expr = f.THM_3_4.expr
    back = f.to_paper(f.to_gaps(expr))
    assert sp.simplify(back - expr) == 0
    assert f.to_gaps(expr).free_symbols <= set(f.GAPS)
