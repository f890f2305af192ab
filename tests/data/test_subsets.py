"""Subset files: what is written is read, by us and by SAS; what is wrong is named."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dctheory.data import load_subset, removed_indices, save_subset

SUFFIXES = (".npz", ".json", ".csv", ".pkl", ".pickle", ".NPZ")
KEPT = [7, 0, 3, 49]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip_keeps_the_order(tmp_path, suffix):
    path = tmp_path / f"kept{suffix}"
    path.write_text("what it held before")
    save_subset(path, np.array(KEPT, np.uint16), 50)
    found = load_subset(str(path), 50)
    assert found.dtype == np.int64
    assert found.tolist() == KEPT
    assert os.listdir(tmp_path) == [path.name]


@given(data=st.data(), num_samples=st.integers(1, 300))
def test_any_subset_comes_through_any_format(tmp_path_factory, data, num_samples):
    order = data.draw(st.permutations(range(num_samples)))
    kept = order[: data.draw(st.integers(1, num_samples))]
    path = tmp_path_factory.getbasetemp() / f"any{data.draw(st.sampled_from(SUFFIXES))}"
    save_subset(path, kept, num_samples)
    assert load_subset(path, num_samples).tolist() == kept
    assert sorted([*kept, *removed_indices(kept, num_samples)]) == list(range(num_samples))


def test_what_others_read(tmp_path):
    for suffix in (".npz", ".json", ".csv", ".pkl"):
        save_subset(tmp_path / f"kept{suffix}", KEPT, 50)
    with open(tmp_path / "kept.pkl", "rb") as file:
        listed = pickle.load(file)
    assert listed == KEPT
    assert all(type(each) is int for each in listed)
    assert json.loads((tmp_path / "kept.json").read_text()) == {"indices": KEPT, "num_samples": 50}
    assert (tmp_path / "kept.csv").read_text() == "index\n7\n0\n3\n49\n"
    with np.load(tmp_path / "kept.npz") as arrays:
        assert arrays["indices"].tolist() == KEPT
        assert arrays["num_samples"] == 50


@pytest.mark.parametrize(
    "held",
    [
        KEPT,
        [np.int64(each) for each in KEPT],
        {"indices": [np.int32(each) for each in KEPT], "accuracy": 0.5},
        {"indices": np.array(KEPT)},
        np.array(KEPT, np.int16),
    ],
    ids=["list", "numpy scalars", "ranking", "array in a dictionary", "array"],
)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickles_of_others(tmp_path, held, protocol):
    path = tmp_path / "cifar10-0.20-sas-subset-indices.pkl"
    path.write_bytes(pickle.dumps(held, protocol=protocol))
    assert load_subset(path, 50).tolist() == KEPT


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", "[7, 0, 3, 49]"),
        ("a.json", '{"indices": [7, 0, 3, 49]}'),
        ("a.csv", "7\n0\n3\n49"),
        ("a.csv", "\ufeffimage\r\n7\r\n 0\r\n3\r\n\r\n49\r\n"),
    ],
)
def test_texts_of_others(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert load_subset(tmp_path / name, 50).tolist() == KEPT


@pytest.mark.parametrize(
    ("indices", "error", "words"),
    [
        ([1, 2, 1, 2], ValueError, r"distinct, got 1 more than once \(2 such\)"),
        ([1, 50], ValueError, "from 0 to 49, got 50 at place 1"),
        ([1, -1], ValueError, "from 0 to 49, got -1 at place 1"),
        ([], TypeError, "must be integers"),
        (np.empty(0, int), ValueError, "shape"),
        ([[1, 2]], ValueError, "shape"),
        ([1.0, 2.0], TypeError, "indices must be integers"),
        ([True, False], TypeError, "indices must be integers"),
    ],
    ids=str,
)
def test_bad_indices_are_not_written(tmp_path, indices, error, words):
    with pytest.raises(error, match=words):
        save_subset(tmp_path / "kept.json", indices, 50)
    with pytest.raises(error, match=words.replace("indices", "kept")):
        removed_indices(indices, 50)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1, 2, 1], "distinct, got 1 more than once"),
        ([1, 50], "from 0 to 49, got 50 at place 1; are they for another set"),
        ([-1], "from 0 to 49, got -1"),
        ([1, 2.0], "has a float at place 1"),
        ([1, True], "has a bool at place 1"),
        ([1, "2"], "has a str at place 1"),
        ([[1], [2]], "has a list at place 0"),
        ([2**70], "too large"),
        ({"other": [1]}, "file of indices"),
        ("text", "has a str in place of a list"),
        ([], "file of indices: it holds none"),
    ],
    ids=str,
)
@pytest.mark.parametrize("suffix", [".json", ".pkl"])
def test_files_of_something_else(tmp_path, suffix, values, words):
    path = tmp_path / f"kept{suffix}"
    path.write_bytes(json.dumps(values).encode() if suffix == ".json" else pickle.dumps(values))
    with pytest.raises(ValueError, match=words) as caught:
        load_subset(path, 50)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".json", ".csv", ".pkl"])
def test_damaged_files(tmp_path, suffix):
    path = tmp_path / f"kept{suffix}"
    save_subset(path, KEPT, 50)
    data = path.read_bytes()
    for damaged in (data[: len(data) // 2] + b"\xff", b"\x00" * 50, b"x,y\n1,2\n"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"is no \{suffix} file of indices: .*; get it again"):
            load_subset(path, 50)


def test_npz_of_something_else(tmp_path):
    path = tmp_path / "kept.npz"
    np.savez(path, indices=np.array([0.5]))
    with pytest.raises(ValueError, match="an array of float64"):
        load_subset(path, 50)
    np.savez(path, indices=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"no .npz file of indices: Object arrays cannot be"):
        load_subset(path, 50)
    np.savez(path, others=np.array([1]))
    with pytest.raises(ValueError, match=r"no .npz file of indices: 'indices"):
        load_subset(path, 50)


@pytest.mark.parametrize("what", ["encrypted", "unknown compression", "corrupt", "deep header"])
def test_hostile_members_of_an_npz(tmp_path, what):
    path = tmp_path / "kept.npz"
    shape = "(" * 500 + "1" + ")" * 500
    header = f"{{'descr': '<i8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("indices.npy", array)
    data = bytearray(path.read_bytes())
    # Of the local header and of the directory: flags at 6 and 8, compression at 8 and 10.
    directory = data.index(b"PK\x01\x02")
    if what == "encrypted":
        data[6] |= 1
        data[directory + 8] |= 1
    elif what == "unknown compression":
        data[8] = data[directory + 10] = 99
    elif what == "corrupt":
        data[30 + len("indices.npy")] = 0xFF
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"is no .npz file of indices"):
        load_subset(path, 50)


def test_zip_bombs_are_not_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "kept.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("indices.npy", bytes(2**22))
    assert path.stat().st_size < 2**13
    monkeypatch.setattr("dctheory.data.subsets.MAX_BYTES", 2**20)
    with pytest.raises(ValueError, match="its arrays take 4194304 bytes, more than 1048576"):
        load_subset(path, 50)
    (tmp_path / "kept.csv").write_bytes(bytes(2**20 + 1))
    with pytest.raises(ValueError, match="it has 1048577 bytes, more than 1048576"):
        load_subset(tmp_path / "kept.csv", 50)


def test_hostile_pickles_are_not_run(tmp_path):
    path = tmp_path / "kept.pkl"
    path.write_bytes(b"cos\nmkdir\n(V" + str(tmp_path / "made").encode() + b"\ntR.")
    with pytest.raises(ValueError, match=r"it asks for os.mkdir"):
        load_subset(path, 50)
    assert os.listdir(tmp_path) == ["kept.pkl"]


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_files_for_another_set(tmp_path, suffix):
    path = tmp_path / f"kept{suffix}"
    save_subset(path, KEPT, 50)
    with pytest.raises(ValueError, match="was made for 50 images, not for 60; is it for another"):
        load_subset(path, 60)


def test_bad_calls(tmp_path):
    with pytest.raises(ValueError, match=r"unknown suffix of a subset file '.pk'; did you mean"):
        save_subset(tmp_path / "kept.pk", KEPT, 50)
    with pytest.raises(ValueError, match="unknown suffix of a subset file ''"):
        load_subset(tmp_path / "kept", 50)
    with pytest.raises(ValueError, match="num_samples must be at least 1"):
        load_subset(tmp_path / "kept.csv", 0)
    with pytest.raises(FileNotFoundError):
        load_subset(tmp_path / "kept.csv", 50)
    with pytest.raises(FileNotFoundError):
        save_subset(tmp_path / "missing" / "kept.csv", KEPT, 50)
