"""Sweeps: every combination once, what is there already not again, an honest table."""

import json

import pytest

from dctheory.cli import main
from dctheory.experiment import sweep
from dctheory.experiment.sweep import run_sweep, sweep_table, sweep_tasks
from dctheory.train.config import TrainConfig

CONFIG = TrainConfig(epochs=1)
OVER = {"objective.temperature": [0.1, 0.5], "objective.method": ["baseline", "removal"]}


def trained(config, seeds, point):
    """In place of a training: the temperature is the accuracy, but one run diverges."""
    accuracy = config["objective"]["temperature"]
    runs = [{"evaluation": {"probe_accuracy": accuracy + seed}} for seed in range(seeds)]
    if config["objective"]["method"] == "removal":
        runs[0] = {"evaluation": None}
    return {"point": point, "runs": runs}


@pytest.fixture
def calls(monkeypatch):
    made = []

    def count(config, seeds, point):
        made.append(point)
        return trained(config, seeds, point)

    monkeypatch.setattr(sweep, "train_seeds", count)
    return made


def test_each_combination_is_a_task_with_its_configuration():
    tasks = sweep_tasks(CONFIG, OVER, seeds=2)
    assert len({task.name for task in tasks}) == 4
    points = [tuple(task.arguments["point"].values()) for task in tasks]
    assert points == [(0.1, "baseline"), (0.1, "removal"), (0.5, "baseline"), (0.5, "removal")]
    for task in tasks:
        temperature, method = task.arguments["point"].values()
        assert task.arguments["config"]["objective"]["temperature"] == temperature
        assert task.arguments["config"]["objective"]["method"] == method
    assert len(sweep_tasks(CONFIG, {}, seeds=1)) == 1


def test_an_interrupted_sweep_continues_with_what_is_missing(tmp_path, calls):
    points = run_sweep(CONFIG, OVER, tmp_path, seeds=2)
    assert len(calls) == 4
    missing = sorted(tmp_path.glob("*.json"))[1]
    missing.unlink()
    assert run_sweep(CONFIG, OVER, tmp_path, seeds=2) == points
    assert calls[4:] == [{"objective.temperature": 0.1, "objective.method": "removal"}]


def test_the_table_counts_runs_that_diverged(tmp_path, calls):
    rows = sweep_table(run_sweep(CONFIG, OVER, tmp_path, seeds=3)).rows
    assert [row["probe accuracy"] for row in rows] == pytest.approx([1.1, 1.6, 1.5, 2.0])
    assert [row["diverged"] for row in rows] == [0, 1, 0, 1]
    # Student's t for three values 1 apart: 4.303 / √3.
    assert rows[0]["to"] - rows[0]["probe accuracy"] == pytest.approx(4.30265 / 3**0.5, rel=1e-4)


def test_the_command(tmp_path, monkeypatch, capsys, calls):
    monkeypatch.chdir(tmp_path)
    over = ["--over", "objective.temperature=0.1,0.5", "--over", "objective.method=baseline"]
    command = ["sweep", "--set", "epochs=1", *over, "--seeds", "2", "--json"]
    assert main(command) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["point"]["objective.temperature"] for each in document["points"]] == [0.1, 0.5]
    assert main([*command, "--resume"]) == 0
    assert len(calls) == 2
    assert main(["sweep", "--set", "epochs=1", "--over", "objective.temperature=0.1"]) == 0
    assert "probe accuracy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ("objective.temperature", "KEY=V1,V2"),
        ("objective.temperatur=1", "temperature"),
        ("objective.temperature=0.5,-1", "temperature"),
    ],
)
def test_bad_values_are_one_line_and_nothing_is_written(tmp_path, capsys, over, message):
    assert main(["sweep", "--over", over, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()
