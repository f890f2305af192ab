"""The similarity distribution over all pairs against a histogram of scikit-learn's matrix.

Each measurement is a process of its own (``python bench_diagnose.py METHOD FILE CLASSES``).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _memory import peak_bytes

FEATURES = 512
SHARES = (0.1, 10, 50, 90)
BINS = 4000


def run(quick: bool) -> list[dict[str, Any]]:
    """Time and peak memory of both at a size that both can do, then of ours at larger ones.

    Embeddings are read from a memory-mapped file. The peak is that of resident memory beyond what
    it was after imports.
    """
    small, middle, large = (2_000, 5_000, 20_000) if quick else (15_000, 50_000, 1_300_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "embeddings.npy"
        _write(path, small, 10)
        ours, peer = _measure("distribution", path, 10), _measure("peer", path, 10)
        _write(path, middle, 10)
        exact = _measure("distribution", path, 10)
        _write(path, large, 1000)
        sampled = _measure("distribution", path, 1000)
        classified = _measure("classifier", path, 1000)
    difference = float(np.max(np.abs(np.subtract(ours["found"], peer["found"]))))
    if difference > 2 * 2 / BINS:
        raise RuntimeError(f"the two disagree: {ours['found']} and {peer['found']}")
    note = f"percentiles differ by up to {difference:.1e}"
    rows = []
    for key, what, unit in (("seconds", "time", "s"), ("peak", "peak memory", "MiB")):
        name = f"distribution over pairs, {small:,} × {FEATURES}, {what}"
        row = {"name": name, "ours": ours[key], "unit": unit, "peer": peer[key]}
        rows.append(row | {"peer_name": "sklearn cosine_similarity, quantile", "note": note})
        for size, each, done in (
            (middle, exact, "distribution over pairs"),
            (large, sampled, "distribution over pairs"),
            (large, classified, "held-out gaps of 1,000 classes"),
        ):
            name = f"{done}, {size:,} × {FEATURES}, {what}"
            rows.append({"name": name, "ours": each[key], "unit": unit, "note": each["note"]})
    return rows


def _write(path: Path, rows: int, classes: int) -> None:
    """float32 rows around class means, block by block."""
    rng = np.random.default_rng(0)
    means = rng.standard_normal((classes, FEATURES), dtype=np.float32)
    shape = (rows, FEATURES)
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    labels = _labels(rows, classes)
    for start in range(0, rows, 10_000):
        block = labels[start : start + 10_000]
        noise = rng.standard_normal((len(block), FEATURES), dtype=np.float32)
        file[start : start + len(block)] = means[block] + 2 * noise
    file.flush()


def _labels(rows: int, classes: int) -> np.ndarray:
    return np.arange(rows) % classes


def _measure(method: str, path: Path, classes: int) -> dict[str, Any]:
    command = [sys.executable, __file__, method, str(path), str(classes)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(output)


def measure(method: str, path: str, classes: str) -> None:
    """Measure in this process, and print the result as JSON."""
    # Imported before memory and time are looked at.
    from sklearn.metrics.pairwise import cosine_similarity  # noqa: F401

    import dctheory.diagnose.distribution
    import dctheory.graph.classifier_gap  # noqa: F401

    embeddings = np.load(path, mmap_mode="r")
    labels = _labels(len(embeddings), int(classes))
    function = {"distribution": _ours, "classifier": _classifier, "peer": _peer}[method]
    before, start = peak_bytes(), time.perf_counter()
    found, note = function(embeddings, labels)
    seconds = time.perf_counter() - start
    peak = (peak_bytes() - before) / 2**20
    print(json.dumps({"seconds": seconds, "peak": peak, "found": found, "note": note}))


def _ours(embeddings: np.ndarray, labels: np.ndarray) -> tuple[list[float], str]:
    from dctheory.diagnose import similarity_distribution

    found = similarity_distribution(embeddings, labels, bins=BINS)
    values = [found.percentile(q, kind) for kind in found.kinds for q in SHARES]
    if found.exact:
        return values, found.source
    error = max(found.standard_error(q, "cross-class") for q in SHARES)
    return values, f"{found.source}; the largest of the cross-class pairs is {error:.1e}"


def _classifier(embeddings: np.ndarray, labels: np.ndarray) -> tuple[list[float], str]:
    from dctheory.graph._unit_rows import UnitRows
    from dctheory.graph.classifier_gap import classifier_gaps, smallest

    gaps = classifier_gaps(UnitRows(embeddings), labels, seed=0)
    return [float(gaps.mean())], smallest(gaps, labels, 0.08)[1]


def _peer(embeddings: np.ndarray, labels: np.ndarray) -> tuple[list[float], str]:
    from sklearn.metrics.pairwise import cosine_similarity

    cosine = cosine_similarity(embeddings)
    same = labels[:, None] == labels
    upper = np.triu(np.ones_like(same), 1)
    values = []
    for kind in (upper, upper & same, upper & ~same):
        values += np.quantile(cosine[kind], [1 - q / 100 for q in SHARES]).tolist()
    return values, ""


if __name__ == "__main__":
    measure(*sys.argv[1:])
