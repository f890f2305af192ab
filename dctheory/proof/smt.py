"""Deciding SMT-LIB queries with z3."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class SolverAnswer:
    """``status`` is "unsat", "sat" or "unknown" (with the solver's reason)."""

    status: str
    reason: str = ""


# The definition of a polynomial, as `smt_query` writes it.
_DEFINITION = re.compile(r"^\(define-fun (p\d+) \(\) Real .*\)$", re.MULTILINE)


def solve(query: str, timeout_seconds: float = 30.0) -> SolverAnswer:
    """Run z3 on an SMT-LIB script. A time-out is "unknown", never an error.

    Many queries need no more than which polynomials they speak of, or linear reasoning over
    monomials. Forgetting the rest keeps "unsat" sound, so that is tried first; only "unsat" counts.
    """
    import z3

    forgetful = _DEFINITION.sub(r"(declare-fun \1 () Real)", query)
    linear = query.replace("(set-logic QF_NRA)\n", "")
    answer = SolverAnswer("unknown", "not started")
    for text, options, share in (
        (forgetful.replace("(set-logic QF_NRA)\n", ""), {"arith.nl": False}, 0.05),
        (linear, {"arith.nl": False}, 0.05),
        (query, {}, 1.0),
    ):
        context = z3.Context()
        solver = z3.SimpleSolver(ctx=context) if options else z3.Solver(ctx=context)
        solver.set("timeout", max(1, int(1000 * share * timeout_seconds)), **options)
        try:
            solver.from_string(text)
        except z3.Z3Exception as error:
            raise ValueError(f"the query is not valid SMT-LIB: {error}") from error
        status = str(solver.check())
        answer = SolverAnswer(status, solver.reason_unknown() if status == "unknown" else "")
        if status == "unsat":
            break
    return answer
