"""Runs leave whole files, continue where they stopped, and are taken by one process at a time."""

import json
import math
import os
import time
from dataclasses import replace
from importlib.util import find_spec

import pytest

from dctheory._lock import folder_lock
from dctheory.experiment import TaskError, load_result, quick_experiments, run_experiment
from dctheory.experiment._base import Experiment, Settings, duration
from dctheory.experiment.registry import EXPERIMENTS, experiments_table, load_experiment
from dctheory.experiment.tasks import OutOfTime

_ALL_CPU = [f"{method}-{seed}" for method in ("baseline", "removal") for seed in range(3)]


def _interrupted_run(toy, out, count=2):
    """The folder of a run that is interrupted, as by Ctrl-C, after ``count`` tasks."""
    train, before, end = toy.train, set(out.iterdir()), len(toy.ran) + count

    def interrupted(**arguments):
        if len(toy.ran) == end:
            raise KeyboardInterrupt
        return train(**arguments)

    toy.train = interrupted
    with pytest.raises(KeyboardInterrupt):
        run_experiment("toy", out=out)
    toy.train = train
    (folder,) = set(out.iterdir()) - before
    return folder


# --- Whole runs


def test_a_run_returns_what_it_writes(toy, tmp_path):
    result = run_experiment("toy", out=tmp_path / "results")
    (folder,) = (tmp_path / "results").iterdir()
    assert folder.name.startswith("toy-")
    names = {path.name for path in folder.iterdir()} - {".lock"}
    assert names == {"manifest.json", "result.json", "result.md", "settings.json", "tasks"}
    assert result.to_dict() == load_result(folder).to_dict()
    assert result.to_dict() == json.loads((folder / "result.json").read_text())
    assert toy.ran == _ALL_CPU
    assert (result.preset, result.seeds) == ("cpu", (0, 1, 2))
    assert result.settings["effect"] == 0.5
    assert result.verdicts[0].verdict == "REPRODUCED"
    assert [each.agrees for each in result.comparisons] == [True, False]
    assert result.warnings
    assert result.manifest["dctheory"]


