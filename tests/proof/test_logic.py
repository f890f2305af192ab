from __future__ import annotations

import re
from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory import formulas as f
from dctheory.proof.logic import (
    SYMBOLS,
    TRUE,
    All,
    Compare,
    Count,
    Not,
    Some,
    compare,
    compile_exact,
    gap_point,
    homogeneous,
    homogeneous_polynomial,
    iff,
    implies,
    primitive,
    signed,
    smt_query,
)

OPERATORS = {
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
    "==": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
}

small = st.integers(-3, 3)
monomials = st.tuples(small, st.lists(st.sampled_from(SYMBOLS), max_size=3)).map(
    lambda term: sp.Integer(term[0]) * sp.Mul(*term[1])
)
polynomials = st.lists(monomials, min_size=1, max_size=4).map(lambda terms: sp.Add(*terms))
# Any integers for the logic; admissible ones for what relies on signs.
anywhere = st.fixed_dictionaries({symbol.name: st.integers(-4, 4) for symbol in SYMBOLS})
admissible = st.fixed_dictionaries(
    {
        "u": st.integers(1, 9),
        "beta": st.integers(0, 9),
        "g": st.integers(1, 9),
        "h": st.integers(1, 9),
        "r": st.integers(1, 6),
        "n_e": st.integers(0, 6),
        "n_d": st.integers(1, 6),
        "k": st.integers(1, 20),
    }
)


def value(poly, point):
    """A polynomial in gap coordinates at a point, by sympy's text and Python's integers."""
    return eval(str(poly), {"__builtins__": {}}, dict(point))


def sign(number) -> int:
    return (number > 0) - (number < 0)


def statements(depth: int):
    """Pairs of a statement and its meaning as a function of a point."""
    leaf = st.tuples(polynomials, st.sampled_from(sorted(OPERATORS)), polynomials).map(
        lambda t: (
            compare(*t),
            lambda point: bool(OPERATORS[t[1]](value(t[0], point), value(t[2], point))),
        )
    )
    if depth == 0:
        return leaf
    part = statements(depth - 1)
    several = st.lists(part, max_size=3)
    return st.one_of(
        leaf,
        part.map(lambda p: (Not(p[0]), lambda point: not p[1](point))),
        several.map(
            lambda ps: (All(tuple(p[0] for p in ps)), lambda point: all(p[1](point) for p in ps))
        ),
        several.map(
            lambda ps: (Some(tuple(p[0] for p in ps)), lambda point: any(p[1](point) for p in ps))
        ),
        st.tuples(part, part).map(
            lambda p: (
                implies(p[0][0], p[1][0]),
                lambda point: not p[0][1](point) or p[1][1](point),
            )
        ),
        st.tuples(part, part).map(
            lambda p: (iff(p[0][0], p[1][0]), lambda point: p[0][1](point) == p[1][1](point))
        ),
        st.tuples(
            st.lists(st.tuples(part, polynomials), min_size=1, max_size=3),
            st.sampled_from(["<=", ">=", "=="]),
            polynomials,
        ).map(
            lambda t: (
                Count(tuple((p[0], weight) for p, weight in t[0]), t[1], t[2]),
                lambda point: bool(
                    OPERATORS[t[1]](
                        sum(value(weight, point) for p, weight in t[0] if p[1](point)),
                        value(t[2], point),
                    )
                ),
            )
        ),
    )


def by_z3(statement, point) -> bool:
    """Whether the statement's SMT-LIB text holds at a point."""
    import z3

    text = smt_query([("statement", statement)], SYMBOLS)
    fixed = [f"(assert (= {name} {_signed_word(number)}))" for name, number in point.items()]
    solver = z3.Solver(ctx=z3.Context())
    solver.from_string(text.replace("(check-sat)", "\n".join(fixed)))
    answer = str(solver.check())
    assert answer in ("sat", "unsat")
    return answer == "sat"


def _signed_word(number: int) -> str:
    return f"(- {-number})" if number < 0 else str(number)


@settings(max_examples=50, deadline=None)
@given(pair=statements(2), points=st.lists(anywhere, min_size=3, max_size=3))
def test_the_exact_function_and_the_solver_text_mean_the_statement(pair, points):
    statement, meaning = pair
    holds = compile_exact(statement)
    for point in points:
        assert holds(point) is meaning(point)
    assert by_z3(statement, points[0]) is meaning(points[0])


