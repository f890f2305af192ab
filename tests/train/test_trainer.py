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
from dctheory.train.data_config import SphereData
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
    assert same([each.params for each in resumed], [each.params for each in whole])


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
            objective=objective,
            optimizer=OptimizerConfig(learning_rate=rate, schedule="constant"),
        )
        for rate in (1e4, 0.01)
    ]
    bad, good = run_many(configs)
    assert bad.evaluation is None
    assert 0 < bad.diverged_at < STEPS
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


def test_a_callback_sees_each_evaluation():
    seen = []
    run_many([CONFIG], callback=lambda step, runs: seen.append((step, runs[0].step)))
    assert seen == [(5, 5), (10, 10), (12, 12)]


@pytest.mark.parametrize(
    ("values", "message"),
    [({"until": 0}, "until"), ({"max_seconds": -1.0}, "max_seconds"), ({"seeds": 0}, "seeds")],
)
def test_bad_limits_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        run_training(CONFIG, **values)


# --- Processes that are killed


def started(tmp_path, *more):
    """``dctheory train`` in a process of its own."""
    path = tmp_path / "config.json"
    save_config(path, dataclasses.replace(CONFIG, epochs=400, checkpoint_every=1, log_every=1))
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
    process = started(tmp_path)
    wait_for(lambda: checkpoints(tmp_path), process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "stopped by SIGTERM after step" in errors
    assert "--resume" in errors


@pytest.mark.slow
def test_a_run_killed_at_any_moment_is_resumed_bit_for_bit(tmp_path):
    config = dataclasses.replace(CONFIG, epochs=400, checkpoint_every=1, log_every=1)
    (whole,) = run_training(config)
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
    (resumed,) = run_training(config, out=tmp_path, resume=True)
    assert same(resumed.params, whole.params)
    assert log_of(resumed) == log_of(whole)
