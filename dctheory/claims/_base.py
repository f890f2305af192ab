"""A claim as data, and the route by which polynomial claims are decided.

Search first: a counterexample found by exact arithmetic saves the attempt at a proof. Then proof:
of the claim itself if the search came back empty, else of each candidate condition in both
directions. What is left without either is REFUTED by its smallest counterexample, or UNDECIDED.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from typing import Any

from dctheory.claims import _model
from dctheory.proof.expression import parse_condition
from dctheory.proof.logic import (
    SYMBOLS,
    All,
    Not,
    Some,
    Statement,
    compile_exact,
    gap_point,
    smt_query,
)
from dctheory.proof.search import Point, smallest
from dctheory.proof.smt import solve
from dctheory.proof.verdict import Outcome, Step, Verdict

PAIRINGS: tuple[str | None, ...] = ("both", "matched", "either")
NO_PAIRING: tuple[str | None, ...] = (None,)
Named = tuple[tuple[str, Statement], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Claim:
    """One statement of the paper (or of ours), ready to be decided.

    Attributes:
        id: identifier, e.g. ``"thm-3.4/valid"``.
        where: its place in the paper.
        text: the statement in words.
        pairings: readings under which it is decided; ``(None,)`` if it does not depend on one.
    """

    id: str
    where: str
    text: str
    pairings: tuple[str | None, ...] = PAIRINGS

    def check(self, pairing: str | None) -> Verdict:
        """Decide the claim under one reading."""
        start = time.perf_counter()
        verdict = self._decide(pairing)
        return replace(verdict, seconds=time.perf_counter() - start)

    def recheck(self, verdict: Verdict) -> list[str]:
        """Problems found when the verdict's own evidence is checked again; empty if it stands.

        By default the claim is decided once more; claims with a search check the witness instead.
        """
        return differences(self._decide(verdict.pairing), verdict)

    def _decide(self, pairing: str | None) -> Verdict:
        raise ValueError(f"claim {self.id} has no route")

    def _verdict(self, pairing: str | None, outcome: Outcome, **fields: Any) -> Verdict:
        return Verdict(self.id, pairing, outcome, where=self.where, statement=self.text, **fields)


def differences(expected: Verdict, stored: Verdict) -> list[str]:
    """Fields (all but the time) in which a stored verdict is not what the claim gives."""
    names = ("outcome", "condition", "witness", "method", "where", "statement", "details", "steps")
    return [
        f"{name} is not what the claim gives"
        for name in names
        if getattr(expected, name) != getattr(stored, name)
    ]


def read_point(witness: Any, integers: tuple[str, ...], rationals: tuple[str, ...]) -> Point:
    """An exact point from a witness as JSON holds it; ValueError if it is none."""
    try:
        if not all(type(witness[name]) is int for name in integers):
            raise ValueError(f"{', '.join(integers)} must be integers")
        if not all(isinstance(witness[name], str) for name in rationals):
            raise ValueError(f"{', '.join(rationals)} must be fractions as text")
        point: Point = {name: witness[name] for name in integers}
        return point | {name: Fraction(witness[name]) for name in rationals}
    except (TypeError, KeyError, ValueError, ZeroDivisionError) as error:
        raise ValueError(f"the witness cannot be read: {error}") from error


@dataclass(frozen=True, kw_only=True, eq=False)
class AlgebraicClaim(Claim):
    """A claim whose statement is a :data:`dctheory.proof.logic.Statement` for each case.

    Attributes:
        statement: (pairing, case) to the statement in gap coordinates and k.
        cases: which shapes of graph have to be proved one by one ("mixed", "full", or "any").
        extra: hypotheses beside those of :func:`dctheory.claims._model.hypotheses`.
        conditions: for each pairing candidate exact conditions, simplest first.
        lemmas: (pairing, case) to statements proved first and then used.
        order: (pairing, case) to instances of x > y ≥ z ⇒ x > z among eigenvalues and thresholds,
            which hold as such but are invisible in the signs of polynomials.
        sides: (point, pairing) to the exact numbers that the claim compares, for the witness.
        notes: for each pairing sentences for the verdict.
        uses_k: whether k occurs.
        limits: largest N and largest denominator of the search.
    """

    statement: Callable[[str | None, str], Statement]
    cases: tuple[str, ...] = _model.CASES
    extra: Named = ()
    conditions: Mapping[str | None, tuple[str, ...]] = field(default_factory=dict)
    lemmas: Callable[[str | None, str], Named] = lambda pairing, case: ()
    order: Callable[[str | None, str], Named] = lambda pairing, case: ()
    sides: Callable[[Point, str | None], dict[str, str]] | None = None
    notes: Mapping[str | None, tuple[str, ...]] = field(default_factory=dict)
    uses_k: bool = True
    limits: tuple[int, int] = (12, 8)

    def _hypotheses(self, case: str) -> Named:
        return (*_model.hypotheses(case), *self.extra)

    def _decide(self, pairing: str | None) -> Verdict:
        failing = self.search(pairing, Not)
        if failing is None:
            steps = self._prove(pairing, None)
            if steps is not None:
                return self._assemble(pairing, Outcome.PROVED, steps=steps)
            return self._assemble(pairing, Outcome.UNDECIDED)
        for condition in self.conditions.get(pairing, ()):
            steps = self._prove(pairing, condition)
            holding = self.search(pairing, lambda statement: statement)
            if steps is not None and holding is not None:
                return self._assemble(
                    *(pairing, Outcome.CONDITIONAL, failing),
                    holding=holding,
                    condition=condition,
                    steps=steps,
                )
        return self._assemble(pairing, Outcome.REFUTED, failing)

    def _assemble(
        self,
        pairing: str | None,
        outcome: Outcome,
        failing: Point | None = None,
        *,
        holding: Point | None = None,
        condition: str | None = None,
        steps: tuple[Step, ...] = (),
    ) -> Verdict:
        """The verdict from its evidence; the same when it is found and when it is rechecked."""
        details = list(self.notes.get(pairing, ()))
        nodes, denominators = self.limits
        witness: dict[str, Any] | None = None
        if failing is not None:
            witness = self._witness(pairing, failing)
            kind = "" if _is_psd(pairing)(gap_point({"k": 1, **failing})) else "not "
            details.append(
                f"the counterexample's graph is {kind}positive semidefinite"
                f"{'' if pairing else ' under some reading'}; it is the smallest by N, then by "
                f"common denominator, of those with denominators up to {denominators}, positive "
                "semidefinite ones first"
            )
        if holding is not None:
            witness = {"holds": self._witness(pairing, holding), "fails": witness}
        if outcome is Outcome.UNDECIDED:
            details.append(f"no counterexample with N ≤ {nodes}, denominators ≤ {denominators}")
        method = {
            Outcome.PROVED: f"SMT proof, {len(steps)} queries",
            Outcome.CONDITIONAL: f"SMT proof of both directions, {len(steps)} queries",
            Outcome.REFUTED: "smallest counterexample by exact search",
        }.get(outcome, "search and SMT, which did not finish")
        return self._verdict(
            *(pairing, outcome),
            condition=condition,
            witness=witness,
            method=method,
            details=tuple(details),
            steps=steps,
        )

    # --- Search and evaluation

    def holds(self, pairing: str | None, point: Mapping[str, Any]) -> bool:
        """Whether the claim holds at an exact point that satisfies its hypotheses."""
        gaps = gap_point({"k": 1, **point})
        if not any(_hypotheses_hold(self, case)(gaps) for case in self.cases):
            raise ValueError(f"{dict(point)} does not satisfy the hypotheses of {self.id}")
        return _evaluator(self, pairing)(gaps)

    def admits(self, point: Mapping[str, Any]) -> bool:
        """Whether the point satisfies the claim's hypotheses."""
        gaps = gap_point({"k": 1, **point})
        return any(_hypotheses_hold(self, case)(gaps) for case in self.cases)

    def search(self, pairing: str | None, wanted: Callable[[Statement], Statement]) -> Point | None:
        """The smallest admissible point where ``wanted(statement)`` holds; PSD ones first."""
        # Hypotheses that need similarities (β > 0, say) are not seen by the size filter.
        extra = tuple(statement for _, statement in self.extra)
        wanted_by_case = _by_case(self, pairing, lambda statement: All((*extra, wanted(statement))))
        return smallest(
            wanted_by_case,
            _is_psd(pairing),
            _size_filter(self),
            *self.limits,
        )

    def _witness(self, pairing: str | None, point: Point) -> dict[str, Any]:
        witness: dict[str, Any] = {
            key: value if type(value) is int else str(value)
            for key, value in point.items()
            if key != "k" or self.uses_k
        }
        return witness | (self.sides(point, pairing) if self.sides is not None else {})

    # --- Proof

    def queries(self, pairing: str | None, condition: str | None) -> list[Step]:
        """All SMT-LIB queries that together prove the claim (under the condition)."""
        steps = []
        for case in self.cases:
            base = list(self._hypotheses(case))
            known = [*base, *self.order(pairing, case)]
            for name, lemma in self.lemmas(pairing, case):
                steps.append(_query(f"{case}: lemma {name}", base, ("negated lemma", Not(lemma))))
                known.append((f"lemma {name}", lemma))
            statement = self.statement(pairing, case)
            if condition is None:
                goal = ("negated claim", Not(statement))
                steps.append(_query(f"{case}: claim", known, goal))
                continue
            premise = parse_condition(condition)
            steps += [
                _query(
                    f"{case}: condition implies claim",
                    [*known, ("condition", premise)],
                    ("negated claim", Not(statement)),
                ),
                _query(
                    f"{case}: claim implies condition",
                    [*known, ("claim", statement)],
                    ("negated condition", Not(premise)),
                ),
            ]
        return steps

    def _prove(self, pairing: str | None, condition: str | None) -> tuple[Step, ...] | None:
        steps = self.queries(pairing, condition)
        for step in steps:
            if solve(step.content).status != "unsat":
                return None
        return tuple(steps)

    # --- Recheck

    def recheck(self, verdict: Verdict) -> list[str]:
        if verdict.outcome not in (Outcome.PROVED, Outcome.CONDITIONAL, Outcome.REFUTED):
            return super().recheck(verdict)
        pairing, witness = verdict.pairing, verdict.witness
        if verdict.outcome is Outcome.REFUTED and self.conditions.get(pairing):
            return ["REFUTED, but an exact condition of this claim is known"]
        points: dict[bool, Point] = {}
        if verdict.outcome is Outcome.REFUTED:
            points[False] = self._read(witness)
        elif verdict.outcome is Outcome.CONDITIONAL:
            if not isinstance(witness, Mapping) or verdict.condition is None:
                return ["CONDITIONAL needs a condition, a point where it holds and one that fails"]
            points = {
                True: self._read(witness.get("holds")),
                False: self._read(witness.get("fails")),
            }
        problems = [
            f"at the witness the claim {'fails' if expected else 'holds'}"
            for expected, point in points.items()
            if self.holds(pairing, point) is not expected
        ]
        steps: tuple[Step, ...] = ()
        if verdict.outcome is not Outcome.REFUTED:
            steps = tuple(self.queries(pairing, verdict.condition))
        expected_verdict = self._assemble(
            *(pairing, verdict.outcome, points.get(False)),
            holding=points.get(True),
            condition=verdict.condition,
            steps=steps,
        )
        problems += differences(expected_verdict, verdict)
        for step in () if problems else verdict.steps:
            status = solve(step.content).status
            if status != "unsat":
                problems.append(f"query {step.name!r}: solver says {status}, expected unsat")
        return problems

    def _read(self, witness: Any) -> Point:
        sizes = ("r", "n", "n_d", "k") if self.uses_k else ("r", "n", "n_d")
        point = read_point(witness, sizes, ("alpha", "beta", "gamma"))
        nodes = point["n"] * (point["r"] + 1)
        if nodes > self.limits[0]:
            raise ValueError(f"the witness has N = {nodes}, beyond the search's {self.limits[0]}")
        if not self.admits(point):
            raise ValueError(f"the witness {witness} does not satisfy the hypotheses")
        return point


