"""A run's folder: resumed only as what it was, its log whole, its documents strict JSON."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dctheory._runs as runs
from dctheory.train.checkpoint import save_checkpoint
from dctheory.train.config import TrainConfig
from dctheory.train.config_file import load_config, to_dict
from dctheory.train.run_folder import FORMAT, RunFolder, stop_on_sigterm

CONFIG = {"steps": 5, "data": {"kind": "digits", "seed": None}}


@pytest.fixture
def begun(tmp_path):
    with RunFolder.start(tmp_path, "train", CONFIG) as folder:
        return folder


def _resume(folder, config=CONFIG):
    with RunFolder.start(folder, "train", config, resume=True) as found:
        return found


def _read(folder, name):
    return json.loads((folder.path / name).read_text())


# --- Starting and resuming


def test_a_new_run_says_what_and_how(tmp_path):
    config = TrainConfig(steps=3)
    with RunFolder.start(tmp_path / "a", "train", to_dict(config)) as folder:
        assert folder.path.parent == tmp_path / "a"
        assert folder.path.name.startswith("train-2")
        assert load_config(folder.path / "config.json") == config
        record = _read(folder, "manifest.json")
    assert record["format"] == FORMAT
    assert record["device"] == {
        "platform": jax.default_backend(),
        "device_kind": jax.devices()[0].device_kind,
        "count": len(jax.devices()),
        "processes": 1,
    }
    assert set(runs.manifest()) < set(record)


def test_the_configuration_of_several_seeds_is_read_back_and_their_number_kept(tmp_path):
    config = to_dict(TrainConfig(steps=3))
    with RunFolder.start(tmp_path, "train", config, seeds=4) as folder:
        assert to_dict(load_config(folder.path / "config.json")) == config
        assert _read(folder, "manifest.json")["seeds"] == 4
    with (
        pytest.raises(ValueError, match="has 4 seeds, not 1"),
        RunFolder.start(folder.path, "train", config, resume=True),
    ):
        pass


def test_a_resumed_run_keeps_its_manifest_and_adds_to_it(begun, tmp_path):
    first = _read(begun, "manifest.json")
    for times in (1, 2):
        assert _resume(begun.path if times == 1 else tmp_path).path == begun.path
        record = _read(begun, "manifest.json")
        assert len(record.pop("resumed")) == times
        assert record == first
    assert _read(begun, "config.json") == CONFIG


def test_the_newest_run_that_was_begun_is_resumed(tmp_path):
    names = ["train-20260301-120000", "train-20260301-120000-2", "train-20260301-120000-10"]
    others = ["train-20250301-120000-99", "probe-20270301-120000", "train-x", "train-20280301-1"]
    for name in (*names, *others):
        (tmp_path / name).mkdir()
        for file in ("config.json", "manifest.json"):
            (tmp_path / name / file).write_text(json.dumps(CONFIG | {"format": FORMAT}))
    (tmp_path / "train-20270301-120000").mkdir()
    with RunFolder.start(tmp_path, "train", CONFIG | {"format": FORMAT}, resume=True) as folder:
        assert folder.path.name == names[-1]


def test_a_configuration_beside_the_runs_makes_no_run_of_the_folder(begun, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert _resume(tmp_path) == begun


def test_nothing_to_resume(tmp_path):
    for out in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match=r"no run of 'train' to resume in .*leave resume out"):
            _resume(out)
    (tmp_path / "train-20260101-000000").mkdir()
    (tmp_path / "train-20260101-000000" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"is no run's folder: it has no manifest\.json"):
        _resume(tmp_path)


def test_another_configuration_is_named_by_its_keys(begun):
    other = {"steps": 6, "data": {"kind": "digits", "mixed": 0.1, "seed": None}}
    message = r"another configuration: steps: 5 -> 6, data.mixed: absent -> 0.1; resume it"
    with pytest.raises(ValueError, match=message):
        _resume(begun.path, other)
    many = CONFIG | {f"k{number}": number for number in range(30)}
    with pytest.raises(ValueError, match="k7: absent -> 7 and 22 more; resume"):
        _resume(begun.path, many)
    assert _resume(begun.path).path == begun.path


def test_another_format_is_refused(begun):
    record = _read(begun, "manifest.json") | {"format": FORMAT + 1, "dctheory": "9.9"}
    begun.write_json("manifest.json", record)
    with pytest.raises(ValueError, match=r"in format 2, and this .* reads 1; .* dctheory 9\.9"):
        _resume(begun.path)


@pytest.mark.parametrize("name", ["config.json", "manifest.json"])
@pytest.mark.parametrize("text", ["", "[]", '{"steps": ', "[" * 100_000])
def test_damaged_documents_are_named(name, text, begun):
    (begun.path / name).write_text(text)
    with pytest.raises(ValueError, match=rf"{name} is damaged \(.*\); start a new run"):
        _resume(begun.path)


def _try_to_resume(path, results):
    try:
        _resume(path)
        results.put("taken")
    except ValueError as error:
        results.put(str(error))


def test_a_folder_in_use_is_not_taken_by_another_process(begun):
    context = multiprocessing.get_context("spawn")
    with RunFolder.start(begun.path, "train", CONFIG, resume=True):
        results = context.Queue()
        process = context.Process(target=_try_to_resume, args=(begun.path, results))
        process.start()
        message = results.get(timeout=60)
        process.join()
    assert f"is in use by process {os.getpid()}" in message
    assert len(_read(begun, "manifest.json")["resumed"]) == 1
    assert _resume(begun.path).path == begun.path


# --- Documents


def test_documents_are_strict_json_with_arrays_as_lists(begun):
    document = {"a": np.float32(0.5), "b": jnp.arange(2), "c": "λ", "d": None, "e": np.bool_(True)}
    begun.write_json("result.json", document)
    assert _read(begun, "result.json") == {"a": 0.5, "b": [0, 1], "c": "λ", "d": None, "e": True}


@pytest.mark.parametrize(
    ("document", "error", "message"),
    [
        ({"a": {"b": [1, float("nan")]}}, ValueError, r"result.json cannot hold a.b\[1\] = nan"),
        ({"a": np.array([1, np.inf])}, ValueError, r"hold a\[1\] = inf, which is not JSON; give"),
        ({"a": 1j}, TypeError, "1j of type complex is not JSON"),
        ({"a": np.complex64(1j)}, TypeError, "complex is not JSON"),
    ],
)
def test_what_json_cannot_hold_is_named_and_nothing_changes(document, error, message, begun):
    begun.write_json("result.json", {"old": 1})
    with pytest.raises(error, match=message):
        begun.write_json("result.json", document)
    assert _read(begun, "result.json") == {"old": 1}


def test_the_last_checkpoint(begun):
    assert begun.last_checkpoint() is None
    for step in (9, 10):
        path = save_checkpoint(begun.checkpoints, step, {"w": np.zeros(1)}, {})
    assert begun.last_checkpoint() == path


# --- The log

RECORDS = [{"step": step, "loss": 1 / (step + 1), "λ": None} for step in (0, 5, 5, 10)]


def test_records_are_lines_that_are_there_at_once(begun):
    assert begun.read_log() == []
    for number, record in enumerate(RECORDS, 1):
        begun.log(record)
        assert begun.read_log() == RECORDS[:number]
    lines = (begun.path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == RECORDS


def test_a_log_is_cut_at_every_byte_without_losing_a_whole_record(begun):
    for record in RECORDS:
        begun.log(record)
    path = begun.path / "log.jsonl"
    data = path.read_bytes()
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        whole = data[:size].count(b"\n")
        assert begun.read_log() == RECORDS[:whole]
        begun.trim_log(5)
        begun.log(RECORDS[-1])
        assert begun.read_log() == [*RECORDS[: min(whole, 3)], RECORDS[-1]]


@pytest.mark.parametrize(("step", "kept"), [(0, 1), (4, 1), (5, 3), (9, 3), (10, 4), (99, 4)])
def test_trimming_keeps_records_up_to_the_step(step, kept, begun):
    for record in RECORDS:
        begun.log(record)
    begun.trim_log(step)
    assert begun.read_log() == RECORDS[:kept]


def test_a_log_that_is_not_there_is_trimmed_to_nothing(begun):
    begun.trim_log(3)
    assert begun.read_log() == []


@pytest.mark.parametrize("line", ["{", "[]", '{"loss": 1}', '{"step": "1"}', "\x00", "é"])
def test_a_damaged_line_in_the_middle_is_named(line, begun):
    path = begun.path / "log.jsonl"
    path.write_bytes(b'{"step": 0}\n' + line.encode("latin-1") + b'\n{"step": 2}\n')
    for call in (begun.read_log, lambda: begun.trim_log(0)):
        with pytest.raises(ValueError, match=r"log\.jsonl:2 is damaged \(.*\); repair or delete"):
            call()


@pytest.mark.parametrize(
    ("record", "error", "message"),
    [
        ({"loss": 1.0}, TypeError, "the step of a record must be an integer, got None"),
        ({"step": -1}, ValueError, "the step of a record must be at least 0"),
        ({"step": 1, "loss": [float("nan")]}, ValueError, r"log.jsonl cannot hold loss\[0\] = nan"),
    ],
)
def test_a_wrong_record_is_refused(record, error, message, begun):
    with pytest.raises(error, match=message):
        begun.log(record)
    assert not (begun.path / "log.jsonl").exists()


def test_a_full_disk_is_an_error_at_the_record(begun):
    code = f"""
import resource
from pathlib import Path
from dctheory.train.run_folder import RunFolder

folder = RunFolder(Path({str(begun.path)!r}))
folder.log({{"step": 0}})
resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))
try:
    folder.log({{"step": 1, "loss": 0.5}})
except OSError as error:
    print(error.strerror, Path(error.filename).name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("File too large log.jsonl\n", "")
    assert begun.read_log() == [{"step": 0}]


# --- Signals


def test_sigterm_is_a_request_and_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_sigterm() as outer, stop_on_sigterm() as request:
        assert not request.requested
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.requested
        assert not outer.requested
    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(RuntimeError), stop_on_sigterm():
        raise RuntimeError
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_asks_for_no_signals():
    before, found = signal.getsignal(signal.SIGTERM), []

    def work():
        with stop_on_sigterm() as request:
            found.append((request.requested, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(False, before)]


def test_a_handler_that_is_not_pythons_gives_way_to_the_default(monkeypatch):
    set_to = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: set_to.append(handler))
    with stop_on_sigterm():
        pass
    assert set_to[1:] == [signal.SIG_DFL]


def test_importing_the_folder_imports_no_jax():
    code = "import dctheory.train.run_folder, sys; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
