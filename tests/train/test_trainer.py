"""Whole runs: what they return and keep, and how they end, resume, and come to grief."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from dctheory.train import group
from dctheory.train.config import (
    EvaluationConfig,
    ModelConfig,
    ObjectiveConfig,
    OptimizerConfig,
    TrainConfig,
)
from dctheory.train.config_file import save_config
from dctheory.train.data_config import DigitsData, SphereData
from dctheory.train.outcome import NonFiniteLoss, Stopped
from dctheory.train.trainer import run_many, run_training

# With everything that a checkpoint must hold: queue, momentum encoder, BatchNorm would be too slow.
CONFIG = TrainConfig(
    data=SphereData(classes=3, per_class=12, difficult=4, dimension=8, seed=0),
    model=ModelConfig(kind="mlp", features=4, width=8, depth=1, projector=3),
    objective=ObjectiveConfig(method="removal", pos_high=20.0, queue=16),
    optimizer=OptimizerConfig(kind="adamw", learning_rate=0.01),
    evaluation=EvaluationConfig(every=5, neighbours=3, iterations=50),
    epochs=3,
    batch_size=8,
    log_every=2,
    checkpoint_every=5,
)
STEPS = 12


def same(first, second):
    """Whether two pytrees hold the same bits."""
    return all(
        np.array_equal(a, b)
        for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    )


def log_of(result):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in result.history]


@pytest.fixture(scope="module")
def whole():
    """The run without any interruption."""
    (result,) = run_training(CONFIG)
    return result


def test_a_run_returns_its_log_and_what_its_features_are_worth(whole):
    assert whole.step == STEPS
    assert [r["step"] for r in whole.history if "loss" in r] == [2, 4, 6, 8, 10, 12]
    assert [r["step"] for r in whole.history if "evaluation" in r] == [5, 10, 12]
    assert 0.3 < whole.evaluation["probe_accuracy"] <= 1
    assert "L-BFGS" in whole.evaluation["protocol"]
    assert whole.features(np.zeros((2, 8), np.float32)).shape == (2, 4)
    assert whole.diverged_at is None
    assert whole.folder is None


@pytest.mark.parametrize("until", [1, 7])
def test_a_resumed_run_is_the_whole_run_bit_for_bit(whole, tmp_path, until):
    with pytest.raises(Stopped, match=f"after step {until} of 12"):
        run_training(CONFIG, out=tmp_path, until=until)
    (resumed,) = run_training(CONFIG, out=tmp_path, resume=True)
    assert same(resumed.params, whole.params)
    assert log_of(resumed) == log_of(whole)
    # A run that is complete is only read.
    (again,) = run_training(CONFIG, out=resumed.folder, resume=True)
    assert same(again.params, whole.params)
    assert log_of(again) == log_of(whole)
    document = json.loads((resumed.folder / "result.json").read_text())
    assert document["runs"][0]["evaluation"] == whole.evaluation


def test_several_seeds_are_one_resumable_program(tmp_path):
    with pytest.raises(Stopped):
        run_training(CONFIG, seeds=2, out=tmp_path, until=6)
    resumed = run_training(CONFIG, seeds=2, out=tmp_path, resume=True)
    whole = run_training(CONFIG, seeds=2)
    assert [each.config.seed for each in resumed] == [0, 1]
    with pytest.raises(ValueError, match="has 2 seeds, not 1"):
        run_training(CONFIG, out=tmp_path, resume=True)
    assert same([each.params for each in resumed], [each.params for each in whole])


@pytest.mark.slow
@pytest.mark.parametrize("until", [2, 3, 5])
def test_seeds_with_batch_statistics_and_a_queue_resume_bit_for_bit(tmp_path, until):
    config = dataclasses.replace(
        CONFIG,
        data=DigitsData(),
        model=ModelConfig(kind="convnet", features=4, width=4, depth=1, projector=3),
        objective=ObjectiveConfig(method="combined", sigma=0.1, rho=0.8, queue=64),
        optimizer=OptimizerConfig(kind="adamw", learning_rate=0.01, warmup=0.5),
        evaluation=EvaluationConfig(every=2, neighbours=0, iterations=20),
        batch_size=32,
        epochs=None,
        steps=6,
    )
    whole = run_training(config, seeds=2)
    with pytest.raises(Stopped):
        run_training(config, seeds=2, out=tmp_path, until=until)
    resumed = run_training(config, seeds=2, out=tmp_path, resume=True)
    for ours, theirs in zip(resumed, whole, strict=True):
        assert same((ours.params, ours.stats), (theirs.params, theirs.stats))
        assert log_of(ours) == log_of(theirs)


def test_another_configuration_is_not_resumed(tmp_path):
    with pytest.raises(Stopped):
        run_training(CONFIG, out=tmp_path, until=1)
    other = dataclasses.replace(CONFIG, batch_size=9)
    with pytest.raises(ValueError, match="batch_size: 8"):
        run_training(other, out=tmp_path, resume=True)


def test_a_diverging_run_stops_with_advice_and_its_last_good_checkpoint(tmp_path):
    optimizer = OptimizerConfig(kind="sgd", learning_rate=1e4, momentum=0.0)
    objective = ObjectiveConfig(loss="spectral")
    config = dataclasses.replace(CONFIG, optimizer=optimizer, objective=objective, log_every=1)
    config = dataclasses.replace(config, checkpoint_every=1)
    with pytest.raises(NonFiniteLoss, match=r"not finite at step \d+; the last good .*npz"):
        run_training(config, out=tmp_path)
    last = sorted(tmp_path.glob("*/checkpoints/*.npz"))[-1]
    with np.load(last) as stored:
        assert all(np.isfinite(stored[name]).all() for name in stored.files)


def test_a_member_that_diverges_leaves_the_others_alone():
    objective = ObjectiveConfig(loss="spectral")
    configs = [
        dataclasses.replace(
            CONFIG,
            log_every=1,
            objective=objective,
            optimizer=OptimizerConfig(learning_rate=rate, schedule="constant"),
        )
        for rate in (1e4, 0.01)
    ]
    bad, good = run_many(configs)
    assert bad.evaluation is None
    assert bad.diverged_at == next(each["step"] for each in bad.history if each["loss"] is None)
    assert good.diverged_at is None
    assert good.evaluation["probe_accuracy"] > 0.3
    json.dumps([bad.to_dict(), good.history], allow_nan=False)


def test_runs_one_by_one_through_one_program_are_the_mapped_ones(monkeypatch):
    configs = [dataclasses.replace(CONFIG, seed=seed) for seed in range(2)]
    mapped = run_many(configs)
    monkeypatch.setattr(group, "_CPU_WORK", 0)
    one_by_one = run_many(configs)
    for ours, theirs in zip(one_by_one, mapped, strict=True):
        assert ours.config == theirs.config
        for a, b in zip(jax.tree.leaves(ours.params), jax.tree.leaves(theirs.params), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    bad = dataclasses.replace(CONFIG, optimizer=OptimizerConfig(learning_rate=1e30))
    assert [each.diverged_at is None for each in run_many([bad, CONFIG])] == [False, True]


@pytest.fixture
def last_step_too_far():
    """A run whose only loss is finite, and whose encoder is not after it."""
    optimizer = OptimizerConfig(learning_rate=1e38, momentum=0.0, weight_decay=0.0)
    plain = {"objective": ObjectiveConfig(), "optimizer": optimizer}
    return dataclasses.replace(CONFIG, **plain, epochs=None, steps=1)


def test_a_run_whose_last_step_goes_too_far_diverged(last_step_too_far, tmp_path):
    with pytest.raises(NonFiniteLoss, match="not finite at step 1;"):
        run_training(last_step_too_far, out=tmp_path)
    (alone,) = run_many([last_step_too_far])
    assert alone.evaluation is None
    assert alone.diverged_at == 1
    assert alone.history[0]["loss"] > 0
    assert repr(alone) == "<TrainResult: diverged at step 1>"


def test_a_callback_sees_each_evaluation():
    seen = []
    run_many([CONFIG], callback=lambda step, runs: seen.append((step, runs[0].step)))
    assert seen == [(5, 5), (10, 10), (12, 12)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"until": 0}, "until"),
        ({"max_seconds": -1.0}, "max_seconds"),
        ({"seeds": 0}, "seeds"),
        ({"devices": 0, "seeds": 2}, "devices must be at least 1"),
        ({"devices": 64, "seeds": 3}, "64 devices were asked for"),
    ],
)
def test_bad_limits_are_refused_before_there_is_a_folder(values, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        run_training(CONFIG, out=tmp_path, **values)
    assert not list(tmp_path.iterdir())


def test_more_neighbours_than_samples_are_refused_before_training(tmp_path):
    config = dataclasses.replace(CONFIG, evaluation=EvaluationConfig(neighbours=37))
    with pytest.raises(ValueError, match="neighbours = 37 is more than the 36 samples"):
        run_training(config, out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_configuration():
    for run in (run_training, lambda config: run_many([config])):
        with pytest.raises(TypeError, match=r"a run is a TrainConfig, got 'run\.toml'; read"):
            run("run.toml")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"queue": 7}, "objective.queue = 7 holds no batch of 8 keys"),
        ({"queue": 8, "loss": "spectral", "edit": "margin"}, "it needs objective.queue = 0"),
        ({"queue": 8, "method": "margin", "scope": "oracle"}, "keys of a queue do not have"),
    ],
)
def test_a_queue_that_does_not_fit_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, objective=ObjectiveConfig(**values))


def test_an_oracle_needs_labels():
    with pytest.raises(ValueError, match="'oracle' needs the labels of images"):
        dataclasses.replace(CONFIG, objective=ObjectiveConfig(method="margin", scope="oracle"))


# --- Processes that are killed


LONG = dataclasses.replace(CONFIG, epochs=400, checkpoint_every=1, log_every=1)


def started(tmp_path, *more, config=LONG):
    """``dctheory train`` in a process of its own."""
    path = tmp_path / "config.json"
    save_config(path, config)
    command = [sys.executable, "-m", "dctheory", "train", str(path), "--out", str(tmp_path), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def checkpoints(tmp_path):
    return list(tmp_path.glob("train-*/checkpoints/step-*.npz"))


def test_sigterm_ends_with_a_checkpoint_and_says_how_to_go_on(tmp_path):
    process = started(tmp_path, config=dataclasses.replace(LONG, objective=ObjectiveConfig()))
    wait_for(lambda: checkpoints(tmp_path), process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "stopped by SIGTERM after step" in errors
    assert "--resume" in errors


@pytest.mark.slow
def test_a_run_killed_at_any_moment_is_resumed_bit_for_bit(tmp_path):
    (whole,) = run_training(LONG)
    rng = np.random.default_rng(0)
    process = started(tmp_path)
    for _ in range(4):
        wait_for(lambda: checkpoints(tmp_path), process)
        time.sleep(rng.uniform(0, 0.5))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        process = started(tmp_path, "--resume")
        time.sleep(rng.uniform(0, 6))
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    (resumed,) = run_training(LONG, out=tmp_path, resume=True)
    assert same(resumed.params, whole.params)
    assert log_of(resumed) == log_of(whole)


def test_the_time_of_a_run_is_that_of_its_last_step_too(monkeypatch):
    """Steps are begun without waiting for those before: the time ends when they are done."""
    from dctheory.train import loop

    def slow(tree):
        time.sleep(0.05)
        return jax.device_get(tree)

    monkeypatch.setattr(loop, "fetch", slow)
    config = dataclasses.replace(CONFIG, epochs=None, steps=1, log_every=50)
    (result,) = run_training(config)
    assert result.seconds >= 0.05
    assert result.history[0]["seconds"] >= 0.05
