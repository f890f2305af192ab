"""Sweeps continue with what is missing, keep what others need, and survive a dead worker."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from types import ModuleType

import numpy as np
import pytest

from dctheory.experiment.tasks import (
    OutOfTime,
    Site,
    Task,
    TaskError,
    Terminated,
    provenance,
    run_tasks,
)


@pytest.fixture
def work(monkeypatch):
    """A module of functions for tasks; ``work.ran`` are the calls."""
    module = ModuleType("sweep_work")
    module.ran = []

    def square(x):
        module.ran.append(x)
        return {"square": x * x}

    def fail(x):
        module.ran.append(x)
        raise ArithmeticError(f"no result for {x}")

    module.square, module.fail = square, fail
    monkeypatch.setitem(sys.modules, "sweep_work", module)
    return module


def _squares(*numbers):
    return [Task(f"square-{x}", "sweep_work:square", {"x": x}) for x in numbers]


# --- What a task is


@pytest.mark.parametrize(
    "name", ["", ".hidden", "../up", "a/b", "a b", "a\n", "ä", "x" * 101, 3, None]
)
def test_names_that_are_no_file_are_refused(name):
    with pytest.raises(ValueError, match="a task's name must be"):
        Task(name, "math:sqrt")


@pytest.mark.parametrize(
    "function", ["sqrt", "math.sqrt", "math:", ":sqrt", "math:a.b", "a b:c", 3]
)
def test_functions_that_are_no_reference_are_refused(function):
    with pytest.raises(ValueError, match=r"'package\.module:function'"):
        Task("a", function)


@pytest.mark.parametrize("arguments", [{"x": math.nan}, {"x": {1}}, {"x": np.zeros(2)}, [1]])
def test_arguments_that_are_no_json_are_refused(arguments):
    with pytest.raises(ValueError, match="arguments of a"):
        Task("a", "math:sqrt", arguments)


def test_arguments_are_what_json_gives_back():
    assert Task("a", "math:sqrt", {"x": (1, 2)}).arguments == {"x": [1, 2]}


# --- In one process


def test_results_are_kept_and_not_computed_again(work, tmp_path):
    first = run_tasks(_squares(1, 2), tmp_path / "new" / "folder")
    assert first == {"square-1": {"square": 1}, "square-2": {"square": 4}}
    again = run_tasks(_squares(2, 3, 1), tmp_path / "new" / "folder")
    assert again == {
        "square-2": {"square": 4},
        "square-3": {"square": 9},
        "square-1": {"square": 1},
    }
    assert list(again) == ["square-2", "square-3", "square-1"]
    assert work.ran == [1, 2, 3]


def test_results_are_strict_json(work, tmp_path):
    work.square = lambda x: (np.arange(x), math.nan, np.float32(0.5), {1: math.inf})
    tasks = _squares(2)
    expected = {"square-2": [[0, 1], None, 0.5, {"1": "inf"}]}
    assert run_tasks(tasks, tmp_path) == expected
    assert run_tasks(tasks, tmp_path) == expected
    assert os.listdir(tmp_path) == ["square-2.json"]


def test_progress_counts_what_is_there_already(work, tmp_path):
    run_tasks(_squares(1), tmp_path)
    seen = []
    run_tasks(_squares(1, 2, 3), tmp_path, progress=lambda *args: seen.append(args))
    assert seen == [(1, 3, "square-2"), (2, 3, "square-2"), (3, 3, "square-3")]


def test_an_interrupted_sweep_continues_with_what_is_missing(work, tmp_path):
    square = work.square

    def interrupted(x):
        if x == 3:
            raise KeyboardInterrupt
        return square(x)

    work.square = interrupted
    with pytest.raises(KeyboardInterrupt):
        run_tasks(_squares(1, 2, 3, 4), tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["square-1.json", "square-2.json"]
    work.square = square
    assert len(run_tasks(_squares(1, 2, 3, 4), tmp_path)) == 4
    assert work.ran == [1, 2, 3, 4]


def test_a_failure_waits_until_the_others_are_kept(work, tmp_path):
    tasks = [Task(f"fail-{x}", "sweep_work:fail", {"x": x}) for x in (1, 2)]
    with pytest.raises(TaskError, match="task fail-1 failed: ArithmeticError: no result for 1"):
        run_tasks([tasks[0], *_squares(5)], tmp_path)
    with pytest.raises(TaskError, match="failed as well: fail-2") as caught:
        run_tasks([*tasks, *_squares(5)], tmp_path)
    assert isinstance(caught.value.__cause__, ArithmeticError)
    assert work.ran == [1, 5, 1, 2]


_SLOW_WORK = """
import sys, time
from dctheory.experiment.tasks import Task, run_tasks
def work(x):
    time.sleep(0.03)
    return x
