"""A million graphs: λ_{k+1} and the phase diagram, against batched and dense numpy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from dctheory import SimilarityGraph
from dctheory.bound.phase import phase_diagram
from dctheory.bound.sweep import sweep_eigenvalue
from dctheory.bound.table import bounds

# The paper's Table 10 (0 %), with 10 classes of 5,000.
FIXED = {"classes": 10, "per_class": 5_000, "alpha": 0.472, "beta": 0.191}
K = 10
REPEATS = 5


def run(quick: bool) -> list[dict[str, Any]]:
    """Time over a grid of n_d and γ; compilation apart.

    The peer: numpy's ``eigvalsh`` on all 2 × 2 quotients at once, which gives the same numbers.
    """
    side = 300 if quick else 1_000
    difficult = np.arange(1, side + 1)
    gamma = np.linspace(0.192, 0.47, side)
    grid = FIXED | {"difficult": difficult[:, None], "gamma": gamma[None, :], "k": K}

    def sweep() -> np.ndarray:
        return sweep_eigenvalue(**grid)

    def diagram() -> Any:
        return phase_diagram(**FIXED, difficult=difficult, gamma=gamma, k=K)

    points = f"{side:,} × {side:,}"
    first, seconds = _first(sweep), _median(sweep)
    peer = _median(lambda: _batched(difficult, gamma), 2)
    error = float(np.max(np.abs(sweep() / _batched(difficult, gamma) - 1)))
    if error > 1e-9:
        raise RuntimeError(f"the two disagree by {error:.1e}")
    note = f"they differ by {error:.1e} (relative); compiled in {first - seconds:.1f} s"
    rows = [_row(f"λ_(k+1) at {points} points", seconds, note)]
    rows[0] |= {"peer": peer, "peer_name": "numpy, batched eigvalsh of quotients"}
    first, seconds = _first(diagram), _median(diagram)
    note = f"compiled in {first - seconds:.1f} s"
    rows.append(_row(f"phase diagram of {points} points", seconds, note))
    table = _median(lambda: bounds(_graph(), K))
    return [*rows, _row("bounds() of one graph, all settings", table, "")]


def _row(name: str, seconds: float, note: str) -> dict[str, Any]:
    return {"name": name, "ours": seconds, "unit": "s", "note": note}


def _first(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _median(function: Callable[[], Any], repeats: int = REPEATS) -> float:
    return float(np.median([_first(function) for _ in range(repeats)]))


def _graph() -> SimilarityGraph:
    return SimilarityGraph(**FIXED, difficult=400, gamma=0.209)


def _batched(difficult: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """λ_{k+1} for pairing "both" from 2 × 2 quotients, as one would write it in numpy."""
    r, n, alpha, beta = FIXED["classes"] - 1, FIXED["per_class"], FIXED["alpha"], FIXED["beta"]
    n_d, gamma = np.broadcast_arrays(difficult[:, None].astype(float), gamma[None, :])
    n_e = n - n_d
    d_e = 1 - alpha + n * (alpha + r * beta)
    d_d = d_e + n_d * r * (gamma - beta)
    found, counts = [], []
    for cross_e, cross_d, copies in ((r * beta, r * gamma, 1), (-beta, -gamma, r)):
        block = np.empty((*n_d.shape, 2, 2))
        block[..., 0, 0] = (1 - alpha + n_e * (alpha + cross_e)) / d_e
        block[..., 1, 1] = (1 - alpha + n_d * (alpha + cross_d)) / d_d
        block[..., 0, 1] = np.sqrt(n_e * n_d / (d_e * d_d)) * (alpha + cross_e)
        block[..., 1, 0] = block[..., 0, 1]
        values = np.linalg.eigvalsh(block)
        found += [values[..., 0], values[..., 1]]
        counts += [np.full(n_d.shape, copies)] * 2
    found += [np.full(n_d.shape, (1 - alpha) / d_e), (1 - alpha) / d_d]
    counts += [(r + 1) * (n_e - 1), (r + 1) * (n_d - 1)]
    values, sizes = np.stack(found), np.stack(counts)
    order = np.argsort(-values, axis=0)
    ends = np.cumsum(np.take_along_axis(sizes, order, 0), axis=0)
    index = np.argmax(ends >= K + 1, axis=0)[None]
    return np.take_along_axis(np.take_along_axis(values, order, 0), index, 0)[0]
