"""A folder is held by one process at a time, and by none that is dead."""

import os
import signal
import subprocess
import sys

import pytest

from dctheory._lock import LOCK, folder_lock

_HOLD = """
import sys, time
from dctheory._lock import folder_lock
with folder_lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no flock")
def test_a_folder_is_not_taken_twice_but_again_after_a_kill(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(ValueError, match=f"in use by process {holder.pid}"),
            folder_lock(tmp_path),
        ):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with folder_lock(tmp_path):
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no flock")
def test_the_same_process_does_not_take_it_twice_either(tmp_path):
    again = folder_lock(tmp_path)
    with folder_lock(tmp_path), pytest.raises(ValueError, match=f"by process {os.getpid()}"):
        again.__enter__()
    with folder_lock(tmp_path):
        pass


def test_it_is_given_back_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), folder_lock(tmp_path):
        raise RuntimeError
    with folder_lock(tmp_path):
        pass


def test_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError), folder_lock(tmp_path / "missing"):
        pass
