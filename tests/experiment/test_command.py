"""``dctheory experiment``: what it prints, what it leaves behind, and how it ends."""

import argparse
import io
import json
import os
import shlex
import signal
import subprocess
import sys

import pytest

from dctheory._arguments import UsageError
from dctheory.experiment import load_result
from dctheory.experiment._command import add_arguments, run


@pytest.fixture
def command(toy, tmp_path, monkeypatch):
    """A function from words to (exit code, stdout, stderr), in an empty folder."""
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_arguments(parser)

    def call(*words):
        out, err = io.StringIO(), io.StringIO()
        code = run(parser.parse_args(words), out, err, 100)
        return code, out.getvalue(), err.getvalue()

    return call


def test_a_run_prints_the_result_and_its_folder(command, tmp_path):
    code, out, err = command("toy")
    (folder,) = (tmp_path / "results").iterdir()
    assert code == 0
    assert out.startswith("WARNING: error 0.4 is above the valid bound")
    assert load_result(folder).to_text(100) in out
    assert out.endswith(f"Results: results/{folder.name}\n")
    assert err == "dctheory: 6 of 6 tasks: removal-2\n"


def test_json_is_one_document(command, tmp_path):
    code, out, _ = command("toy", "--json", "--out", "here", "--seeds", "2", "--preset", "gpu")
    document = json.loads(out, parse_constant=pytest.fail)
    (folder,) = (tmp_path / "here").iterdir()
    assert code == 0
    assert document.pop("folder") == f"here/{folder.name}"
    assert document == load_result(folder).to_dict()
    assert (document["preset"], document["seeds"]) == ("gpu", [0, 1])


def test_a_dry_run_writes_nothing(command, toy, tmp_path):
    code, out, _ = command("toy", "--dry-run", "--preset", "gpu")
    assert code == 0
    lines = out.splitlines()
    for line in (
        "preset: gpu",
        "  seeds: 5",
        '  methods: ["baseline", "removal"]',
        "tasks: 10",
        "finished: 0",
        "folder: results/toy-YYYYmmdd-HHMMSS",
        "time: about 1.5 h",
        "memory: not estimated: its runs are no trainings of one network",
    ):
        assert line in lines
    document = json.loads(command("toy", "--dry-run", "--json", "--preset", "paper")[1])
    assert document["settings"]["seeds"] == 10
    assert document["time"] == "not measured"
    assert os.listdir(tmp_path) == []
    assert toy.ran == []


def test_the_list(command):
    code, out, _ = command("--list")
    assert code == 0
    assert out.splitlines()[-1].split() == "toy Does removal help? about 40 s".split()
    (row,) = json.loads(command("--list", "--json")[1])["rows"]
    assert row["experiment"] == "toy"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "an experiment is required (see dctheory experiment --list)"),
        (["toi"], "unknown experiment 'toi'; did you mean 'toy'"),
        (["toy", "--preset", "cpv"], "did you mean 'cpu'"),
        (["toy", "--seeds", "0"], "seeds must be at least 1"),
        (["toy", "--resume"], "no unfinished run of toy in 'results'"),
        (["toy", "--resume", "--dry-run"], "no unfinished run of toy in 'results'"),
    ],
)
def test_bad_input_is_a_usage_error(words, message, command, toy, tmp_path):
    with pytest.raises(UsageError) as caught:
        command(*words)
    assert message in str(caught.value)
    assert os.listdir(tmp_path) == []
    assert toy.ran == []


def test_an_out_that_is_a_file_is_a_usage_error(command, tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(UsageError, match="cannot write results to 'file'"):
        command("toy", "--out", "file")


def test_a_full_disk_is_a_usage_error(command, toy, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dctheory.experiment.tasks.write_json", full)
    with pytest.raises(UsageError, match=r"^No space left on device; finished .* --resume$"):
        command("toy")


def test_an_internal_error_is_not_taken_for_bad_input(command, toy, monkeypatch):
    def fail(*args):
        raise ValueError("a bug")

    monkeypatch.setattr("dctheory.experiment.result.write_atomic", fail)
    with pytest.raises(ValueError, match="a bug"):
        command("toy")


def test_a_missing_distributed_is_a_usage_error(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="pip install"):
        command("toy", "--scheduler", "tcp://127.0.0.1:1")


def _stopped(command, toy, stop, *words):
    """Run with ``stop`` called in place of the third task; then what the message says to do."""
    train = toy.train

    def stopping(**arguments):
        if len(toy.ran) == 2:
            stop()
        return train(**arguments)

    toy.train = stopping
    code, out, err = command("toy", *words)
    toy.train = train
    assert out == ""
    _, _, hint = err.rpartition("finished tasks are kept; continue with: ")
    program, name, *words = shlex.split(hint)
    assert (program, name) == ("dctheory", "experiment")
    assert command(*words)[0] == 0
    return code, err


def _interrupt():
    raise KeyboardInterrupt


def _terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def _stop_as_the_trainer():
    error = RuntimeError("stopped by SIGTERM after step 3 of 9")
    error.terminated = True
    raise error


def _fail():
    raise FloatingPointError("loss is not finite")


@pytest.mark.parametrize(
    ("stop", "code"), [(_interrupt, 130), (_terminate, 143), (_stop_as_the_trainer, 143)]
)
def test_an_interrupted_run_says_how_to_go_on(stop, code, command, toy, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    found, err = _stopped(command, toy, stop, "--seeds", "4", "--preset", "gpu", "--out", "a b")
    assert found == code
    assert "dctheory: interrupted; " in err
    assert signal.getsignal(signal.SIGTERM) is before
    assert len(toy.ran) == len(set(toy.ran)) == 8
    assert len(os.listdir(tmp_path / "a b")) == 1


def _time_is_over():
    error = RuntimeError("stopped when 60 seconds were over")
    error.terminated = False
    raise error


def test_a_run_out_of_time_is_exit_code_3(command, toy, tmp_path):
    options = ("--max-seconds", "60", "--set", "effect=0.1")
    code, err = _stopped(command, toy, _time_is_over, *options)
    assert code == 3
    assert "dctheory: the 60 seconds are over; finished tasks are kept" in err
    assert "--set effect=0.1" in err


def test_a_failed_task_is_exit_code_1_with_its_traceback(command, toy, tmp_path):
    stops = iter([_fail])
    code, err = _stopped(command, toy, lambda: next(stops, int)())
    assert code == 1
    assert "in _fail" in err
    assert "dctheory: error: task baseline-2 failed: FloatingPointError: loss is not finite" in err
    assert len(toy.ran) == len(set(toy.ran)) == 6


def test_importing_the_command_is_light():
    code = "import sys, dctheory.experiment._command; print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    heavy = ("numpy", "scipy", "jax", "sympy", "distributed", "tqdm")
    assert [name for name in heavy if f"'{name}'" in done.stdout] == []
