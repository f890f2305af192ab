"""Time of each claim's check, and of checking its verdict again without the search."""

from __future__ import annotations

import time
from typing import Any


def run(quick: bool) -> list[dict[str, Any]]:
    """A row per claim: seconds to decide it (all readings), seconds to recheck, their ratio.

    The peer is the recheck of the same verdicts, which runs the same queries without a search.
    """
    from dctheory.claims.registry import all_claims, recheck

    names = ("thm-3.3", "thm-3.4/harm", "eq-2", "thm-4.3/value") if quick else tuple(all_claims())
    rows = []
    for name in names:
        claim = all_claims()[name]
        start = time.perf_counter()
        verdicts = [claim.check(pairing) for pairing in claim.pairings]
        decided = time.perf_counter() - start
        start = time.perf_counter()
        stands = all(recheck(verdict.to_dict()).ok for verdict in verdicts)
        again = time.perf_counter() - start
        rows.append(
            {
                "name": f"claim {name}",
                "ours": round(decided, 4),
                "peer": round(again, 4),
                "ratio": round(decided / again, 3),
                "unit": "s (check against recheck)",
                "note": "" if stands else "a recheck failed",
            }
        )
    return rows
