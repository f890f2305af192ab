import numpy as np
import pytest

from dctheory.diagnose import _sample
from dctheory.diagnose._sample import choose_rows, sample_unit_rows


class Slices:
    """A source that gives slices of rows only, as shards do."""

    def __init__(self, rows):
        self.rows, self.shape, self.dtype = rows, rows.shape, rows.dtype

    def __getitem__(self, rows):
        return self.rows[rows] if isinstance(rows, slice) else pytest.fail("not a slice")

    def row_name(self, row):
        return f"{row} of a shard"


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(9000, 3)).astype(np.float32)


@pytest.mark.parametrize("kind", ["array", "memory map", "slices", "lists", "dask"])
def test_rows_and_lengths_from_every_kind_of_source(rows, kind, tmp_path):
    if kind == "memory map":
        np.save(tmp_path / "rows.npy", rows)
        source = np.load(tmp_path / "rows.npy", mmap_mode="r")
    elif kind == "dask":
        source = pytest.importorskip("dask.array").from_array(rows, chunks=(1000, 2))
    else:
        source = {"array": rows, "slices": Slices(rows), "lists": rows.tolist()}[kind]
    indices = np.array([0, 1, 4095, 4096, 8999])
    unit, lengths = sample_unit_rows(source, indices)
    np.testing.assert_allclose(lengths, np.linalg.norm(rows[indices], axis=1), rtol=1e-6)
    np.testing.assert_allclose(unit * lengths[:, None], rows[indices], rtol=1e-6)
    assert unit.dtype == np.float64


def test_a_memory_map_is_let_go_of_between_parts(rows, tmp_path, monkeypatch):
    np.save(tmp_path / "rows.npy", rows)
    source, released = np.load(tmp_path / "rows.npy", mmap_mode="r"), []
    monkeypatch.setattr(_sample, "_BLOCK_ROWS", 100)
    monkeypatch.setattr(_sample, "release_pages", released.append)
    indices = np.arange(0, 9000, 36)
    unit, lengths = sample_unit_rows(source, indices)
    np.testing.assert_allclose(unit * lengths[:, None], rows[indices], rtol=1e-6)
    assert len(released) == 3


def test_a_bad_row_goes_by_its_name_in_the_source(rows):
    rows[4096] = 0
    with pytest.raises(ValueError, match="row 4096 is a zero vector"):
        sample_unit_rows(rows, np.array([3, 4096]))
    with pytest.raises(ValueError, match="row 4096 of a shard is a zero vector"):
        sample_unit_rows(Slices(rows), np.array([3, 4096]))
    sample_unit_rows(rows, np.array([3, 4097]))


def test_choice_is_uniform_without_replacement():
    counts = np.zeros(7)
    for seed in range(700):
        chosen = choose_rows(np.random.default_rng(seed), 7, 3)
        assert np.all(np.diff(chosen) > 0)
        counts[chosen] += 1
    # 300 expected; five standard deviations of a binomial count.
    assert np.all(np.abs(counts - 300) < 5 * np.sqrt(700 * 3 / 7 * 4 / 7))
    np.testing.assert_array_equal(choose_rows(np.random.default_rng(0), 4, 9), range(4))
