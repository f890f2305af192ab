"""``dctheory diagnose``: one document or a summary, files, and one line for bad input."""

import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

from dctheory.cli import main

COUNT = 30


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 10)
    rows = rng.standard_normal((COUNT, 6)) + 3 * np.eye(6)[labels]
    np.save("rows.npy", rows.astype("float32"))
    np.save("labels.npy", labels)
    return tmp_path


def test_json_is_one_document_and_the_report_is_written(folder, capsys):
    np.save("views.npy", np.load("rows.npy") + 0.01)
    np.save("images.npy", np.zeros((COUNT, 4, 4), np.uint8))
    command = "diagnose rows.npy --labels labels.npy --out made --json --k 2 --level 0.9"
    assert main([*command.split(), "--views", "views.npy", "--images", "images.npy"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out, parse_constant=pytest.fail)
    assert list(document)[:3] == ["alpha", "beta", "gamma"]
    assert document["alpha"]["low"] < document["alpha"]["estimate"] < document["alpha"]["high"]
    assert list(document["readings"]) == ["either"]
    assert document["settings"]["k"] == 2
    assert document["intervals"]["level"] == 0.9
    assert "dctheory: " in err
    saved = folder / document.pop("folder")
    assert saved.parent == folder / "made" or saved.parent.name == "made"
    assert json.loads((saved / "report.json").read_text()) == document
    assert (saved / "report.html").read_text().startswith("<!doctype html>")
    assert (saved / "difficulty" / "ranking.pkl").exists()


def test_a_summary_without_labels_from_shards(folder, capsys):
    (folder / "shards").mkdir()
    rows = np.load("rows.npy")
    for place, part in enumerate(np.array_split(rows, 3)):
        np.save(f"shards/{place}.npy", part)
    assert main(["diagnose", "shards", "--classes", "3"]) == 0
    out, _ = capsys.readouterr()
    assert "30 embeddings of 6 features, 3 clusters in place of classes" in out
    assert "What cannot be known without labels" in out
    assert "Results: results" in out
    (made,) = (folder / "results").iterdir()
    assert len(np.load(made / "clusters.npy")) == COUNT
    assert json.loads((made / "report.json").read_text())["labels"] == "clusters"


class _Bomb:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def _zip_of(name, data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def _npy_of(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


_GOOD = np.random.default_rng(0).standard_normal((COUNT, 6))
_BAD_ROWS = {
    "nan": (np.where(np.arange(COUNT)[:, None] == 7, np.nan, _GOOD), "row 7"),
    "zero": (np.where(np.arange(COUNT)[:, None] == 7, 0, _GOOD), "row 7"),
    "infinite": (np.where(np.arange(COUNT)[:, None] == 7, np.inf, _GOOD), "row 7"),
    "constant": (np.ones((COUNT, 6)), "constant"),
    "vector": (np.ones(COUNT), "two-dimensional"),
    "empty": (np.ones((0, 6)), "empty"),
    "complex": (_GOOD * 1j, "real numbers"),
    "words": (np.full((COUNT, 6), "a"), "real numbers"),
}
_BAD_FILES = {
    "truncated.npy": (_npy_of(_GOOD)[:500], "truncated.npy"),
    "nothing.npy": (b"", "nothing.npy"),
    "text.npy": (b"no array", "text.npy"),
    "objects.npy": (_npy_of(np.array([[_Bomb()] * 2] * 2, dtype=object)), "objects.npy"),
    "pickle.npy": (pickle.dumps(_Bomb()), "pickle.npy"),
    "bomb.npz": (_zip_of("x.npy", _npy_of(np.array([_Bomb()], dtype=object))), "bomb.npz"),
    "pickle.npz": (_zip_of("x.npy", pickle.dumps(_Bomb())), "pickle.npz"),
    "nothing.npz": (_zip_of("readme", b""), "nothing.npz"),
    "damaged.npz": (_zip_of("x.npy", _npy_of(_GOOD))[:-30], "damaged.npz"),
    "table.parquet": (b"PAR1", "table.parquet"),
}


def _refused(capsys, folder, *arguments):
    """The one line on stderr; nothing else is printed, run or left behind."""
    before = sorted(os.listdir(folder))
    assert main(["diagnose", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("dctheory: error: ")
    assert err.count("\n") == 1
    assert sorted(os.listdir(folder)) == before
    return err


@pytest.mark.parametrize("name", _BAD_FILES)
def test_files_that_are_no_embeddings(name, folder, capsys):
    content, message = _BAD_FILES[name]
    (folder / name).write_bytes(content)
    assert message in _refused(capsys, folder, name, "--labels", "labels.npy")


@pytest.mark.parametrize("name", _BAD_ROWS)
def test_rows_that_have_no_similarity(name, folder, capsys):
    rows, message = _BAD_ROWS[name]
    np.save("bad.npy", rows)
    assert message in _refused(capsys, folder, "bad.npy")


def test_a_bad_row_of_a_shard_is_named_with_its_file(folder, capsys):
    (folder / "shards").mkdir()
    rows = np.load("rows.npy")
    rows[17, 2] = np.nan
    for place, part in enumerate(np.array_split(rows, 3)):
        np.save(f"shards/{place}.npy", part)
    assert "row 17 (row 7 of 'shards/1.npy') holds NaN" in _refused(capsys, folder, "shards")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.npy"], "No such file or directory: missing.npy"),
        (["hollow"], "holds no shards"),
        (["*.nothing"], "holds no shards"),
        (["rows.npy", "labels.npy"], "labels.npy"),
        (["rows.npy", "--labels", "missing.npy"], "No such file"),
        (["rows.npy", "--labels", "hollow"], "hollow"),
        (["rows.npy", "--labels", "short.npy"], "must have 30 entries"),
        (["rows.npy", "--labels", "one.npy"], "a single class"),
        (["rows.npy", "--labels", "rows.npy"], "one dimension"),
        (["rows.npy", "--labels", "labels.npy", "--difficult", "labels.npy"], "mask"),
        (["rows.npy", "--views", "short.npy"], "two-dimensional"),
        (["rows.npy", "--images", "rows.npy"], "uint8"),
        (["rows.npy", "--images", "hollow"], "no images"),
        (["rows.npy", "--key", "x", "--share", "2"], "share"),
        (["rows.npy", "--pairing", "bth"], "did you mean 'both'"),
        (["rows.npy", "--k", "30"], "k must be between 1 and 29"),
        (["rows.npy", "--classes", "many"], "invalid int"),
        (["rows.npy", "--pos-high", "50", "--pos-low", "20"], "pos_high must be below pos_low"),
        (["rows.npy", "--pos-high", "100"], "pos_high must be below pos_low"),
        (["rows.npy", "--out", "labels.npy"], "it is a file"),
        (["rows.npy", "--out", "labels.npy/below"], "Not a directory"),
        ([], "required: EMBEDDINGS"),
    ],
)
def test_bad_usage(arguments, message, folder, capsys):
    (folder / "hollow").mkdir()
    np.save("short.npy", np.arange(7))
    np.save("one.npy", np.zeros(COUNT, int))
    assert message in _refused(capsys, folder, *arguments)


def test_an_estimate_that_is_impossible_is_one_line_too(folder, capsys):
    ids = np.full(COUNT, -1)
    np.save("partners.npy", ids)
    command = "rows.npy --labels labels.npy --partners partners.npy --out made"
    assert main(["diagnose", *command.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "partners match no two" in err.splitlines()[-1]
    assert os.listdir("made") == []
