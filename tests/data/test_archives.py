"""Archives are extracted whole or not at all, and nowhere else."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile

import pytest

from dctheory.data._archives import Archive, extract, recognise


def member(name, data=b"x", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def archive(folder, *members, file="set.tar.gz"):
    path = folder / file
    with tarfile.open(path, "w:gz") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return path


GOOD = (
    member("set", b"", type=tarfile.DIRTYPE, mode=0o700),
    member("set/a.bin", b"abc" * 1000, mode=0o4777),
    member("./set/deep/er/b.txt", b"text"),
)


def test_all_of_it_appears_and_once(tmp_path):
    path = archive(tmp_path, *GOOD)
    folder = extract(path, "set")
    assert folder == tmp_path / "set"
    assert (folder / "a.bin").read_bytes() == b"abc" * 1000
    assert (folder / "deep" / "er" / "b.txt").read_text() == "text"
    assert not os.access(folder / "a.bin", os.X_OK)
    (folder / "a.bin").write_bytes(b"mine")
    assert extract(path, "set") == folder
    assert (folder / "a.bin").read_bytes() == b"mine"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["set", "set.tar.gz"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (member("set/../../out.txt"), "is not in 'set'"),
        (member("/tmp/out.txt"), "is not in 'set'"),
        (member("../out.txt"), "is not in 'set'"),
        (member("out.txt"), "is not in 'set'"),
        (member("other/out.txt"), "is not in 'set'"),
        (member("set/..\\out.txt"), "is not in 'set'"),
        (member("set/C:out.txt"), "is not in 'set'"),
        (member("set/link", b"", type=tarfile.SYMTYPE, linkname="/etc"), "neither a file nor"),
        (member("set/link", b"", type=tarfile.LNKTYPE, linkname="set/a.bin"), "neither a file"),
        (member("set/pipe", b"", type=tarfile.FIFOTYPE), "neither a file nor"),
        (member("set/null", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3), "neither a file"),
        (member("set/a.bin"), "File exists"),
        (member("set/a.bin/b"), "Not a directory|File exists"),
        (member("set/bomb", bytes(2**20)), "more than expected"),
        (member("set/name", pax_headers={"comment": "y" * 2**20}), "more than expected"),
    ],
    ids=lambda each: each[0].name if isinstance(each, tuple) else "",
)
def test_hostile_archives(tmp_path, bad, words):
    place = tmp_path / "in" / "here"
    place.mkdir(parents=True)
    path = archive(place, *GOOD, bad)
    with pytest.raises(ValueError, match=words):
        extract(path, "set", max_bytes=2**19)
    assert list(place.iterdir()) == [path]
    assert [each.name for each in tmp_path.rglob("*")] == ["in", "here", "set.tar.gz"]


@pytest.mark.parametrize("part", [0, 30, 0.5, -30])
def test_truncated_archives(tmp_path, part):
    noise = os.urandom(50_000)
    path = archive(tmp_path, *GOOD, member("set/noise", noise))
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data)) if part == 0.5 else part])
    with pytest.raises(ValueError, match=r"cannot extract '.*set\.tar\.gz'.*get it again"):
        extract(path, "set")
    assert list(tmp_path.iterdir()) == [path]


def test_corrupt_archives(tmp_path):
    path = archive(tmp_path, *GOOD, member("set/noise", os.urandom(50_000)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    path.write_bytes(data)
    with pytest.raises(ValueError, match="cannot extract"):
        extract(path, "set")
    assert list(tmp_path.iterdir()) == [path]


def test_an_archive_of_something_else(tmp_path):
    path = archive(tmp_path)
    with pytest.raises(ValueError, match="nothing is in 'set'"):
        extract(path, "set")
    assert list(tmp_path.iterdir()) == [path]


def test_interrupted(tmp_path, monkeypatch):
    path = archive(tmp_path, *GOOD)

    def interrupt(source, target):
        target.write(source.read(5))
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfileobj", interrupt)
    with pytest.raises(KeyboardInterrupt):
        extract(path, "set")
    assert list(tmp_path.iterdir()) == [path]


def test_another_process_was_faster(tmp_path, monkeypatch):
    path = archive(tmp_path, *GOOD)

    def meanwhile(source, target):
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / "theirs").touch()

    monkeypatch.setattr(shutil, "copyfileobj", meanwhile)
    folder = extract(path, "set")
    assert [each.name for each in folder.iterdir()] == ["theirs"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["set", "set.tar.gz"]


def test_a_place_that_cannot_be_written(tmp_path, monkeypatch):
    path = archive(tmp_path, *GOOD)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(ValueError, match="Permission denied; move it to a folder that can"):
        extract(path, "set")


def test_archives_are_known_by_their_sum(tmp_path):
    path = archive(tmp_path, *GOOD)
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    known = [Archive("other.tar.gz", "other", 9, "0" * 32), Archive("a", "set", 1, digest)]
    assert recognise(path, known) is known[1]
    size = path.stat().st_size
    with pytest.raises(ValueError, match=rf"has {size} bytes and MD5 {digest}.*9 bytes, MD5 0000"):
        recognise(path, known[:1])
