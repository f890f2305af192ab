"""Published results: what a file holds, what it never holds, and what it does not replace."""

import argparse
import io
import json
import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dctheory._arguments import UsageError
from dctheory.experiment import load_result, run_experiment
from dctheory.experiment._command import add_arguments, run
from dctheory.experiment._publish import (
    command,
    document,
    publish_result,
    published_path,
    read_published,
)


@pytest.fixture
def call(toy, tmp_path, monkeypatch):
    """A function from words to (exit code, stdout, stderr), in an empty folder."""
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_arguments(parser)

    def call(*words):
        out, err = io.StringIO(), io.StringIO()
        code = run(parser.parse_args(words), out, err, 100)
        return code, out.getvalue(), err.getvalue()

    return call


@pytest.fixture
def with_data(toy):
    """The toy reads a data set."""
    kind = type(toy.EXPERIMENT.presets["cpu"])

    @dataclass(frozen=True, kw_only=True)
    class WithData(kind):
        dataset: str = "cifar10"

    presets = {name: WithData(seeds=each.seeds) for name, each in toy.EXPERIMENT.presets.items()}
    toy.EXPERIMENT = replace(toy.EXPERIMENT, presets=presets)
    return toy


def test_a_run_is_published_where_figures_look_for_it(call):
    code, out, _ = call("toy", "--publish")
    assert code == 0
    assert out.splitlines()[-1] == "Published: figures/data/experiments/toy-cpu.json"
    (folder,) = Path("results").iterdir()
    path = Path("figures/data/experiments/toy-cpu.json")
    assert os.listdir(path.parent) == [path.name]
    found, whole = load_result(path).to_dict(), load_result(folder).to_dict()
    del found["manifest"], whole["manifest"]
    assert found == whole


def test_a_published_file_says_how_its_numbers_came_about(call):
    call("toy", "--publish", "there", "--seeds", "2")
    found = json.loads(Path("there/toy-cpu.json").read_text(), parse_constant=pytest.fail)
    assert list(found) == ["device", "commit", "command", "seconds", "result"]
    assert found["device"] == "cpu"
    assert found["command"] == "dctheory experiment toy --preset cpu --seeds 2"
    assert found["seconds"] == found["result"]["seconds"]
    assert found["commit"] == found["result"]["manifest"]["commit"]
    assert found["result"]["manifest"]["libraries"]["numpy"]
    assert read_published("there/toy-cpu.json")["result"].seeds == (0, 1)


