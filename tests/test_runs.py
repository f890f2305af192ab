"""Run folders never collide, files are whole or absent, the manifest names no path."""

import json
import multiprocessing
import os
import subprocess
from datetime import datetime

import pytest

import dctheory._runs as runs
from dctheory._runs import manifest, new_run_folder, write_atomic


class _Frozen(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime(2026, 3, 1, 12, 0, 0, tzinfo=tz)


def _make_folders(out, count):
    runs.datetime = _Frozen
    return [new_run_folder(out, "verify").name for _ in range(count)]


def test_folders_of_the_same_second_are_numbered(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "datetime", _Frozen)
    names = [new_run_folder(tmp_path / "a" / "b", "verify").name for _ in range(3)]
    assert names == [
        "verify-20260301-120000",
        "verify-20260301-120000-2",
        "verify-20260301-120000-3",
    ]


def test_two_processes_in_the_same_second_never_share_a_folder(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        made = pool.starmap(_make_folders, [(str(tmp_path), 20)] * 2)
    names = made[0] + made[1]
    assert len(set(names)) == 40
    assert len(os.listdir(tmp_path)) == 40


def test_an_out_that_is_a_file_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("kept")
    for out in (file, file / "below"):
        with pytest.raises(ValueError, match=r"cannot write results to .*choose a folder"):
            new_run_folder(out, "verify")
    assert file.read_text() == "kept"


def test_an_out_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(runs.Path, "mkdir", refuse)
    with pytest.raises(ValueError, match="Permission denied"):
        new_run_folder(tmp_path, "verify")


def test_write_atomic_replaces_the_whole_text(tmp_path):
    path = tmp_path / "report.md"
    write_atomic(path, "old " * 1000)
    write_atomic(path, "λ ≤ 1\n")
    assert path.read_bytes() == "λ ≤ 1\n".encode()
    assert os.listdir(tmp_path) == ["report.md"]


def test_a_failed_write_leaves_the_old_text_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "report.md"
    write_atomic(path, "old")

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.md"]


def test_write_atomic_into_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "missing" / "x", "text")


def test_the_manifest_is_json_and_names_no_path(monkeypatch):
    monkeypatch.setattr(runs.sys, "argv", ["/some/where/dctheory", "verify", "--claims", "a b"])
    record = manifest()
    assert record["command"] == "dctheory verify --claims 'a b'"
    assert record["libraries"]["numpy"] is not None
    assert datetime.fromisoformat(record["time"]).utcoffset().total_seconds() == 0
    text = json.dumps(record)
    assert os.getcwd() not in text
    assert "/some/where" not in text


def test_the_manifest_does_without_git(monkeypatch):
    monkeypatch.delenv("DCTHEORY_COMMIT", raising=False)

    def missing(*args, **kwargs):
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", missing)
    assert manifest()["commit"] is None


def test_a_copy_without_git_can_be_told_its_commit(monkeypatch, tmp_path):
    monkeypatch.delenv("DCTHEORY_COMMIT", raising=False)
    monkeypatch.setattr(runs, "__file__", str(tmp_path / "dctheory" / "_runs.py"))
    assert manifest()["commit"] is None
    monkeypatch.setenv("DCTHEORY_COMMIT", "0123abc")
    assert manifest()["commit"] == "0123abc"


def test_python_m_is_the_command(monkeypatch):
    monkeypatch.setattr(runs.sys, "argv", ["/some/dctheory/__main__.py", "verify"])
    assert manifest()["command"] == "dctheory verify"


def test_a_library_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(runs, "_LIBRARIES", ("surely-not-installed",))
    assert manifest()["libraries"] == {"surely-not-installed": None}
