"""Exact spectra against a dense eigensolver and ARPACK on the same graph, in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse.linalg import eigsh

from dctheory import CellGraph, SimilarityGraph

CLASSES = 10
# The first column of the paper's Table 10; 8 % of the samples are difficult.
SIMILARITIES = {"alpha": 0.472, "beta": 0.191, "gamma": 0.209}
REPEATS = 5
# Rounding of a dense eigensolver on a matrix of norm 1.
DENSE_TOLERANCE = 1e-12


def run(quick: bool) -> list[dict[str, Any]]:
    """Time of the whole spectrum, of the leading eigenvalues, and of a graph beyond any matrix."""
    dense, sparse = (40, 1_000) if quick else (200, 20_000)
    rows = [_against_eigh(pairing, dense) for pairing in ("both", "matched", "either")]
    rows.append(_against_arpack(sparse))
    rows.append(_alone("10 classes, 10¹² nodes", lambda: _graph(10**11, "both").spectrum()))
    rows.append(_alone("100 classes in 200 cells, 10⁹ nodes", _cells))
    return rows


def _graph(per_class: int, pairing: str) -> SimilarityGraph:
    return SimilarityGraph(
        classes=CLASSES,
        per_class=per_class,
        difficult=per_class * 8 // 100,
        pairing=pairing,
        **SIMILARITIES,
    )


def _cells() -> Any:
    rng = np.random.default_rng(0)
    cross = rng.uniform(0.1, 0.3, (200, 200))
    classes = np.repeat(np.arange(100), 2)
    same = np.equal.outer(classes, classes)
    graph = CellGraph(
        [5_000_000] * 200, np.where(same, 0.5, (cross + cross.T) / 2), classes=classes.tolist()
    )
    return graph.spectrum()


def _against_eigh(pairing: str, per_class: int) -> dict[str, Any]:
    graph = _graph(per_class, pairing)
    matrix = graph.normalized_adjacency()
    ours, spectrum = _time(lambda: _graph(per_class, pairing).spectrum())
    peer, values = _time(lambda: np.linalg.eigvalsh(matrix))
    expected = np.repeat(spectrum.values, spectrum.multiplicities)
    difference = float(np.abs(expected - values[::-1]).max())
    if difference > DENSE_TOLERANCE:
        raise RuntimeError(f"spectrum() and eigvalsh differ by {difference:.1e}")
    note = f"they differ by {difference:.1e}"
    name = f"all eigenvalues, {pairing}, {graph.num_nodes:,} nodes"
    return _row(name, ours, peer, "numpy eigvalsh (without building Ā)", note)


def _against_arpack(per_class: int) -> dict[str, Any]:
    graph = _graph(per_class, "both")
    count = CLASSES + 1
    operator = graph.linear_operator()
    start = np.random.default_rng(0).standard_normal(graph.num_nodes)
    ours, spectrum = _time(lambda: _graph(per_class, "both").spectrum())
    peer, values = _time(
        lambda: eigsh(operator, k=count, which="LA", v0=start, return_eigenvectors=False)
    )
    # A Krylov space of one vector need not contain all copies of a repeated eigenvalue.
    expected = spectrum.eigenvalue(2)
    copies = int(np.sum(np.abs(values - expected) < 1e-9))
    note = f"of {CLASSES - 1} equal class eigenvalues ARPACK finds {copies}"
    name = f"{count} leading eigenvalues, {graph.num_nodes:,} nodes"
    return _row(name, ours, peer, "ARPACK eigsh on linear_operator()", note)


def _alone(name: str, call: Callable[[], Any]) -> dict[str, Any]:
    seconds, spectrum = _time(call)
    note = f"{len(spectrum.values)} distinct eigenvalues"
    return _row(name, seconds, None, None, note)


def _row(
    name: str, ours: float, peer: float | None, peer_name: str | None, note: str
) -> dict[str, Any]:
    ratio = None if peer is None else peer / ours
    named = {"name": name, "ours": ours, "unit": "s", "peer": peer, "peer_name": peer_name}
    return named | {"ratio": ratio, "note": note}


def _time(call: Callable[[], Any]) -> tuple[float, Any]:
    """Median seconds of a call, after one that is not counted, and what it returns."""
    result, seconds = call(), []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), result
