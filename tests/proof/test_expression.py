from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory.proof.expression import parse_condition
from dctheory.proof.logic import compile_exact, gap_point

NAMES = ("r", "n", "n_d", "k", "alpha", "beta", "gamma", "c0", "c1", "c2")


@st.composite
def admissible(draw) -> dict[str, object]:
    r, n = draw(st.integers(1, 4)), draw(st.integers(2, 6))
    q = draw(st.integers(3, 9))
    beta, gamma, alpha = sorted(draw(st.sets(st.integers(0, q - 1), min_size=3, max_size=3)))
    return {
        "r": r,
        "n": n,
        "n_d": draw(st.integers(1, n)),
        "k": draw(st.integers(1, n * (r + 1) - 1)),
        "alpha": Fraction(alpha, q),
        "beta": Fraction(beta, q),
        "gamma": Fraction(gamma, q),
    }


def in_python(text: str, point: dict[str, object]) -> bool:
    """The text as Python reads it, with the paper's constants."""
    alpha, beta, gap = point["alpha"], point["beta"], point["gamma"] - point["beta"]
    r, n, n_d = point["r"], point["n"], point["n_d"]
    c2 = 1 - alpha + n * alpha + n * r * beta
    c0 = 1 - alpha + n * alpha + (n - n_d) * r * beta
    names = {**point, "c0": c0, "c1": c2 + n_d * r * gap, "c2": c2}
    return bool(eval(text, {"__builtins__": {}}, names))


numbers = st.recursive(
    st.sampled_from(NAMES) | st.integers(0, 4).map(str),
    lambda part: (
        st.tuples(part, st.sampled_from(["+", "-", "*"]), part).map(lambda t: f"({' '.join(t)})")
        | part.map(lambda text: f"(-{text})")
        | st.tuples(part, st.integers(0, 3)).map(lambda t: f"({t[0]}**{t[1]})")
    ),
    max_leaves=4,
)
comparisons = st.tuples(numbers, st.sampled_from(["<", "<=", ">", ">=", "=="]), numbers).map(
    " ".join
)
conditions = st.recursive(
    comparisons,
    lambda part: (
        st.tuples(part, st.sampled_from(["and", "or"]), part).map(lambda t: f"({' '.join(t)})")
        | part.map(lambda text: f"(not {text})")
    ),
    max_leaves=3,
)


@settings(max_examples=60, deadline=None)
@given(text=conditions, points=st.lists(admissible(), min_size=5, max_size=5))
def test_a_condition_means_what_python_reads(text, points):
    holds = compile_exact(parse_condition(text))
    for point in points:
        assert holds(gap_point(point)) is in_python(text, point), point


def test_chained_comparisons():
    holds = compile_exact(parse_condition("r + 1 <= k < n_d + r"))
    point = {"r": 1, "n": 4, "n_d": 3, "alpha": Fraction(1, 2), "beta": 0, "gamma": Fraction(1, 4)}
    assert [k for k in range(1, 8) if holds(gap_point({**point, "k": k}))] == [2, 3]


@pytest.mark.parametrize(
    "text",
    [
        "print(1) > 0",
        "__import__('os').system('true') == 0",
        "alpha.real > 0",
        "n[0] > 0",
        "delta > 0",
        "n_e > 0",
        "u > 0",
        "alpha > 0.5",
        "alpha > 1e9",
        "True",
        "n > True",
        "'a' > 'b'",
        "n**5 > 0",
        "2**9999 > 0",
        "n**alpha > 0",
        "n**-1 > 0",
        "n**(1 - 2) > 0",
        "1/n > 0",
        "n // 2 > 0",
        "n % 2 == 0",
        "n @ r > 0",
        "n != 2",
        "n is r",
        "n in r",
        "n",
        "n + r",
        "(n > 1) + 1 > 0",
        "n > 1 if r > 1 else n > 2",
        "lambda: n > 1",
        "[n > 1]",
        "(x := n) > 1",
        "~n > 1",
        "+n > 1",
        "n > 1; r > 1",
        "n >",
        "",
        "\x00",
        "(" * 5000 + "n > 1" + ")" * 5000,
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="condition"):
        parse_condition(text)


def test_the_error_shows_the_part_that_is_not_allowed():
    with pytest.raises(ValueError, match=r"'alpha / n' is not allowed in a condition"):
        parse_condition("k > 1 and alpha / n < r")
