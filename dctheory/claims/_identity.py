"""Claims that are identities: expressions that vanish for all values of their symbols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from dctheory.claims._base import Claim
from dctheory.proof.verdict import Outcome, Step, Verdict


@dataclass(frozen=True, kw_only=True, eq=False)
class IdentityClaim(Claim):
    """A claim that says that expressions vanish identically.

    Attributes:
        identities: pairing to named pairs (left, right) of sympy expressions, equal for all values
            of their symbols. Exact rational points refute a false one.
        notes: for each pairing sentences for the verdict.
    """

    identities: Callable[[str | None], Mapping[str, tuple[Any, Any]]]
    notes: Mapping[str | None, tuple[str, ...]] = field(default_factory=dict)

    def _decide(self, pairing: str | None) -> Verdict:
        notes = tuple(self.notes.get(pairing, ()))
        steps = []
        for name, (left, right) in self.identities(pairing).items():
            gap = sp.simplify(left - right)
            if gap != 0:
                return self._refuted(pairing, name, gap, notes)
            steps.append(Step("identity", name, f"{sp.sstr(left)} = {sp.sstr(right)}"))
        return self._verdict(
            *(pairing, Outcome.PROVED),
            method=f"symbolic identity, {len(steps)} of them",
            details=notes,
            steps=tuple(steps),
        )

    def _refuted(self, pairing: str | None, name: str, gap: Any, notes: tuple[str, ...]) -> Verdict:
        point = _nonzero_point(gap)
        if point is None:
            return self._verdict(
                *(pairing, Outcome.UNDECIDED),
                method="symbolic simplification",
                details=(*notes, f"{name}: the difference {sp.sstr(gap)} was not decided"),
            )
        witness = {"identity": name, **{str(s): str(v) for s, v in point.items()}}
        witness["difference"] = sp.sstr(gap.subs(point))
        return self._verdict(
            *(pairing, Outcome.REFUTED), witness=witness, method="exact point", details=notes
        )


def _nonzero_point(gap: Any) -> dict[Any, Any] | None:
    """Small integers at which the difference does not vanish."""
    symbols = sorted(gap.free_symbols, key=str)
    for start in range(2, 8):
        point = {symbol: sp.Integer(start + i) for i, symbol in enumerate(symbols)}
        value = sp.nsimplify(gap.subs(point))
        if value.is_finite and sp.simplify(value) != 0:
            return point
    return None