def _query(name: str, known: list[tuple[str, Statement]], goal: tuple[str, Statement]) -> Step:
    return Step("smt", name, smt_query([*known, goal], SYMBOLS))


@cache
def _hypotheses_hold(claim: AlgebraicClaim, case: str) -> Callable[[Mapping[str, Any]], bool]:
    return compile_exact(All(tuple(statement for _, statement in claim._hypotheses(case))))


def _by_case(
    claim: AlgebraicClaim,
    pairing: str | None,
    wanted: Callable[[Statement], Statement] = lambda statement: statement,
) -> Callable[[Mapping[str, Any]], bool]:
    """The statement compiled, choosing the case by whether easy nodes are there."""
    compiled = {case: compile_exact(wanted(claim.statement(pairing, case))) for case in claim.cases}
    if "any" in compiled:
        return compiled["any"]
    return lambda gaps: compiled["mixed" if gaps["n_e"] else "full"](gaps)


@cache
def _evaluator(claim: AlgebraicClaim, pairing: str | None) -> Callable[[Mapping[str, Any]], bool]:
    return _by_case(claim, pairing)


def _size_filter(claim: AlgebraicClaim) -> Callable[[Mapping[str, Any]], bool]:
    """Hypotheses on r, n, n_d, k alone; k is fixed to 1 where the claim has none."""
    size_symbols = {"r", "n_e", "n_d", "k"}

    def names(statement: Statement) -> set[str]:
        poly = getattr(statement, "poly", None)
        return {s.name for s in poly.free_symbols} if poly is not None else {"?"}

    tests = {
        case: compile_exact(
            All(tuple(s for _, s in claim._hypotheses(case) if names(s) <= size_symbols))
        )
        for case in claim.cases
    }
    padding = {"u": 1, "beta": 1, "g": 1, "h": 1}

    def accept(gaps: Mapping[str, Any]) -> bool:
        if not claim.uses_k and gaps["k"] != 1:
            return False
        return any(test({**gaps, **padding}) for test in tests.values())

    return accept


@cache
def _is_psd(pairing: str | None) -> Callable[[Mapping[str, Any]], bool]:
    readings = (pairing,) if pairing else tuple(p for p in PAIRINGS if p)
    compiled = {
        case: compile_exact(
            Some(tuple(_model.positive_semidefinite(reading, case) for reading in readings))
        )
        for case in _model.CASES
    }
    return lambda gaps: compiled["mixed" if gaps["n_e"] else "full"](gaps)
