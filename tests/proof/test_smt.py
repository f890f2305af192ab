from __future__ import annotations

import pytest

from dctheory.proof.smt import solve

HEAD = "(set-logic QF_NRA)\n(declare-fun x () Real)\n(declare-fun y () Real)\n"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("(assert (> (* x x) 0))", "sat"),
        ("(assert (< (+ (* x x) (* y y)) 0))", "unsat"),
        # Linear once x·y is taken for a thing of its own.
        ("(assert (> (* x y) 1))\n(assert (< (* x y) 0))", "unsat"),
        # Needs real arithmetic: x² + y² ≥ 2 x y.
        ("(assert (< (+ (* x x) (* y y)) (* 2 x y)))", "unsat"),
        ("(assert (= (* x x) 2))", "sat"),
        ("", "sat"),
    ],
)
def test_known_answers(body, status):
    assert solve(f"{HEAD}{body}\n(check-sat)\n").status == status


def definitions(first: str, second: str) -> str:
    return (
        f"(define-fun p1 () Real {first})\n(define-fun p2 () Real {second})\n"
        "(assert (> p1 0))\n(assert (< p2 0))\n(check-sat)\n"
    )


def test_what_a_definition_says_is_forgotten_only_to_prove():
    # Without the definitions p1 > 0 > p2 has a model: only the full query proves it empty.
    assert solve(HEAD + definitions("(* x x y y)", "(* x x y y)")).status == "unsat"
    assert solve(HEAD + definitions("(* x x)", "(+ (* x x) (* y y) 1)")).status == "unsat"
    assert solve(HEAD + definitions("(* x x)", "(+ (* x x) (* y y) (- 1))")).status == "sat"


def test_a_time_out_is_unknown_with_a_reason():
    # x⁷ + y⁷ ≠ 0 and many products: no answer within a tenth of a second.
    names = [f"z{i}" for i in range(12)]
    declared = "".join(f"(declare-fun {name} () Real)\n" for name in names)
    power = " ".join(f"(* {' '.join([name] * 7)})" for name in names)
    product = f"(* {' '.join(names)} {' '.join(names)})"
    query = f"(set-logic QF_NRA)\n{declared}(assert (= (+ {power}) (+ 3 {product})))\n"
    query += "".join(
        f"(assert (> {name} (* 2 {after} {after})))\n"
        for name, after in zip(names, names[1:] + names[:1], strict=True)
    )
    answer = solve(f"{query}(check-sat)\n", timeout_seconds=0.1)
    assert answer.status == "unknown"
    assert answer.reason


@pytest.mark.parametrize(
    "text",
    [
        "(assert (> w 0))",
        "(assert (> x 0)",
        "not SMT-LIB at all",
        "(assert x)",
        "(declare-fun x () Nothing)",
    ],
)
def test_an_invalid_query_is_a_value_error(text):
    with pytest.raises(ValueError, match="not valid SMT-LIB"):
        solve(f"{HEAD}{text}\n(check-sat)\n")