def test_a_run_without_out_leaves_nothing(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run_experiment("toy", seeds=2).seeds == (0, 1)
    assert os.listdir(tmp_path) == []


def test_a_smoke_prints_no_verdict_but_its_warnings(toy):
    result = run_experiment("toy", "smoke")
    assert [each.agrees for each in result.comparisons] == [None, None]
    assert (result.verdicts, result.findings) == ((), ())
    assert result.warnings
    assert "REPRODUCED" not in result.to_text()


def test_data_dir_and_seeds_reach_the_tasks(toy, tmp_path):
    seen = []
    tasks = toy.EXPERIMENT.tasks

    def recorded(settings, seeds, data_dir):
        seen.append((settings.seeds, seeds, data_dir))
        return tasks(settings, seeds, data_dir)

    toy.EXPERIMENT = replace(toy.EXPERIMENT, tasks=recorded)
    run_experiment("toy", "paper", seeds=2, data_dir=str(tmp_path))
    assert seen == [(2, (0, 1), tmp_path)]


def test_tasks_that_follow_from_results_are_run(toy, tmp_path):
    result = run_experiment("toy", out=tmp_path, changes=["rounds=3"])
    assert toy.ran == [*_ALL_CPU, "later-0", "later-1", "later-2"]
    assert result.settings["rounds"] == 3
    (folder,) = tmp_path.iterdir()
    assert len(list((folder / "tasks").iterdir())) == 9


def test_a_run_that_is_out_of_time_goes_on(toy, tmp_path):
    train = toy.train
    toy.train = lambda **arguments: (time.sleep(0.02), train(**arguments))[1]
    with pytest.raises(OutOfTime):
        run_experiment("toy", out=tmp_path, changes=["rounds=1"], max_seconds=0.05)
    assert 0 < len(toy.ran) < 6
    run_experiment("toy", out=tmp_path, changes=["rounds=1"], resume=True)
    assert toy.ran == [*_ALL_CPU, "later-0"]


def test_settings_are_changed_by_name(toy):
    settings = load_experiment("toy").presets["cpu"]
    found = settings.changed(["effect=0.25", 'methods=["hcl"]', "seeds=2"])
    assert found == replace(settings, effect=0.25, methods=("hcl",), seeds=2)
    for wrong, message in [
        ("efect=1", "unknown setting 'efect'; did you mean 'effect'"),
        ("effect", "cannot set 'effect'; write name=value"),
        ("seeds=0", "seeds must be at least 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            settings.changed([wrong])


def test_progress_is_reported(toy):
    seen = []
    run_experiment("toy", progress=lambda done, total, name: seen.append((done, total)))
    assert seen == [(done, 6) for done in range(7)]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": "toi"}, ValueError, "unknown experiment 'toi'; did you mean 'toy'"),
        ({"name": 3}, TypeError, "experiment must be a string"),
        ({"preset": "cpv"}, ValueError, r"did you mean 'cpu'\? \(allowed: cpu, gpu, paper\)"),
        ({"preset": None}, TypeError, "preset must be a string"),
        ({"seeds": 0}, ValueError, "seeds must be at least 1"),
        ({"seeds": 2.0}, TypeError, "seeds must be an integer"),
        ({"seeds": True}, TypeError, "seeds must be an integer"),
        ({"resume": True}, ValueError, "resume needs out"),
        ({"data_dir": 3}, TypeError, "int"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    arguments, error, message, toy, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(error, match=message):
        run_experiment(**({"name": "toy"} | arguments))
    assert os.listdir(tmp_path) == []
    assert toy.ran == []


def test_an_out_that_is_a_file_is_refused_before_the_work(toy, tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(ValueError, match="cannot write results to"):
        run_experiment("toy", out=tmp_path / "file")
    assert toy.ran == []


# --- Interrupted runs


@pytest.mark.parametrize("direct", [True, False])
def test_an_interrupted_run_continues_with_what_is_missing(direct, toy, tmp_path):
    folder = _interrupted_run(toy, tmp_path)
    with pytest.raises(ValueError, match="give the folder of a finished run"):
        load_result(folder)
    result = run_experiment("toy", out=folder if direct else tmp_path, resume=True)
    assert toy.ran == _ALL_CPU
    assert os.listdir(tmp_path) == [folder.name]
    assert len(result.manifest["resumed"]) == 1
    whole = run_experiment("toy")
    varying = {"manifest", "seconds"}
    assert {k: v for k, v in result.to_dict().items() if k not in varying} == {
        k: v for k, v in whole.to_dict().items() if k not in varying
    }


def test_a_failed_task_can_be_run_again(toy, tmp_path):
    train = toy.train

    def failing(method, seed, effect):
        if method == "baseline" and seed == 1:
            raise FloatingPointError("loss is not finite at step 7")
        return train(method, seed, effect)

    toy.train = failing
    with pytest.raises(TaskError, match="task baseline-1 failed: FloatingPointError: loss is"):
        run_experiment("toy", out=tmp_path)
    toy.train = train
    run_experiment("toy", out=tmp_path, resume=True)
    assert toy.ran == [name for name in _ALL_CPU if name != "baseline-1"] + ["baseline-1"]


def test_the_newest_unfinished_run_is_continued(toy, tmp_path):
    old, new = _interrupted_run(toy, tmp_path, 1), _interrupted_run(toy, tmp_path, 2)
    os.utime(old / "settings.json", (1, 1))
    run_experiment("toy", out=tmp_path)
    toy.ran.clear()
    run_experiment("toy", out=tmp_path, resume=True)
    assert toy.ran == _ALL_CPU[2:]
    assert (new / "result.json").exists()
    run_experiment("toy", out=tmp_path, resume=True)
    assert toy.ran == _ALL_CPU[2:] + _ALL_CPU[1:]
    assert (old / "result.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 5}, r"other settings: seeds = 3 \(now 5\); resume it with its own"),
        ({"preset": "gpu", "seeds": 3}, r"other settings: preset = 'cpu' \(now 'gpu'\);"),
        ({"preset": "gpu"}, "preset = 'cpu' .*seeds = 3"),
    ],
)
def test_resuming_with_other_settings_names_them(options, message, toy, tmp_path):
    folder = _interrupted_run(toy, tmp_path)
    before = (folder / "manifest.json").read_text()
    with pytest.raises(ValueError, match=message):
        run_experiment("toy", out=tmp_path, resume=True, **options)
    assert toy.ran == _ALL_CPU[:2]
    assert (folder / "manifest.json").read_text() == before


def test_a_run_of_another_version_is_not_continued(toy, tmp_path, monkeypatch):
    _interrupted_run(toy, tmp_path)
    monkeypatch.setattr("dctheory.experiment._run.__version__", "99")
    with pytest.raises(ValueError, match=r"dctheory = '.*' \(now '99'\)"):
        run_experiment("toy", out=tmp_path, resume=True)


def test_nothing_to_resume(toy, tmp_path):
    with pytest.raises(ValueError, match="no unfinished run of toy in"):
        run_experiment("toy", out=tmp_path / "missing", resume=True)
    run_experiment("toy", out=tmp_path)
    with pytest.raises(ValueError, match="no unfinished run of toy in"):
        run_experiment("toy", out=tmp_path, resume=True)
    (folder,) = tmp_path.iterdir()
    with pytest.raises(ValueError, match="is finished; read it with load_result"):
        run_experiment("toy", out=folder, resume=True)


@pytest.mark.parametrize("name", ["settings.json", "manifest.json"])
@pytest.mark.parametrize("content", ["", "[]", '{"experiment": "toy"'])
def test_a_damaged_run_is_not_continued(name, content, toy, tmp_path):
    folder = _interrupted_run(toy, tmp_path)
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match=rf"{name} is damaged: .*start a new run"):
        run_experiment("toy", out=tmp_path, resume=True)


def test_settings_that_are_no_mapping_are_named(toy, tmp_path):
    folder = _interrupted_run(toy, tmp_path)
    document = json.loads((folder / "settings.json").read_text()) | {"settings": 3}
    (folder / "settings.json").write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"seeds = None \(now 3\)"):
        run_experiment("toy", out=tmp_path, resume=True)


def test_a_run_in_use_is_not_taken(toy, tmp_path):
    folder = _interrupted_run(toy, tmp_path)
    before = (folder / "manifest.json").read_text()
    with folder_lock(folder), pytest.raises(ValueError, match="is in use by process"):
        run_experiment("toy", out=tmp_path, resume=True)
    assert (folder / "manifest.json").read_text() == before
    run_experiment("toy", out=tmp_path, resume=True)


# --- Experiments


def _experiment(toy, **changes):
    return replace(toy.EXPERIMENT, **changes)


def test_an_experiment_has_four_presets_and_a_time(toy):
    presets = dict(toy.EXPERIMENT.presets)
    for wrong in ({k: v for k, v in presets.items() if k != "gpu"}, presets | {"tiny": Settings()}):
        with pytest.raises(ValueError, match="presets of toy must be cpu, gpu, paper, smoke"):
            _experiment(toy, presets=wrong)
    for wrong in ({}, {"gpu": 1.0}, {"cpu": 1.0, "tiny": 1.0}):
        with pytest.raises(ValueError, match="seconds of toy must hold cpu"):
            _experiment(toy, seconds=wrong)


def test_settings_need_a_seed():
    with pytest.raises(ValueError, match="seeds must be at least 1"):
        Settings(seeds=0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "not measured"),
        (0.2, "about 1 s"),
        (40, "about 40 s"),
        (89, "about 89 s"),
        (120, "about 2 min"),
        (1200, "about 20 min"),
        (5400, "about 1.5 h"),
    ],
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


def test_the_list_and_the_quick_ones(toy):
    assert experiments_table().rows == [
        {
            "experiment": "toy",
            "question": "Does removal help?",
            "time on 2 cores (cpu)": "about 40 s",
        }
    ]
    assert quick_experiments() == ["toy"]
    assert quick_experiments(limit=39) == []


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_registered_experiments_are_of_their_name(name):
    if find_spec(EXPERIMENTS[name].partition(":")[0]) is None:
        pytest.skip("not written yet")
    experiment = load_experiment(name)
    assert isinstance(experiment, Experiment)
    assert experiment.name == name
    assert math.isfinite(experiment.seconds["cpu"])
