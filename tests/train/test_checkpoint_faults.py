"""Checkpoints on full disks and in killed processes: what is kept is whole."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from dctheory.train import checkpoint
from dctheory.train.checkpoint import load_latest, save_checkpoint

STATE = {"w": np.array([1.5, -2, 3], np.float32), "n": np.int32(7)}


def _state(step):
    return {"w": np.full(3, step, np.float32), "n": np.int32(step)}


def _names(folder):
    return sorted(os.listdir(folder))


_FULL = """
import os, resource, sys
import numpy as np
from dctheory.train.checkpoint import save_checkpoint

folder = sys.argv[1]
state = {"w": np.arange(9000.0), "n": np.ones(900)}
size = save_checkpoint(folder, 1, state, {}).stat().st_size
for limit in (0, 1, size // 3, size // 2, size - 500, size - 1):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        save_checkpoint(folder, 2, state, {})
    except OSError as error:
        print(error.strerror)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    assert os.listdir(folder) == ["step-00000001.npz"], os.listdir(folder)
save_checkpoint(folder, 3, state, {})
"""


def test_a_file_that_cannot_grow_is_a_clear_error(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _FULL, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    message = (
        f"no room for a checkpoint of 0.0793 MB in {str(tmp_path)!r} (File too large); "
        "the ones before are kept: free some space, then resume"
    )
    assert done.stdout.splitlines() == [message] * 6
    assert _names(tmp_path) == ["step-00000001.npz", "step-00000003.npz"]


@pytest.mark.parametrize("number", [28, 122, 5])
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_older_ones(function, number, tmp_path, monkeypatch):
    for step in (1, 2):
        save_checkpoint(tmp_path, step, _state(step), {})

    def fail(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(checkpoint.os, function, fail)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        save_checkpoint(tmp_path, 3, _state(3), {})
    assert caught.value.errno == number
    assert ("no room for a checkpoint" in str(caught.value)) == (number != 5)
    monkeypatch.undo()
    assert _names(tmp_path) == ["step-00000001.npz", "step-00000002.npz"]
    assert load_latest(tmp_path, STATE).step == 2


def test_an_interrupt_while_writing_leaves_the_older_ones(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, 1, _state(1), {})

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.np, "savez", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, 2, _state(2), {})
    assert _names(tmp_path) == ["step-00000001.npz"]


def test_older_ones_go_after_the_new_one_is_on_the_disk(tmp_path, monkeypatch):
    events = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def recorded(*args, name=name, real=real):
            events.append(name)
            return real(*args)

        monkeypatch.setattr(checkpoint.os, name, recorded)
    unlink = Path.unlink

    def delete(self, missing_ok=False):
        events.append(f"delete {self.name}")
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", delete)
    for step in (1, 2):
        events.clear()
        save_checkpoint(tmp_path, step, _state(step), {}, keep=1)
    assert events == ["fsync", "replace", "fsync", "delete step-00000001.npz"]


_FOREVER = """
import itertools, sys
import numpy as np
from dctheory.train.checkpoint import save_checkpoint

for step in itertools.count(1):
    state = {"w": np.full(30_000, step, np.float32), "n": np.int32(step)}
    save_checkpoint(sys.argv[1], step, state, {"step": step})
    print(step, flush=True)
"""


def _kill_and_check(folder, delay):
    """Kill a process that saves as fast as it can; what is left must be whole."""
    with subprocess.Popen(
        [sys.executable, "-c", _FOREVER, str(folder)], stdout=subprocess.PIPE, text=True
    ) as writer:
        writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        said = [1, *(int(line) for line in writer.stdout.read().splitlines())]
    like = {"w": jax.ShapeDtypeStruct((30_000,), np.float32), "n": np.int32(0)}
    found = load_latest(folder, like)
    assert found.step >= said[-1]
    assert found.meta == {"step": found.step}
    np.testing.assert_array_equal(found.state["w"], np.full(30_000, found.step, np.float32))
    assert found.state["n"] == found.step


def test_a_kill_leaves_a_whole_checkpoint(tmp_path):
    _kill_and_check(tmp_path, 0.05)


@pytest.mark.slow
def test_kills_at_many_moments_leave_whole_checkpoints(tmp_path):
    for number in range(20):
        _kill_and_check(tmp_path / str(number), 0.03 + 0.0017 * number)
