"""Embeddings from arrays and files, good and hostile."""

from __future__ import annotations

import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dctheory import estimate_similarities
from dctheory.diagnose import (
    load_embeddings,
)
from dctheory.diagnose._inputs import read_inputs

ROWS = np.random.default_rng(0).normal(size=(23, 4)).astype(np.float32)


class Touch:
    """Unpickling this leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def shards(folder: Path, suffix: str = ".npy") -> Path:
    folder.mkdir()
    for number, (start, stop) in {1: (0, 9), 2: (9, 10), 10: (10, 23)}.items():
        path = folder / f"part-{number}{suffix}"
        if suffix == ".npy":
            np.save(path, ROWS[start:stop])
        else:
            np.savez(path, rows=ROWS[start:stop], other=np.zeros(3))
    return folder


# --- Embeddings


def test_arrays_of_other_libraries() -> None:
    import jax.numpy as jnp

    assert load_embeddings(ROWS) is ROWS
    for source in (ROWS.tolist(), jnp.asarray(ROWS), ROWS.astype(">f8")):
        assert np.array_equal(np.asarray(load_embeddings(source), np.float32), ROWS)
    short = load_embeddings(jnp.asarray(ROWS).astype(jnp.bfloat16))
    assert np.abs(short.astype(np.float32) - ROWS).max() < 0.02


def test_arrays_by_dlpack_alone() -> None:
    class Exchanged:
        def __dlpack__(self, **options):
            return ROWS.__dlpack__(**options)

        def __dlpack_device__(self):
            return ROWS.__dlpack_device__()

    assert np.array_equal(load_embeddings(Exchanged()), ROWS)


def test_tensors_with_gradient_and_short_floats() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(ROWS).clone().requires_grad_()
    assert np.array_equal(load_embeddings(tensor), ROWS)
    assert np.array_equal(load_embeddings(tensor * 1), ROWS)
    assert load_embeddings(tensor.half()).dtype == np.float16
    assert np.abs(load_embeddings(tensor.bfloat16()) - ROWS).max() < 0.02


def test_dask_arrays_stay_as_they_are() -> None:
    dask_array = pytest.importorskip("dask.array")
    lazy = dask_array.from_array(ROWS, chunks=(10, 4))
    assert load_embeddings(lazy) is lazy


def test_files_are_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", ROWS)
    np.save(tmp_path / "columns.npy", np.asfortranarray(ROWS))
    np.savez(tmp_path / "rows.npz", ROWS)
    np.savez(tmp_path / "two.npz", a=ROWS, b=ROWS[:3], c=np.asfortranarray(ROWS))
    found = [
        load_embeddings(tmp_path / "rows.npy"),
        load_embeddings(str(tmp_path / "columns.npy")),
        load_embeddings(tmp_path / "rows.npz"),
        load_embeddings([tmp_path / "two.npz"], key="a"),
        load_embeddings(tmp_path / "two.npz", key="c"),
    ]
    for rows in found:
        assert isinstance(rows, np.memmap)
        assert not rows.flags.writeable
        assert np.array_equal(rows, ROWS)


def test_compressed_archives_are_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "rows.npz", ROWS)
    rows = load_embeddings(tmp_path / "rows.npz")
    assert np.array_equal(np.asarray(rows), ROWS)
    bad = ROWS.copy()
    bad[5] = np.nan
    np.savez_compressed(tmp_path / "rows.npz", bad)
    rows = load_embeddings(tmp_path / "rows.npz")
    with pytest.raises(ValueError, match=r"row 5 \(row 5 of '.*rows\.npz'\) holds NaN"):
        estimate_similarities(rows, np.arange(23) % 2, np.arange(23) < 4)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_shards_follow_in_natural_order(tmp_path: Path, suffix: str) -> None:
    folder = shards(tmp_path / "shards", suffix)
    np.save(folder / ".hidden.npy", ROWS)
    sources = (
        folder,
        str(folder / f"part-*{suffix}"),
        [folder / f"part-{number}{suffix}" for number in (1, 2, 10)],
        (folder,),
    )
    for source in sources:
        rows = load_embeddings(source, key=None if suffix == ".npy" else "rows")
        assert rows.shape == ROWS.shape
        assert rows.dtype == ROWS.dtype
        assert len(rows) == 23
        assert "3 shards" in repr(rows)
        assert np.array_equal(np.asarray(rows), ROWS)
        for start, stop in ((0, 23), (3, 9), (8, 11), (9, 10), (10, 10), (20, 99), (-3, None)):
            assert np.array_equal(rows[start:stop], ROWS[start:stop])
        rows[:][:] = 0
        assert np.array_equal(rows[:], ROWS)


def test_a_list_has_its_own_order(tmp_path: Path) -> None:
    folder = shards(tmp_path / "shards")
    rows = load_embeddings([folder / "part-10.npy", folder / "part-1.npy"])
    assert np.array_equal(np.asarray(rows), np.concatenate([ROWS[10:], ROWS[:9]]))
    arrays = load_embeddings([ROWS[:5], ROWS[5:]])
    assert np.array_equal(np.asarray(arrays), ROWS)
    with pytest.raises(TypeError, match="slices of rows with step 1"):
        rows[::2]
    with pytest.raises(TypeError, match="slices of rows"):
        rows[3]


def test_shards_that_are_read_again_stay_on_disk(tmp_path: Path) -> None:
    rows = load_embeddings(shards(tmp_path / "shards"))
    assert load_embeddings(rows) is rows
    assert read_inputs(rows).embeddings is rows


def test_other_files_of_a_folder_are_left_out(tmp_path: Path) -> None:
    folder = shards(tmp_path / "shards")
    (folder / "README.txt").write_text("made by hand\n")
    (folder / "index.csv").write_text("1,2\n")
    np.testing.assert_array_equal(load_embeddings(folder)[:], ROWS)


def test_estimates_from_shards_are_those_from_memory(tmp_path: Path) -> None:
    labels, difficult = np.arange(23) % 2, np.arange(23) < 4
    rows = load_embeddings(shards(tmp_path / "shards"))
    expected = estimate_similarities(ROWS, labels, difficult).to_dict()
    assert estimate_similarities(rows, labels, difficult).to_dict() == expected


def test_bad_rows_of_shards_are_named_with_their_file(tmp_path: Path) -> None:
    folder = shards(tmp_path / "shards")
    rows = ROWS[10:].copy()
    rows[4] = 0
    np.save(folder / "part-10.npy", rows)
    with pytest.raises(ValueError, match=r"row 14 \(row 4 of '.*part-10\.npy'\) is a zero vector"):
        estimate_similarities(load_embeddings(folder), np.arange(23) % 2, np.arange(23) < 4)


def test_shards_must_agree(tmp_path: Path) -> None:
    folder = shards(tmp_path / "shards")
    np.save(folder / "part-2.npy", ROWS[9:10, :3])
    with pytest.raises(ValueError, match=r"part-2\.npy' has rows of shape \(3,\)"):
        load_embeddings(folder)
    np.save(folder / "part-2.npy", ROWS[9:10].astype(float))
    with pytest.raises(ValueError, match=r"part-2\.npy'.*float64.*part-1\.npy'.*float32"):
        load_embeddings(folder)


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (ROWS[0], ValueError, r"two-dimensional.*\(4,\)"),
        (ROWS[None], ValueError, r"two-dimensional.*\(1, 23, 4\)"),
        (ROWS[:0], ValueError, r"empty, got shape \(0, 4\)"),
        (ROWS[:, :0], ValueError, r"empty, got shape \(23, 0\)"),
        (ROWS.astype(complex), TypeError, "complex64|complex128"),
        (ROWS > 0, TypeError, "dtype bool"),
        (ROWS.astype(str), TypeError, "dtype <U"),
        (ROWS.view("f4,f4"), TypeError, "real numbers"),
    ],
)
def test_wrong_arrays_are_named_with_their_file(tmp_path, array, error, message) -> None:
    with pytest.raises(error, match=message):
        load_embeddings(array)
    np.save(tmp_path / "rows.npy", array)
    with pytest.raises(error, match=rf"rows\.npy'.*{message}"):
        load_embeddings(tmp_path / "rows.npy")


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    hostile = np.array([[Touch(tmp_path / "ran")]], dtype=object)
    np.save(tmp_path / "rows.npy", hostile)
    np.savez(tmp_path / "rows.npz", hostile)
    (tmp_path / "plain.npy").write_bytes(pickle.dumps(Touch(tmp_path / "ran")))
    for name in ("rows.npy", "rows.npz", "plain.npy"):
        with pytest.raises(ValueError, match=rf"cannot read '.*{name}'"):
            load_embeddings(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["rows.npy", "stored.npz", "packed.npz"])
def test_truncated_and_damaged_files_are_named(tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "rows.npy", ROWS)
    np.savez(tmp_path / "stored.npz", ROWS)
    np.savez_compressed(tmp_path / "packed.npz", ROWS)
    path = tmp_path / name
    whole = path.read_bytes()
    for size in (0, 1, 5, 60, 127, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=rf"cannot read '.*{name}'.*write it again"):
            load_embeddings(path)
    path.write_bytes(b"not an array at all, but a text")
    with pytest.raises(ValueError, match="cannot read"):
        load_embeddings(path)


def header(shape: str, dtype: str = "'<f4'") -> bytes:
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    "start",
    [
        header("(1000000000000, 1000000)"),
        header("(99999999999999999999999, 4)"),
        header("(-3, 4)"),
        header("(23, 'x')"),
        header("__import__('os').system('true')"),
        header("(" * 500 + "1" + ")" * 500),
        header("(23, 4)", "'<f4', 'a': 1"),
        header("(23, 4)", "'|O'"),
        header("(23, 4)", "'<f44444'"),
        b"\x93NUMPY\x09\x00" + bytes(100),
    ],
)
def test_hostile_headers(tmp_path: Path, start: bytes) -> None:
    data = start + ROWS.tobytes()
    (tmp_path / "rows.npy").write_bytes(data)
    for mode in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / f"{mode}.npz", "w", mode) as archive:
            archive.writestr("rows.npy", data)
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(ValueError, match="cannot read"):
            load_embeddings(path)


@pytest.mark.parametrize("mode", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_must_be_as_long_as_their_headers_say(tmp_path: Path, mode: int) -> None:
    with zipfile.ZipFile(tmp_path / "rows.npz", "w", mode) as archive:
        archive.writestr("rows.npy", header("(22, 4)") + ROWS.tobytes())
    with pytest.raises(ValueError, match=r"has 368 bytes, its shape .* needs 352"):
        load_embeddings(tmp_path / "rows.npz")


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.npy"):
        load_embeddings(tmp_path / "none.npy")
    with pytest.raises(FileNotFoundError, match="holds no shards"):
        load_embeddings(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no shards"):
        load_embeddings(tmp_path / "*.npy")
    (tmp_path / "rows.mat").write_bytes(b"")
    with pytest.raises(ValueError, match="suffix is none of"):
        load_embeddings(tmp_path / "rows.mat")
    np.savez(tmp_path / "two.npz", a=ROWS, b=ROWS)
    with pytest.raises(ValueError, match=r"more than one array.*'a', 'b'.*by key"):
        load_embeddings(tmp_path / "two.npz")
    with pytest.raises(ValueError, match="no array 'c'"):
        load_embeddings(tmp_path / "two.npz", key="c")
    with zipfile.ZipFile(tmp_path / "none.npz", "w"):
        pass
    with pytest.raises(ValueError, match="holds no array"):
        load_embeddings(tmp_path / "none.npz")
    with pytest.raises(ValueError, match="one length"):
        load_embeddings([[1.0, 2.0], [3.0]])


def test_sparse_matrices_are_refused_with_advice() -> None:
    from scipy import sparse

    with pytest.raises(TypeError, match=r"\.toarray\(\)"):
        load_embeddings(sparse.csr_array(ROWS))
