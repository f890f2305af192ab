"""Deciding SMT-LIB queries with z3."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SolverAnswer:
    """``status`` is "unsat", "sat" or "unknown" (with the solver's reason)."""

    status: str
    reason: str = ""


def solve(query: str, timeout_seconds: float = 30.0) -> SolverAnswer:
    """Run z3 on an SMT-LIB script. A time-out is "unknown", never an error."""
    import z3

    solver = z3.Solver(ctx=z3.Context())
    solver.set("timeout", int(1000 * timeout_seconds))
    try:
        solver.from_string(query)
    except z3.Z3Exception as error:
        raise ValueError(f"the query is not valid SMT-LIB: {error}") from error
    status = str(solver.check())
    return SolverAnswer(status, solver.reason_unknown() if status == "unknown" else "")