def test_no_place_of_the_machine_is_published(call, toy, tmp_path, monkeypatch):
    """Of data, of results, of the program: also of a run that was continued."""
    words = ["toy", "--data-dir", str(tmp_path), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", [str(tmp_path / "dctheory"), "experiment", *words])
    train = toy.train

    def failing(**arguments):
        raise FloatingPointError

    toy.train = failing
    assert call(*words)[0] == 1
    toy.train = train
    assert call(*words, "--resume", "--publish")[0] == 0
    (path,) = Path("figures/data/experiments").iterdir()
    text = path.read_text()
    assert str(tmp_path) not in text
    assert tmp_path.name not in text
    assert len(load_result(path).manifest["resumed"]) == 1


def test_a_finished_run_can_be_published_later(call, toy):
    call("toy", "--out", "out")
    ran = list(toy.ran)
    code, out, _ = call("toy", "--out", "out", "--resume", "--publish", "there", "--json")
    assert code == 0
    assert json.loads(out)["published"] == "there/toy-cpu.json"
    (folder,) = Path("out").iterdir()
    assert call("toy", "--out", str(folder), "--resume", "--publish", "other")[0] == 0
    assert Path("other/toy-cpu.json").read_text() == Path("there/toy-cpu.json").read_text()
    assert toy.ran == ran
    assert "resumed" not in load_result(folder).manifest


def test_of_finished_runs_the_one_with_these_settings_is_published(call):
    call("toy", "--seeds", "2")
    call("toy")
    call("toy", "--seeds", "2", "--resume", "--publish", "there")
    assert load_result("there/toy-cpu.json").seeds == (0, 1)
    with pytest.raises(UsageError, match="no run of toy in 'results'"):
        call("toy", "--seeds", "4", "--resume", "--publish", "there")


def test_an_unfinished_run_goes_before_a_finished_one(call, toy):
    call("toy")
    train = toy.train
    toy.train = lambda **arguments: 1 / 0
    call("toy")
    toy.train = train
    toy.ran.clear()
    call("toy", "--resume", "--publish")
    assert len(toy.ran) == 6


def test_the_hint_of_a_stopped_run_publishes_too(call, toy):
    toy.train = lambda **arguments: 1 / 0
    _, _, err = call("toy", "--publish", "there", "--keep-features")
    words = shlex.split(err.rpartition("continue with: ")[2])
    assert "--keep-features" in words
    assert words[words.index("--publish") + 1] == "there"


def test_every_preset_and_data_set_has_a_file_of_its_own(with_data, tmp_path):
    for preset in ("cpu", "gpu"):
        for changes in ((), ("dataset=cifar100",)):
            publish_result(run_experiment("toy", preset, seeds=2, changes=changes), tmp_path)
    assert sorted(os.listdir(tmp_path)) == [
        "toy-cpu-cifar100.json",
        "toy-cpu.json",
        "toy-gpu-cifar100.json",
        "toy-gpu.json",
    ]


@pytest.mark.parametrize(
    ("large", "small"),
    [
        ({"seeds": 3}, {"seeds": 2}),
        ({"seeds": 2}, {"seeds": 5, "changes": ["effect=0.1"]}),
        ({"preset": "gpu"}, {"seeds": 9}),
    ],
)
def test_a_larger_run_is_not_replaced(large, small, toy, tmp_path):
    larger, smaller = (run_experiment("toy", **each) for each in (large, small))
    path = publish_result(larger, tmp_path)
    # Also where somebody renamed the file.
    path = path.rename(published_path("toy", smaller.preset, smaller.settings, tmp_path))
    before = path.read_text()
    with pytest.raises(ValueError, match="holds a larger run"):
        publish_result(smaller, tmp_path)
    assert path.read_text() == before
    path.unlink()
    path = publish_result(smaller, tmp_path)
    path = path.rename(published_path("toy", larger.preset, larger.settings, tmp_path))
    assert load_result(publish_result(larger, tmp_path)).to_dict() == larger.to_dict() | {
        "manifest": document(larger)["result"]["manifest"]
    }


def test_a_run_of_the_same_size_takes_the_place(toy, tmp_path):
    result = run_experiment("toy", seeds=2)
    assert publish_result(result, tmp_path) == publish_result(result, tmp_path)


def test_what_may_not_be_published_is_said_before_the_work(call, toy):
    call("toy", "--publish")
    toy.ran.clear()
    with pytest.raises(UsageError, match=r"holds a larger run \(dctheory experiment toy"):
        call("toy", "--publish", "--seeds", "2")
    Path("figures/data/experiments/toy-gpu.json").write_text("{}")
    with pytest.raises(UsageError, match=r"toy-gpu\.json: this is no result"):
        call("toy", "--publish", "--preset", "gpu")
    assert toy.ran == []


def test_a_setting_that_names_a_place_is_not_published(with_data, call, tmp_path):
    with pytest.raises(UsageError, match="names a place of this machine"):
        call("toy", "--publish", "--set", f"dataset={tmp_path}")
    assert with_data.ran == []


def test_a_folder_that_cannot_be_written_leaves_the_run(call):
    Path("file").write_text("kept")
    with pytest.raises(UsageError, match="finished tasks are kept"):
        call("toy", "--publish", "file/there")
    (folder,) = Path("results").iterdir()
    assert load_result(folder).seeds == (0, 1, 2)


def test_what_is_no_published_file_is_refused(toy, tmp_path):
    run_experiment("toy", out=tmp_path)
    (path,) = tmp_path.glob("*/result.json")
    with pytest.raises(ValueError, match="is no published result"):
        read_published(path)


def test_the_command_gives_the_settings_again(with_data):
    """The command's words, parsed and planned, are the settings it was made from."""
    from dctheory.experiment._run import make_plan

    for changes in (
        ["effect=0.25", 'methods=["hcl", "debiased"]', "seeds=7"],
        ["effect=1e-7", "dataset=a b", "rounds=2"],
        ['dataset="3"'],
        [],
    ):
        settings = make_plan("toy", "gpu", changes=changes).settings
        words = shlex.split(command("toy", "gpu", settings.to_dict()))
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        found = parser.parse_args(words[2:])
        again = make_plan(found.name, found.preset, seeds=found.seeds, changes=found.set)
        assert again.settings == settings
