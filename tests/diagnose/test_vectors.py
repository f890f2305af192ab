"""Labels, masks and partners from arrays and files, good and hostile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dctheory.data import save_subset
from dctheory.diagnose import load_difficult, load_labels, load_partners


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_labels_of_all_kinds(tmp_path: Path) -> None:
    numbers, names = np.array([3, 1, 3]), np.array(["b", "a", "c d"])
    np.save(tmp_path / "l.npy", numbers)
    np.savez(tmp_path / "l.npz", x=np.eye(3), y=numbers)
    np.save(tmp_path / "names.npy", names)
    for source in (
        numbers,
        [3, 1, 3],
        tmp_path / "l.npy",
        write(tmp_path / "l.txt", "3\n1\n3\n"),
        write(tmp_path / "m.txt", "label\r\n3\r\n1\r\n3"),
        write(tmp_path / "l.csv", '\ufeff"label"\n3\n1\n3\n\n'),
    ):
        found = load_labels(source, 3)
        assert found.dtype.kind == "i"
        assert found.tolist() == [3, 1, 3]
    assert load_labels(tmp_path / "l.npz", 3, key="y").tolist() == [3, 1, 3]
    for source in (
        names,
        names.tolist(),
        tmp_path / "names.npy",
        write(tmp_path / "n.txt", "b\na\nc d\n"),
        write(tmp_path / "n.csv", 'class\nb\n"a"\nc d\n'),
    ):
        assert load_labels(source, 3).tolist() == ["b", "a", "c d"]


def test_labels_in_shards(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    for number, labels in {1: "x\ny\n", 2: "z\n", 10: "w\n"}.items():
        write(tmp_path / "labels" / f"{number}.txt", labels)
    assert load_labels(tmp_path / "labels", 4).tolist() == ["x", "y", "z", "w"]
    parts = [tmp_path / "labels" / "2.txt", tmp_path / "labels" / "1.txt"]
    assert load_labels(parts, 3).tolist() == ["z", "x", "y"]
    # With a heading in each.
    assert load_labels(tmp_path / "labels", 1).tolist() == ["y"]


def test_labels_of_tensors_and_dask_arrays() -> None:
    dask_array = pytest.importorskip("dask.array")
    assert load_labels(dask_array.arange(5, chunks=2), 5).tolist() == [0, 1, 2, 3, 4]
    torch = pytest.importorskip("torch")
    assert load_labels(torch.arange(5), 5).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (np.arange(4), ValueError, "labels must have 3 entries.*got 4"),
        (np.zeros((3, 1), int), ValueError, r"labels must have one dimension.*\(3, 1\)"),
        (np.zeros(3), TypeError, "labels must be integers or strings, got dtype float64"),
        ("1\n\n2\n", ValueError, r"line 2 of '.*l\.txt' is empty"),
        ("", ValueError, r"line 1 of '.*l\.txt' is empty"),
        ("1\n2\n", ValueError, r"labels of '.*l\.txt' must have 3 entries.*got 2"),
        (b"\xff\xfe\n\x80\n", ValueError, r"l\.txt': it is no text in UTF-8"),
    ],
)
def test_bad_labels(tmp_path: Path, source, error, message) -> None:
    if isinstance(source, str | bytes):
        path = tmp_path / "l.txt"
        path.write_bytes(source.encode() if isinstance(source, str) else source)
        source = path
    with pytest.raises(error, match=message):
        load_labels(source, 3)


def test_only_ends_of_lines_end_an_entry(tmp_path: Path) -> None:
    path = write(tmp_path / "l.csv", "a\u2028b\nc\x85d\n")
    assert load_labels(path, 2).tolist() == ["a\u2028b", "c\x85d"]


def test_an_entry_that_csv_refuses(tmp_path: Path) -> None:
    path = write(tmp_path / "l.csv", "a" * 200_000)
    with pytest.raises(ValueError, match="field larger than field limit"):
        load_labels(path, 1)


def test_columns_are_not_guessed(tmp_path: Path) -> None:
    path = write(tmp_path / "l.csv", "file,label\na,1\nb,2\n")
    with pytest.raises(ValueError, match="several columns in line 1"):
        load_labels(path, 2)


@pytest.mark.parametrize("suffix", [".npz", ".json", ".csv", ".pkl"])
def test_difficult_samples_from_a_subset(tmp_path: Path, suffix: str) -> None:
    save_subset(tmp_path / f"hard{suffix}", [7, 0, 3], 9)
    mask = load_difficult(tmp_path / f"hard{suffix}", 9)
    assert mask.dtype == bool
    assert np.flatnonzero(mask).tolist() == [0, 3, 7]
    with pytest.raises(ValueError, match=r"not for 5|from 0 to 4"):
        load_difficult(tmp_path / f"hard{suffix}", 5)


def test_difficult_samples_from_a_mask(tmp_path: Path) -> None:
    mask = np.array([True, False, True, False])
    np.save(tmp_path / "mask.npy", mask)
    np.savez(tmp_path / "mask.npz", mask.astype(int))
    for source in (
        mask,
        mask.tolist(),
        [1, 0, 1, 0],
        tmp_path / "mask.npy",
        tmp_path / "mask.npz",
        write(tmp_path / "mask.txt", "1\n0\n1\n0\n"),
        write(tmp_path / "mask.csv", "difficult\n1\n0\n1\n0\n"),
    ):
        assert load_difficult(source, 4).tolist() == mask.tolist()
    with pytest.raises(ValueError, match=r"holds 3; write indices with .*save_subset"):
        load_difficult(np.array([0, 1, 1, 3]), 4)
    with pytest.raises(ValueError, match="must have 5 entries"):
        load_difficult(mask, 5)
    with pytest.raises(TypeError, match="dtype float64"):
        load_difficult(np.zeros(4), 4)


def test_partners(tmp_path: Path) -> None:
    assert load_partners([3, -1, 3], 3).tolist() == [3, -1, 3]
    found = load_partners(write(tmp_path / "p.csv", "partner\n3\n-1\n3\n"), 3)
    assert found.dtype == np.int64
    assert found.tolist() == [3, -1, 3]
    with pytest.raises(TypeError, match="partners must be integers"):
        load_partners(["a", "b"], 2)