if __name__ == "__main__":
    tasks = [Task(f"t-{x}", "slow_work:work", {"x": x}) for x in range(1000)]
    run_tasks(tasks, sys.argv[1])
"""


def test_what_a_killed_sweep_finished_is_kept(tmp_path, monkeypatch):
    (tmp_path / "slow_work.py").write_text(_SLOW_WORK)
    out = tmp_path / "out"
    with subprocess.Popen([sys.executable, tmp_path / "slow_work.py", out]) as sweep:
        deadline = time.monotonic() + 60
        while not (out / "t-2.json").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        sweep.send_signal(signal.SIGKILL)
    kept = {path.name: path.read_bytes() for path in out.glob("*.json")}
    count = len(kept) + 2
    monkeypatch.syspath_prepend(tmp_path)
    tasks = [Task(f"t-{x}", "slow_work:work", {"x": x}) for x in range(count)]
    assert run_tasks(tasks, out) == {f"t-{x}": x for x in range(count)}
    assert {name: (out / name).read_bytes() for name in kept} == kept


@pytest.mark.parametrize("function", ["no_such_module:run", "math:no_such_function"])
def test_a_function_that_does_not_exist_is_a_failure_that_names_the_task(function, tmp_path):
    with pytest.raises(TaskError, match=r"task a failed: .*no_such"):
        run_tasks([Task("a", function)], tmp_path)


def test_repeated_names_are_refused_before_any_work(work, tmp_path):
    tasks = [Task(name, "sweep_work:square", {"x": 1}) for name in ("a-1", "b", "A-1")]
    with pytest.raises(ValueError, match="repeated: a-1"):
        run_tasks(tasks, tmp_path)
    assert work.ran == []


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Task("square-2", "sweep_work:square", {"x": 3}), "the arguments differ in x"),
        (Task("square-2", "sweep_work:square", {"x": 2, "y": 1}), "the arguments differ in y"),
        (Task("square-2", "sweep_work:fail", {"x": 2}), "function sweep_work:square, not"),
    ],
)
def test_a_result_of_another_task_is_an_error(task, message, work, tmp_path):
    run_tasks(_squares(2), tmp_path)
    with pytest.raises(
        ValueError, match=rf"square-2\.json is the result of another task: {message}"
    ):
        run_tasks([*_squares(1), task], tmp_path)
    assert work.ran == [2]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"4", b"5"),
        lambda data: data.replace(b'"x": 2', b'"x": 3'),
        lambda data: b"[]",
        lambda data: b"\xff" + data,
    ],
)
def test_a_damaged_result_is_computed_again_with_a_warning(damage, work, tmp_path):
    run_tasks(_squares(2), tmp_path)
    path = tmp_path / "square-2.json"
    data = path.read_bytes()
    path.write_bytes(damage(data))
    with pytest.warns(RuntimeWarning, match=r"square-2\.json is damaged and is computed again"):
        assert run_tasks(_squares(2), tmp_path) == {"square-2": {"square": 4}}
    assert work.ran == [2, 2]
    run_tasks(_squares(2), tmp_path)


def test_a_full_disk_is_an_os_error_and_leaves_no_half_result(work, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dctheory._runs.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        run_tasks(_squares(1), tmp_path)
    assert os.listdir(tmp_path) == []


def test_provenance_adds_up_the_seconds_and_names_the_devices(work, tmp_path):
    work.square = lambda x: time.sleep(0.02)
    tasks = _squares(1, 2)
    run_tasks(tasks, tmp_path)
    found = provenance(tasks, tmp_path)
    assert found["task_seconds"] >= 0.04
    assert set(found["devices"]) <= {"cpu"}
    # A CPU's arrays are not counted; Python and numpy take more than 10 MB.
    assert found["peak_memory"]["device"] is None
    assert 1e7 < found["peak_memory"]["process"] < 1e11


def test_the_peak_is_the_highest_of_the_tasks(work, tmp_path):
    tasks = _squares(1, 2, 3)
    run_tasks(tasks, tmp_path)
    peaks = [{"process": 5, "device": None}, {"process": 9, "device": 7}, None]
    for task, peak in zip(tasks, peaks, strict=True):
        path = tmp_path / f"{task.name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"peak_memory": peak}))
    assert provenance(tasks, tmp_path)["peak_memory"] == {"process": 9, "device": 7}


# --- Tasks that continue within themselves


class StoppedTraining(Exception):
    def __init__(self, terminated):
        super().__init__("stopped after step 3")
        self.terminated = terminated


@pytest.fixture
def sited(work):
    """``work.count`` counts to x in its folder, one at a call, and is stopped in between."""
    work.sites = []

    def count(x, site):
        work.sites.append(site)
        site.folder.mkdir(exist_ok=True, parents=True)
        (site.folder / str(len(os.listdir(site.folder)))).touch()
        if len(os.listdir(site.folder)) < x:
            raise StoppedTraining(terminated=work.terminated)
        return {"calls": len(os.listdir(site.folder))}

    work.count, work.terminated = count, False
    return work


_COUNT = Task("count", "sweep_work:count", {"x": 3}, sited=True)


@pytest.mark.parametrize(("terminated", "error"), [(False, OutOfTime), (True, Terminated)])
def test_a_stopped_task_goes_on_where_it_was(sited, tmp_path, terminated, error):
    sited.terminated = terminated
    for _ in range(2):
        with pytest.raises(error):
            run_tasks([_COUNT, *_squares(1)], tmp_path, data_dir="some/data")
    assert sited.ran == []
    assert run_tasks([_COUNT], tmp_path) == {"count": {"calls": 3}}
    assert os.listdir(tmp_path) == ["count.json"]
    first, last = sited.sites[0], sited.sites[-1]
    assert first == Site(tmp_path / "count", tmp_path.cwd() / "some" / "data")
    assert last == Site(tmp_path / "count")


def test_time_that_is_over_keeps_what_is_finished(work, tmp_path):
    square = work.square
    work.square = lambda x: (time.sleep(0.2), square(x))[1]
    with pytest.raises(OutOfTime):
        run_tasks(_squares(1, 2), tmp_path, max_seconds=0.1)
    assert work.ran == [1]
    assert len(run_tasks(_squares(1, 2), tmp_path, max_seconds=60)) == 2
    assert work.ran == [1, 2]


def test_a_site_knows_how_long_it_has(sited, tmp_path):
    with pytest.raises(OutOfTime):
        run_tasks([_COUNT], tmp_path, max_seconds=60)
    assert 30 < sited.sites[0].seconds_left <= 60
    assert Site(deadline=time.monotonic() - 1).seconds_left == 0
    assert Site().seconds_left is None


# --- On a cluster


@pytest.fixture
def distributed():
    return pytest.importorskip("distributed")


def test_a_missing_distributed_is_named(work, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install 'dctheory\[cluster\]'"):
        run_tasks(_squares(1), tmp_path, scheduler="tcp://127.0.0.1:1")


def test_a_scheduler_that_does_not_answer(distributed, work, tmp_path, monkeypatch):
    monkeypatch.setattr("dctheory.experiment.tasks._CONNECT", 0.5)
    with pytest.raises(ValueError, match=r"no Dask scheduler answers at 'tcp://127.0.0.1:1'"):
        run_tasks(_squares(1), tmp_path, scheduler="tcp://127.0.0.1:1")


@pytest.fixture
def threads(distributed):
    """A cluster of two workers in this process, which see the modules of this test."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def test_a_cluster_gives_what_one_process_gives(work, threads, tmp_path):
    tasks = [Task("fail", "sweep_work:fail", {"x": 9}), *_squares(1, 2, 3)]
    seen = []
    with pytest.raises(TaskError, match="task fail failed: ArithmeticError: no result for 9"):
        run_tasks(tasks, tmp_path, scheduler=threads, progress=lambda *args: seen.append(args))
    assert [done for done, _, _ in seen] == [0, 1, 2, 3, 4]
    assert sorted(os.listdir(tmp_path)) == [f"square-{x}.json" for x in (1, 2, 3)]
    again = run_tasks(_squares(1, 2, 3, 4), tmp_path, scheduler=threads)
    assert again == run_tasks(_squares(1, 2, 3, 4), tmp_path / "local")
    assert sorted(work.ran[:5]) == [1, 2, 3, 4, 9]


