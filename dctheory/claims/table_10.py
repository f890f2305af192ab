"""Table 10: does one n explain the published eigenvalues by the formula of Theorem 3.4?"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from dctheory.bound import instances
from dctheory.claims._base import NO_PAIRING, Claim
from dctheory.proof.verdict import Outcome, Step, Verdict

Interval = tuple[Fraction, Fraction]
_R = instances.TABLE_10_CLASSES - 1


def samples_per_class(alpha: Any, beta: Any, gap: Any, eigenvalue: Any) -> Any:
    """Solve [(1−α) + r(γ−β)]/c1 = λ for n, with n_d a fixed share of n (Theorem 3.4)."""
    share = instances.TABLE_10_DIFFICULT_SHARE
    top = (1 - alpha + _R * gap) / eigenvalue - (1 - alpha)
    return top / (alpha + _R * beta + share * _R * gap)


def column_interval(column: Any) -> Interval:
    """All n that one column allows within the rounding of its entries.

    n is a Möbius function of each entry by itself (no pole in range), so its extremes are at the
    corners of the box of entries.
    """
    entries = (
        (column.alpha, instances.TABLE_10_SIMILARITY_ROUNDING),
        (column.beta, instances.TABLE_10_SIMILARITY_ROUNDING),
        (column.difference, instances.TABLE_10_DIFFERENCE_ROUNDING),
        (column.eigenvalue, instances.TABLE_10_EIGENVALUE_ROUNDING),
    )
    corners = product(*((value - half, value + half) for value, half in entries))
    values = [samples_per_class(*corner) for corner in corners]
    return min(values), max(values)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table10Claim(Claim):
    """The intervals of n of all columns have a common point."""

    columns: tuple[Any, ...] = instances.TABLE_10

    def _decide(self, pairing: str | None) -> Verdict:
        intervals = [column_interval(column) for column in self.columns]
        steps = tuple(
            Step("interval", f"{float(column.mixing):.0%} mixed", [str(low), str(high)])
            for column, (low, high) in zip(self.columns, intervals, strict=True)
        )
        low, high = max(i[0] for i in intervals), min(i[1] for i in intervals)
        shown = ", ".join(f"[{float(a):.1f}, {float(b):.1f}]" for a, b in intervals)
        notes = (
            f"n of each column: {shown}",
            "CIFAR-10 has 5000 training images per class; no n is stated",
            "at this n and n_d only the reading `matched` is positive semidefinite",
        )
        if low > high:
            missed = {"largest lower end": str(low), "smallest upper end": str(high)}
            return self._verdict(
                *(pairing, Outcome.REFUTED),
                witness=missed,
                method="exact interval arithmetic",
                details=notes,
                steps=steps,
            )
        step = instances.TABLE_10_DIFFICULT_SHARE.denominator
        n = -(-low // step) * step
        witness: dict[str, Any] = {"n": int(n) if n <= high else str((low + high) / 2)}
        witness["n from"], witness["n to"] = f"{float(low):.2f}", f"{float(high):.2f}"
        return self._verdict(
            *(pairing, Outcome.PROVED),
            witness=witness,
            method="exact interval arithmetic",
            details=notes,
            steps=steps,
        )


TABLE_10 = Table10Claim(
    id="table-10",
    where="Table 10",
    text="one n, with n_d = 0.08 n, explains the eigenvalue row by the formula of Theorem 3.4",
    pairings=NO_PAIRING,
)

CLAIMS = (TABLE_10,)