def test_empty_conjunction_is_true_and_empty_disjunction_false():
    point = dict.fromkeys((symbol.name for symbol in SYMBOLS), 1)
    for statement, expected in ((TRUE, True), (All(()), True), (Some(()), False)):
        assert compile_exact(statement)(point) is expected
        assert by_z3(statement, point) is expected


def test_a_query_shares_the_nonlinear_part_of_its_polynomials():
    poly = f.u * f.h - f.beta**2
    query = smt_query(
        [("first", compare(poly, ">", 0)), ("second", compare(-poly, ">=", f.r))], SYMBOLS
    )
    assert len(re.findall(r"define-fun", query)) == 1
    assert "; first" in query
    assert "; second" in query
    assert query.endswith("(check-sat)\n")
    declared = re.findall(r"declare-fun (\w+) \(\) Real", query)
    assert declared == [symbol.name for symbol in SYMBOLS]


def test_a_query_is_plain_smt_lib_with_its_polynomials_in_a_canonical_order():
    terms = (f.u * f.h, 3 * f.beta * f.g, -f.r * f.n_d * f.u)
    first = smt_query([("c", compare(sp.Add(*terms), ">", 0))], SYMBOLS)
    again = smt_query([("c", compare(sum(reversed(terms)), ">", 0))], SYMBOLS)
    assert first == again
    lines = first.splitlines()
    assert lines[0] == "(set-logic QF_NRA)"
    assert lines[-3:] == ["; c", "(assert (> p1 0))", "(check-sat)"]
    (definition,) = (line for line in lines if line.startswith("(define-fun"))
    monomials = re.findall(r"\* ((?:[\w ]|\(- 1\))+)", definition)
    assert {frozenset(words.split()) for words in monomials} == {
        frozenset(words.split()) for words in ("h u", "3 beta g", "(- 1) n_d r u")
    }


# --- Signs


@settings(max_examples=60, deadline=None)
@given(
    factors=st.lists(polynomials, min_size=1, max_size=3),
    powers=st.lists(st.integers(1, 3), min_size=3, max_size=3),
    points=st.lists(admissible, min_size=6, max_size=6),
)
def test_primitive_keeps_the_sign_at_admissible_points(factors, powers, points):
    poly = sp.Mul(*(factor**power for factor, power in zip(factors, powers, strict=False)))
    short = primitive(poly)
    for point in points:
        assert sign(value(short, point)) == sign(value(poly, point)), point


@pytest.mark.parametrize(
    "factor",
    [
        f.u,
        f.u + f.n_e * f.beta,
        f.g + f.h,
        f.r,
        f.n_d,
        f.u + (f.r - 1) * f.beta,
        f.u + (f.n_d - 1) * f.g,
        f.block("both", "trivial").degree_difficult,
    ],
)
def test_primitive_drops_factors_that_are_positive(factor):
    kept = f.k - f.r - 1
    assert sp.expand(primitive(factor * kept) - kept) == 0
    assert sp.expand(primitive(-(factor**3) * kept) + kept) == 0


@pytest.mark.parametrize("factor", [f.beta, f.n_e, f.r - 1, f.n_d - 1, f.h - f.g, f.k])
def test_primitive_keeps_factors_that_may_vanish_or_change_sign(factor):
    assert primitive(factor * f.u).free_symbols >= factor.free_symbols
    point = dict.fromkeys((symbol.name for symbol in SYMBOLS), 1) | {"beta": 0, "n_e": 0, "k": 0}
    assert value(primitive(factor * f.u), point) == 0
    # An even power is kept as a square: not negative, but possibly zero.
    assert value(primitive(factor**4), point) == 0


@pytest.mark.parametrize("number", [-7, 0, 3])
def test_primitive_of_a_number_is_its_sign(number):
    assert primitive(sp.Integer(number)) == sign(number)


# --- From the paper's symbols


PAPER = (f.r, f.n, f.n_d, f.k, f.alpha, f.beta, f.gamma)
leaves = st.sampled_from(PAPER) | st.integers(-3, 3).map(sp.Integer)
rationals = st.recursive(
    leaves,
    lambda part: st.one_of(
        st.tuples(part, part).map(lambda p: p[0] + p[1]),
        st.tuples(part, part).map(lambda p: p[0] * p[1]),
        st.tuples(part, part).map(lambda p: p[0] / (1 + p[1] ** 2)),
    ),
    max_leaves=5,
)


