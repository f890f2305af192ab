"""Rows in blocks: order, slices, Dask arrays on their scheduler, and names of bad rows."""

from __future__ import annotations

import numpy as np
import pytest

from dctheory import estimate_similarities
from dctheory.graph import _unit_rows
from dctheory.graph._unit_rows import UnitRows

ROWS = np.random.default_rng(0).normal(size=(53, 4)) + 1
UNIT = ROWS / np.linalg.norm(ROWS, axis=1, keepdims=True)
LABELS = np.arange(53) % 3
DIFFICULT = np.arange(53) % 5 == 0


def summary(block: np.ndarray, labels: np.ndarray) -> tuple[int, float, list[int]]:
    return len(block), float(block.sum()), labels.tolist()


def as_dask(rows: np.ndarray, chunks: object):
    return pytest.importorskip("dask.array").from_array(rows, chunks=chunks)


@pytest.mark.parametrize("size", [1, 7, 53, 100])
def test_blocks_come_in_order_with_their_slices(size: int, monkeypatch) -> None:
    monkeypatch.setattr(_unit_rows, "_BLOCK_BYTES", size * 4 * 8)
    at = 0
    for start, (length, total, labels) in UnitRows(ROWS).map(summary, LABELS):
        assert start == at
        assert total == pytest.approx(UNIT[at : at + length].sum(), abs=1e-12)
        assert labels == LABELS[at : at + length].tolist()
        at += length
    assert at == 53


@pytest.mark.parametrize("chunks", [(10, 4), ((50, 3), (1, 3)), (53, 2), ((1, 2, 50), 4)])
@pytest.mark.parametrize("limit", [4, 2**20])
def test_dask_arrays_are_worked_on_chunk_by_chunk(chunks, limit: int, monkeypatch) -> None:
    monkeypatch.setattr(_unit_rows, "_CHUNK_BYTES", limit * 4 * 8)
    monkeypatch.setattr(_unit_rows, "_MOST_TASKS", 3)
    rows = UnitRows(as_dask(ROWS, chunks))
    found = list(rows.map(summary, LABELS))
    lengths = [length for _, (length, _, _) in found]
    assert max(lengths) <= limit
    assert [start for start, _ in found] == np.cumsum([0, *lengths[:-1]]).tolist()
    assert [each for _, (_, _, labels) in found for each in labels] == LABELS.tolist()
    assert rows.take(np.array([0, 11, 52])) == pytest.approx(UNIT[[0, 11, 52]], abs=1e-15)


def test_chunks_are_computed_where_they_are_and_only_as_far_as_needed() -> None:
    dask_array = pytest.importorskip("dask.array")
    computed = []

    def load(block: np.ndarray, block_info=None) -> np.ndarray:
        computed.append(block_info[0]["chunk-location"][0])
        return block

    chunked = dask_array.from_array(ROWS, chunks=(5, 4)).map_blocks(
        load, dtype=ROWS.dtype, meta=ROWS[:0]
    )
    UnitRows(chunked).check_directions_differ()
    assert computed == [0]
    list(UnitRows(chunked).map(summary, LABELS))
    assert sorted(computed[1:]) == list(range(11))


@pytest.mark.parametrize("share", [None, 0.1])
def test_an_estimate_from_a_dask_array_is_that_from_memory(share: float | None) -> None:
    rest = {"difficult": DIFFICULT} if share is None else {"share": share}
    expected = estimate_similarities(ROWS, LABELS, **rest)
    found = estimate_similarities(as_dask(ROWS, (20, 4)), LABELS, **rest)
    assert np.array_equal(found.is_difficult, expected.is_difficult)
    assert found.cell_table == pytest.approx(expected.cell_table, abs=1e-14, nan_ok=True)
    for pairing, reading in expected.readings.items():
        assert found.gamma(pairing) == pytest.approx(reading.gamma.mean, abs=1e-14)
        assert found.readings[pairing].beta.spread == pytest.approx(reading.beta.spread, abs=1e-12)


@pytest.mark.slow
def test_a_cluster_does_what_one_machine_does() -> None:
    distributed = pytest.importorskip("distributed")
    expected = estimate_similarities(ROWS, LABELS, share=0.1)
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster):
        found = estimate_similarities(as_dask(ROWS, (20, 4)), LABELS, share=0.1)
        with pytest.raises(ValueError, match="row 30 is a zero vector"):
            estimate_similarities(as_dask(np.where(np.arange(53) == 30, 0, ROWS.T).T, 9), LABELS)
    assert np.array_equal(found.is_difficult, expected.is_difficult)
    assert found.class_table == pytest.approx(expected.class_table, abs=1e-14)


def test_bad_rows_are_named_across_chunks_and_with_their_file(tmp_path) -> None:
    rows = ROWS.astype(np.float32)
    rows[31] = np.nan
    rows[40] = 0
    with pytest.raises(ValueError, match="embeddings row 31 holds NaN"):
        list(UnitRows(as_dask(rows, (10, 4))).blocks())
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    with pytest.raises(ValueError, match=r"row 31 of '.*rows\.npy' holds NaN"):
        list(UnitRows(mapped).blocks())
    # A part of the map has other numbers than the file.
    with pytest.raises(ValueError, match="embeddings row 1 holds NaN"):
        list(UnitRows(mapped[30:]).blocks())


def test_dask_arrays_of_unknown_length_are_refused() -> None:
    rows = as_dask(ROWS, (10, 4))
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        UnitRows(rows[rows[:, 0] > 1])


def test_dask_arrays_of_other_things_are_refused_before_anything_runs() -> None:
    with pytest.raises(TypeError, match="dtype complex128"):
        UnitRows(as_dask(ROWS.astype(complex), (10, 4)))
