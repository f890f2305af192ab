"""The plan for an accelerator: its order, its time, and that it goes on from what was kept."""

import importlib.util
import json
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu_plan.py"


@pytest.fixture(scope="module")
def plan():
    spec = importlib.util.spec_from_file_location("gpu_plan", FILE)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules["gpu_plan"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["gpu_plan"]


@pytest.fixture
def places(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "_has_data", lambda step: "cifar100" not in step.name)
    return plan.Places.of("smoke", tmp_path)


class Machine:
    """In place of commands: experiments of three tasks, of which a call does ``most``."""

    def __init__(self, plan, places, most=3):
        self.plan, self.places, self.most, self.calls = plan, places, most, []

    def __call__(self, words, seconds):
        self.calls.append((words, seconds))
        option = dict(pairwise(words))
        if "--out" in words and "experiment" not in words:
            folder = Path(option["--out"])
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"speed-{words[2]}.json").write_text("{}")
            return 0
        name, out = option["experiment"], Path(option["--out"])
        if "--resume" in words:
            assert (out / "settings.json").exists()
        else:
            out = out / f"{name}-20260101-000000"
            (out / "tasks").mkdir(parents=True)
            (out / "settings.json").write_text('{"preset": "smoke"}')
            (out / "manifest.json").write_text('{"command": "/home/x", "commit": "a"}')
        done = len(list((out / "tasks").glob("*.json")))
        for number in range(done, min(done + self.most, 3)):
            (out / "tasks" / f"t{number}.json").write_text(json.dumps({"result": number}))
        if done + self.most < 3:
            return 3
        published = Path(option["--publish"])
        published.mkdir(parents=True, exist_ok=True)
        (published / f"{name}-smoke.json").write_text("{}")
        return 0


def test_what_is_most_important_comes_first(plan):
    names = [step.name for step in plan.PLAN]
    assert len(set(names)) == len(names)
    assert names.index("cifar-baseline") < names.index("cifar-combined")
    parts = [step.part for step in plan.PLAN if step.part in "adfg"]
    assert parts == sorted(parts)
    experiments = {step.experiment for step in plan.PLAN} - {""}
    assert {
        name for name in plan.load_experiment.__globals__["EXPERIMENTS"] if "cifar" in name
    } == (experiments)


def test_all_is_done_once(plan, places):
    machine = Machine(plan, places)
    steps = list(plan.PLAN)
    done = list(plan.run_plan(steps, "smoke", places, 10_000.0, machine))
    assert all(code == 0 for _, code in done)
    assert plan.state(steps[0], "smoke", places) == "done"
    rows = plan.overview("smoke", places).rows
    assert {row["state"] for row in rows} == {"done", "its data is not here"}
    machine.calls.clear()
    assert list(plan.run_plan(steps, "smoke", places, 10_000.0, machine)) == []
    assert machine.calls == []


def test_it_goes_on_from_what_was_kept_on_another_machine(plan, places):
    (step,) = [each for each in plan.PLAN if each.name == "cifar-mixed"]
    machine = Machine(plan, places, most=1)
    assert plan.do(step, "smoke", places, 400.0, machine) == 3
    assert plan.state(step, "smoke", places) == "1 tasks done"
    text = (places.kept / "cifar-mixed.json").read_text()
    assert json.loads(text)["tasks"] == {"t0": {"result": 0}}
    assert "/home" not in text
    # Only what was kept goes with us.
    shutil.rmtree(places.work)
    codes = [code for _, code in plan.run_plan([step], "smoke", places, 10_000.0, machine)]
    assert codes == [3, 0]
    assert all("--resume" in words for words, _ in machine.calls[1:])
    assert sorted(json.loads((places.kept / "cifar-mixed.json").read_text())["tasks"]) == [
        *("t0", "t1", "t2"),
    ]


def test_no_command_is_begun_that_could_not_end(plan, places, monkeypatch):
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr(plan.time, "monotonic", lambda: float(next(clock)))
    machine = Machine(plan, places)
    done = list(plan.run_plan(list(plan.PLAN), "smoke", places, 540.0, machine))
    # 100 s pass before each: 380, 280, 180 and 80 s are left, then too few.
    assert len(done) == 4
    limits = [seconds for _, seconds in machine.calls]
    assert limits == [380.0, 280.0 + plan.GRACE, 180.0, 80.0]
    assert plan.LONGEST + plan.GRACE <= 540


def test_a_step_that_fails_is_left_and_what_it_finished_is_kept(plan, places):
    class Failing(Machine):
        def __call__(self, words, seconds):
            code = super().__call__(words, seconds)
            return 1 if "cifar-mixed" in words else code

    steps = [each for each in plan.PLAN if each.name in ("cifar-mixed", "cifar-margin")]
    machine = Failing(plan, places, most=1)
    done = [(step.name, code) for step, code in plan.run_plan(steps, "smoke", places, 1e4, machine)]
    assert done == [("cifar-mixed", 1), *[("cifar-margin", 3)] * 2, ("cifar-margin", 0)]
    assert (places.kept / "cifar-mixed.json").exists()


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (3, 0), (1, 1), (-9, 1)])
def test_the_exit_code_tells_a_failure(code, expected, plan, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plan, "run_plan", lambda steps, *_: [(steps[0], code)])
    monkeypatch.setattr("sys.argv", ["gpu_plan.py", "--preset", "smoke", "--out", str(tmp_path)])
    assert plan.main() == expected
    out, err = capsys.readouterr()
    assert "Plan, preset smoke" in out
    assert bool(err) == bool(expected)


def test_a_trial_is_kept_apart_from_the_project(plan, tmp_path):
    project, trial = plan.Places.of("gpu", None), plan.Places.of("smoke", tmp_path)
    assert project.published == plan.ROOT / "figures/data/experiments"
    assert project.kept == plan.ROOT / "benchmarks/results/gpu"
    for name in ("kept", "published", "work"):
        assert getattr(trial, name).is_relative_to(tmp_path)
        assert getattr(plan.Places.of("cpu", None), name) != getattr(project, name)


def test_a_command_that_takes_too_long_is_ended(plan, capfd):
    code = plan.run_command([sys.executable, "-c", "import time; time.sleep(60)"], 0.5)
    assert code == -15
    assert plan.run_command([sys.executable, "-c", "raise SystemExit(3)"], 30.0) == 3


@pytest.mark.slow
def test_a_real_step_at_the_smallest_size(plan, tmp_path):
    (step,) = [each for each in plan.PLAN if each.name == "cifar-baseline"]
    if not plan._has_data(step):
        pytest.skip("DCTHEORY_DATA names no folder with CIFAR-10")
    places = plan.Places.of("smoke", tmp_path)
    codes = [code for _, code in plan.run_plan([step], "smoke", places, 300.0)]
    assert codes[-1] == 0
    found = json.loads((places.published / "cifar-baseline-smoke.json").read_text())
    assert found["command"] == "dctheory experiment cifar-baseline --preset smoke"
    assert str(tmp_path) not in json.dumps(found)
    assert str(tmp_path) not in (places.kept / "cifar-baseline.json").read_text()