@st.composite
def paper_points(draw):
    q = draw(st.integers(3, 12))
    beta, gamma, alpha = sorted(draw(st.sets(st.integers(0, q - 1), min_size=3, max_size=3)))
    n = draw(st.integers(2, 7))
    return {
        "r": draw(st.integers(1, 5)),
        "n": n,
        "n_d": draw(st.integers(1, n)),
        "k": draw(st.integers(1, 12)),
        **{
            name: Fraction(top, q)
            for name, top in (("alpha", alpha), ("beta", beta), ("gamma", gamma))
        },
    }


def paper_value(expr, point):
    numbers = {s: sp.Rational(Fraction(point[s.name])) for s in PAPER}
    result = sp.sympify(expr).subs(numbers)
    return Fraction(int(result.p), int(result.q))


@settings(max_examples=100, deadline=None)
@given(expr=rationals, point=paper_points())
def test_homogeneous_is_the_expression_at_every_point(expr, point):
    top, bottom = homogeneous(expr)
    gaps = gap_point(point)
    assert value(bottom, gaps) != 0
    assert Fraction(value(top, gaps), value(bottom, gaps)) == paper_value(expr, point)


@settings(max_examples=60, deadline=None)
@given(expr=rationals, scale=st.integers(2, 5), point=paper_points())
def test_homogeneous_does_not_depend_on_the_scale_of_the_weights(expr, scale, point):
    top, bottom = homogeneous(expr)
    gaps = gap_point(point)
    scaled = {key: x * (scale if key in "u beta g h".split() else 1) for key, x in gaps.items()}
    before = value(top, gaps) * value(bottom, scaled)
    assert before == value(top, scaled) * value(bottom, gaps)


@settings(max_examples=80, deadline=None)
@given(expr=rationals, op=st.sampled_from([">", ">=", "=="]), point=paper_points())
def test_signed_reads_the_sign_of_a_rational_expression(expr, op, point):
    holds = compile_exact(signed(expr, op))
    assert holds(gap_point(point)) is bool(OPERATORS[op](paper_value(expr, point), 0))


@settings(max_examples=60, deadline=None)
@given(
    expr=st.recursive(
        leaves,
        lambda p: st.tuples(p, p, st.booleans()).map(
            lambda t: t[0] * t[1] if t[2] else t[0] - t[1]
        ),
        max_leaves=6,
    ),
    point=paper_points(),
)
def test_homogeneous_polynomial_keeps_the_sign(expr, point):
    poly = homogeneous_polynomial(expr)
    assert sp.denom(sp.together(poly)).is_number
    assert sign(value(poly, gap_point(point))) == sign(paper_value(expr, point))


@pytest.mark.parametrize("expr", [1 / f.n, f.alpha / f.C2.expr, 1 / (f.alpha + 1)])
def test_a_condition_with_a_denominator_is_refused(expr):
    with pytest.raises(ValueError, match="must be polynomial"):
        homogeneous_polynomial(expr)


@pytest.mark.parametrize("expr", [sp.sqrt(f.n), sp.exp(f.alpha), f.alpha**f.r, sp.Float(0.5) * f.r])
def test_what_is_not_rational_is_refused(expr):
    with pytest.raises(ValueError, match="not a rational expression"):
        homogeneous(expr)


def test_a_foreign_symbol_is_refused():
    with pytest.raises(ValueError, match="delta"):
        homogeneous(f.delta + 1)


@given(point=paper_points())
def test_gap_point_is_the_paper_point_at_an_integer_scale(point):
    gaps = gap_point(point)
    assert all(isinstance(number, int) for number in gaps.values())
    scale = gaps["u"] + gaps["beta"] + gaps["g"] + gaps["h"]
    assert scale > 0
    assert Fraction(gaps["beta"], scale) == point["beta"]
    assert Fraction(gaps["beta"] + gaps["g"], scale) == point["gamma"]
    assert 1 - Fraction(gaps["u"], scale) == point["alpha"]
    assert gaps["n_e"] + gaps["n_d"] == point["n"]
    assert (gaps["r"], gaps["n_d"], gaps["k"]) == (point["r"], point["n_d"], point["k"])


def test_gap_point_without_k():
    point = {"r": 1, "n": 3, "n_d": 1, "alpha": "3/4", "beta": 0, "gamma": 0.5}
    assert gap_point(point) == {"u": 1, "beta": 0, "g": 2, "h": 1, "r": 1, "n_e": 2, "n_d": 1}


def test_fractional_coefficients_are_not_compiled():
    with pytest.raises(ValueError, match="only integer coefficients"):
        compile_exact(Compare(">", sp.Rational(1, 2) * f.r))
