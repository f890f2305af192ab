"""Downloads from servers of this process: mirrors, resumption, check sums, nothing half-done."""

from __future__ import annotations

import hashlib
import re
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from dctheory._lock import folder_lock
from dctheory.data import _download
from dctheory.data._archives import Archive
from dctheory.data._download import cache_folder, download_first

pytest.importorskip("pooch")

CONTENT = np.random.default_rng(0).bytes(300_000)
BROKEN = 3 * 2**16  # three chunks
FILE = "set.tar.gz"
ARCHIVES = {FILE: Archive(FILE, "set", len(CONTENT), hashlib.md5(CONTENT).hexdigest())}


@dataclass
class Server:
    """Serves the content below every path; the path says how."""

    asked: list[tuple[str, str | None]] = field(default_factory=list)
    port: int = 0

    def url(self, way):
        return f"http://127.0.0.1:{self.port}/{way}/{FILE}"

    def answer(self, request):
        way = request.path.split("/")[1]
        wanted = request.headers["Range"]
        self.asked.append((way, wanted))
        if way == "moved":
            request.send_response(302)
            request.send_header("Location", self.url("good"))
            request.end_headers()
            return
        if way == "missing":
            request.send_error(404)
            return
        bodies = {"other": CONTENT[::-1], "page": b"<html>down for maintenance</html>"}
        body = bodies.get(way, CONTENT)
        start = int(wanted[6:-1]) if wanted and way != "whole" else 0
        if start >= len(body):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if way != "endless":
            request.send_header("Content-Length", str(len(body) - start))
        request.end_headers()
        request.wfile.write(body[start : BROKEN if way == "breaks" else None])


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    found = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found.answer(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        found.port = http.server_port
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        http.shutdown()
        thread.join()


def fetch(server, folder, *ways):
    return download_first([server.url(way) for way in ways], ARCHIVES, folder)


def files(folder):
    return {each.name for each in folder.iterdir()} - {".lock"}


def test_one_address(server, tmp_path, capfd):
    folder = tmp_path / "new" / "cache"
    found = fetch(server, folder, "good")
    assert found == folder / FILE
    assert found.read_bytes() == CONTENT
    assert files(folder) == {FILE}
    assert server.asked == [("good", None)]
    # A progress bar that ends at the size.
    assert re.search(r"100%.*300k/300k", capfd.readouterr().err)
    assert fetch(server, folder, "good") == found
    assert len(server.asked) == 1


def test_addresses_in_turn(server, tmp_path):
    ways = ("missing", "page", "other", "endless", "moved", "never")
    assert fetch(server, tmp_path, *ways).read_bytes() == CONTENT
    assert [way for way, _ in server.asked] == [*ways[:5], "good"]
    assert files(tmp_path) == {FILE}


@pytest.mark.parametrize("then", ["good", "moved"])
def test_a_broken_download_goes_on_elsewhere(server, tmp_path, then):
    assert fetch(server, tmp_path, "breaks", then).read_bytes() == CONTENT
    assert server.asked[-1] == ("good", f"bytes={BROKEN}-")
    assert files(tmp_path) == {FILE}


def test_a_broken_download_goes_on_later(server, tmp_path):
    with pytest.raises(ConnectionError, match="what arrived is kept"):
        fetch(server, tmp_path, "breaks")
    assert files(tmp_path) == {f"{FILE}.part"}
    assert fetch(server, tmp_path, "good").read_bytes() == CONTENT
    assert server.asked[-1] == ("good", f"bytes={BROKEN}-")


def test_a_server_that_knows_no_ranges(server, tmp_path):
    assert fetch(server, tmp_path, "breaks", "whole").read_bytes() == CONTENT
    assert server.asked[-1] == ("whole", f"bytes={BROKEN}-")


@pytest.mark.parametrize("part", [CONTENT[::-1], CONTENT * 2, CONTENT[1:1000]])
def test_a_wrong_beginning_is_given_up(server, tmp_path, part):
    (tmp_path / f"{FILE}.part").write_bytes(part)
    assert fetch(server, tmp_path, "good", "good").read_bytes() == CONTENT
    assert files(tmp_path) == {FILE}


def test_a_complete_beginning_is_taken(server, tmp_path):
    (tmp_path / f"{FILE}.part").write_bytes(CONTENT)
    assert fetch(server, tmp_path, "good").read_bytes() == CONTENT
    assert server.asked == []


def test_no_address_works(server, tmp_path):
    with pytest.raises(ConnectionError) as caught:
        fetch(server, tmp_path, "missing", "page", "other")
    text = str(caught.value)
    for way, reason in (
        ("missing", "404"),
        ("page", "expected 300000 bytes, the file there has 33"),
        ("other", "hash"),
    ):
        assert re.search(rf"{way}/{FILE}: .*{reason}", text)
    assert not (tmp_path / FILE).exists()


def test_a_server_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(_download, "TIMEOUT", 0.2)
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/{FILE}"
        with pytest.raises(ConnectionError, match="timed out"):
            download_first([address], ARCHIVES, tmp_path)


def test_a_damaged_archive_is_replaced(server, tmp_path):
    (tmp_path / FILE).write_bytes(b"half")
    assert fetch(server, tmp_path, "good").read_bytes() == CONTENT


def test_two_processes_do_not_write_the_same_file(server, tmp_path):
    with folder_lock(tmp_path), pytest.raises(ValueError, match="in use by process"):
        fetch(server, tmp_path, "good")


def test_without_pooch(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ModuleNotFoundError, match="needs pooch: python -m pip install"):
        download_first(["https://example.org/set.tar.gz"], ARCHIVES, tmp_path)


def test_cache_folder(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.setenv("LOCALAPPDATA", "/windows")
    monkeypatch.setenv("HOME", "/home/me")
    expected = {"linux": "/somewhere", "darwin": "/home/me/Library/Caches", "win32": "/windows"}
    for platform, parent in expected.items():
        monkeypatch.setattr(sys, "platform", platform)
        assert cache_folder() == Path(parent) / "dctheory"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path("/home/me/.cache/dctheory")