_WORK = """
import os, time
def work(x, log):
    with open(log, "a") as file:
        file.write(f"{x}\\n")
    time.sleep(0.5)
    return {"x": x, "pid": os.getpid()}
"""


@pytest.mark.slow
def test_a_sweep_survives_the_death_of_a_worker(distributed, tmp_path, monkeypatch):
    # Processes that are spawned take over this one's sys.path.
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "dying_work.py").write_text(_WORK)
    log = tmp_path / "log"
    tasks = [Task(f"t-{x}", "dying_work:work", {"x": x, "log": str(log)}) for x in range(10)]
    killed = []

    def kill_once(done, total, name):
        path = tmp_path / "out" / f"{name}.json"
        if not killed and path.exists():
            killed.append(json.loads(path.read_text())["result"]["pid"])
            # By now this worker is in the middle of its next task.
            time.sleep(0.2)
            os.kill(killed[0], signal.SIGKILL)

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        results = run_tasks(tasks, tmp_path / "out", scheduler=address, progress=kill_once)
    assert [results[task.name]["x"] for task in tasks] == list(range(10))
    pids = {result["pid"] for result in results.values()}
    assert len(pids) >= 2
    assert killed[0] in pids
    started = log.read_text().split()
    assert set(started) == {str(x) for x in range(10)}
    assert len(started) > 10
