"""Estimated similarities against means over scikit-learn's matrix of all pairs: time and memory.

Each measurement is a process of its own (``python bench_estimate.py ours|peer FILE``).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _memory import peak_bytes

FEATURES = 128
CLASSES = 10
# Difficult are 8 % of the samples, as in the paper's Table 10.
CYCLE, DIFFICULT = 100, 8
REPEATS = 3


def run(quick: bool) -> list[dict[str, Any]]:
    """Time and peak memory at a size that both can do, and at one that only sums over classes can.

    Embeddings are read from a memory-mapped file. The peak is that of resident memory beyond what
    it was after imports.
    """
    small, large = (4_000, 100_000) if quick else (20_000, 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "embeddings.npy"
        _write(path, small)
        ours, peer = _measure("ours", path), _measure("peer", path)
        _write(path, large)
        alone = _measure("ours", path)
    difference = float(np.max(np.abs(np.subtract(ours["means"], peer["means"]))))
    # The peer's products are float32, as its input is.
    if difference > 1e-5:
        raise RuntimeError(f"the two disagree: {ours['means']} and {peer['means']}")
    note = f"α, β, γ differ by up to {difference:.1e}"
    rows = []
    for key, what, unit in (("seconds", "time", "s"), ("peak", "peak memory", "MiB")):
        name = f"α, β, γ of {small:,} × {FEATURES}, {what}"
        row = {"name": name, "ours": ours[key], "unit": unit, "peer": peer[key]}
        rows.append(row | {"peer_name": "sklearn cosine_similarity", "note": note})
        name = f"α, β, γ of {large:,} × {FEATURES}, {what}"
        rows.append({"name": name, "ours": alone[key], "unit": unit, "note": "memory-mapped"})
    return rows


def _write(path: Path, rows: int) -> None:
    """float32 rows around class means, block by block."""
    rng = np.random.default_rng(0)
    means = rng.standard_normal((CLASSES, FEATURES), dtype=np.float32)
    labels, _ = _annotations(rows)
    shape = (rows, FEATURES)
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for start in range(0, rows, 10_000):
        block = labels[start : start + 10_000]
        noise = rng.standard_normal((len(block), FEATURES), dtype=np.float32)
        file[start : start + len(block)] = means[block] + noise
    file.flush()


def _annotations(rows: int) -> tuple[np.ndarray, np.ndarray]:
    index = np.arange(rows)
    return index // CYCLE % CLASSES, index % CYCLE < DIFFICULT


def _measure(method: str, path: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, method, str(path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(output)


def measure(method: str, path: str) -> None:
    """Measure in this process, and print the result as JSON."""
    # Imported before memory and time are looked at.
    import scipy.sparse  # noqa: F401
    from sklearn.metrics.pairwise import cosine_similarity  # noqa: F401

    import dctheory.graph.estimate  # noqa: F401

    embeddings = np.load(path, mmap_mode="r")
    labels, difficult = _annotations(len(embeddings))
    function = {"ours": _ours, "peer": _peer}[method]
    before = peak_bytes()
    means = function(embeddings, labels, difficult)
    peak = (peak_bytes() - before) / 2**20
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function(embeddings, labels, difficult)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": statistics.median(seconds), "peak": peak, "means": means}))


def _ours(embeddings: np.ndarray, labels: np.ndarray, difficult: np.ndarray) -> list[float]:
    from dctheory import estimate_similarities

    estimate = estimate_similarities(embeddings, labels, difficult)
    return [estimate.alpha, estimate.beta(), estimate.gamma()]


def _peer(embeddings: np.ndarray, labels: np.ndarray, difficult: np.ndarray) -> list[float]:
    from sklearn.metrics.pairwise import cosine_similarity

    cosine = cosine_similarity(embeddings)
    same = labels[:, None] == labels
    hard = difficult[:, None] & difficult
    hard &= ~same
    easy = ~(same | hard)
    np.fill_diagonal(same, False)
    return [float(cosine.mean(where=pairs, dtype=np.float64)) for pairs in (same, easy, hard)]


if __name__ == "__main__":
    measure(*sys.argv[1:])
