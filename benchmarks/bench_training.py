"""Training runs: seeds mapped over against one after the other, and what a step is made of.

Runs without evaluation; the time of compiling is counted apart.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from dctheory.train.config import ModelConfig, ObjectiveConfig, OptimizerConfig, TrainConfig
from dctheory.train.data_config import DigitsData, GraphData
from dctheory.train.group import Group, make_groups
from dctheory.train.sources import Moment

SEEDS = 10
ROUNDS = 5
TABLE = TrainConfig(
    data=GraphData(seed=0),
    model=ModelConfig(kind="table", features=4),
    objective=ObjectiveConfig(loss="spectral"),
    optimizer=OptimizerConfig(learning_rate=1.0, weight_decay=0.0),
    steps=500,
)
DIGITS = TrainConfig(
    data=DigitsData(seed=0),
    model=ModelConfig(kind="mlp", features=64, projector=64),
    objective=ObjectiveConfig(method="removal"),
    epochs=10,
)


def run(quick: bool) -> list[dict[str, Any]]:
    """Seconds of ten seeds, and milliseconds of the parts of a step."""
    rows = _seeds("table, spectral loss, batch 256", TABLE)
    rows += _seeds("digits, MLP, removal, batch 256", DIGITS)
    return rows + _shares(DIGITS)


def _seeds(name: str, config: TrainConfig) -> list[dict[str, Any]]:
    configs = [dataclasses.replace(config, seed=seed) for seed in range(SEEDS)]
    together, alone = _group(configs), [_group([each]) for each in configs]
    compiling = _first_step(together), _first_step(alone[0])
    steps = together.program.total_steps
    ours, peer = _alternate(
        lambda: _train(together, steps), lambda: [_train(each, steps) for each in alone]
    )
    row = {"unit": "s", "ours": ours, "peer": peer, "peer_name": "one after the other"}
    note = f"{steps} steps each; without compiling, which takes the second row's time once"
    first = {"unit": "s", "ours": compiling[0], "peer": compiling[1], "peer_name": "a single seed"}
    return [
        {"name": f"{SEEDS} seeds at once: {name}", "note": note} | row,
        {"name": f"compiling and first step: {name}", "note": ""} | first,
    ]


def _shares(config: TrainConfig) -> list[dict[str, Any]]:
    """A step with and without each part: what it costs is the difference."""
    group = _group([config])
    plain = _group([dataclasses.replace(config, objective=ObjectiveConfig())])
    order = group.program.order(group.hyper, np.int32(0))
    rows = order[: config.batch_size]
    views = jax.jit(lambda source, step: source.views(Moment(0, 0, step, rows), len(rows))[:2])
    steps = group.program.total_steps
    whole, unselected, augmenting, logging = (
        statistics.median(times)
        for times in zip(
            *(
                (
                    _seconds(lambda: _train(group, steps)) / steps,
                    _seconds(lambda: _train(plain, steps)) / steps,
                    _seconds(lambda: _repeat(views, group.source, steps)) / steps,
                    _seconds(lambda: _train(group, steps, log_every=1)) / steps,
                )
                for _ in range(ROUNDS + 1)
            ),
            strict=True,
        )
    )
    parts = {
        "augmentation": augmenting,
        "selection and removal": whole - unselected,
        "fetching the loss after every step": logging - whole,
    }
    name = "digits, MLP, batch 256: a step"
    found = [{"name": name, "unit": "ms", "ours": 1e3 * whole, "note": "with removal"}]
    for part, seconds in parts.items():
        note = f"{100 * seconds / whole:.0f} % of a step"
        found.append({"name": f"of it, {part}", "unit": "ms", "ours": 1e3 * seconds, "note": note})
    return found


def _group(configs: Sequence[TrainConfig]) -> Group:
    ((group, _),) = make_groups(configs, mapped=True)
    return group


def _train(group: Group, steps: int, log_every: int = 50) -> None:
    program = group.program
    state, order = program.init(group.hyper), None
    for step in range(steps):
        if program.num_samples is not None and step % program.steps_per_epoch == 0:
            order = program.order(group.hyper, np.int32(step // program.steps_per_epoch))
        state, loss = group.advance(state, order)
        if (step + 1) % log_every == 0:
            np.asarray(loss)
    jax.block_until_ready(state)


def _repeat(function: Any, source: Any, steps: int) -> None:
    for step in range(steps):
        jax.block_until_ready(function(source, np.int32(step)))


def _first_step(group: Group) -> float:
    return _seconds(lambda: _train(group, 1))


def _seconds(action: Any) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _alternate(first: Any, second: Any) -> tuple[float, float]:
    """Medians of both, which take turns, after one that is not counted."""
    times = [(_seconds(first), _seconds(second)) for _ in range(ROUNDS + 1)][1:]
    return tuple(statistics.median(each) for each in zip(*times, strict=True))
