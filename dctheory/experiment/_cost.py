"""What an experiment would do and cost, before anything is run: runs, time, device memory."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dctheory.experiment._base import duration

if TYPE_CHECKING:
    from dctheory.experiment._run import Plan
    from dctheory.experiment.tasks import Task
    from dctheory.train.config import TrainConfig
    from dctheory.train.cost import TrainingCost

# Operations a second to say a time by where none was measured; bfloat16 on one GPU.
_SPEED = 1e14
_HOW = (
    "of the training step that needs most, from its traced arrays; a CPU's process takes some "
    "0.5 GB beside it"
)


def expected_cost(plan: Plan) -> dict[str, Any]:
    """``time`` in words, and what is known of the training: ``training`` and ``memory``.

    Raises what :func:`dctheory.train.group.make_groups` raises.
    """
    from dctheory.train.cost import training_cost

    experiment = plan.experiment
    own = plan.settings == experiment.presets[plan.preset]
    found: dict[str, Any] = {
        "time": duration(experiment.seconds.get(plan.preset) if own else None),
    }
    programs = _programs(plan)
    if not programs:
        return found | {"memory": "not estimated: its runs are no trainings of one network"}
    costs = {kind: training_cost(runs[0]) for kind, runs in programs.items()}
    if experiment.trainings is not None:
        flops = sum(costs[kind].flops * costs[kind].steps * len(programs[kind]) for kind in costs)
        found["training"] = {
            "runs": sum(map(len, programs.values())),
            "operations": f"{flops:.2g}",
            f"time at {_SPEED / 1e12:g} TFLOP/s": duration(flops / _SPEED),
        }
    return found | {"memory": _in_words(max(costs.values(), key=lambda cost: cost.memory))}


def resolved(tasks: Sequence[Task]) -> dict[str, Any]:
    """The whole ``configuration`` of the first run, and of which keys the other ``runs`` differ.

    Of a task that makes several runs the first one; nothing where tasks are no such runs. Runs
    that follow from the results of these have other numbers of the same keys.
    """
    from dctheory.train.config_file import leaves

    documents = {}
    for task in tasks:
        several = task.arguments.get("configs") or [task.arguments.get("config")]
        if several[0] is not None:
            documents[task.name] = several[0]
    if not documents:
        return {}
    first = next(iter(documents.values()))
    before = leaves(first)
    runs = {
        name: {key: value for key, value in leaves(each).items() if value != before.get(key)}
        for name, each in documents.items()
    }
    return {
        "configuration": first,
        "runs": {name: _assignments(each) for name, each in runs.items()},
    }


def _assignments(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={json.dumps(value)}" for key, value in changes.items()) or "as above"


def _programs(plan: Plan) -> dict[Any, list[Sequence[TrainConfig]]]:
    """The programs that will run, each as its configurations, by what their cost depends on."""
    from dctheory.train.config_file import from_dict

    trainings = plan.experiment.trainings
    if trainings is not None:
        runs = [[_located(each, plan)] for each in trainings(plan.settings, plan.seeds)]
    else:
        documents = [task.arguments.get("configs") for task in plan.tasks]
        runs = [[from_dict(each) for each in found] for found in documents if found]
    programs: dict[Any, list[Sequence[TrainConfig]]] = {}
    for configs in runs:
        programs.setdefault(_kind(configs), []).append(configs)
    return programs


def _located(config: TrainConfig, plan: Plan) -> TrainConfig:
    if plan.data_dir is None:
        return config
    data: Any = config.data
    return dataclasses.replace(config, data=dataclasses.replace(data, data_dir=str(plan.data_dir)))


def _kind(configs: Sequence[TrainConfig]) -> Any:
    """What the cost depends on, but for seeds, rates and the numbers of a method."""
    first = configs[0]
    data: Any = dataclasses.replace(first.data, seed=None)
    if getattr(data, "keep_mixed", False):
        data = dataclasses.replace(data, mixed=0.0)
    sizes = first.model, first.precision, first.batch_size, first.steps, first.epochs
    return data, sizes, first.objective.loss, first.objective.queue, len(configs)


def _in_words(cost: TrainingCost) -> dict[str, str]:
    each = f"{cost.views:,} views, {_size(cost.activations / cost.views)} each"
    return {
        "peak": f"about {_size(cost.memory)}",
        "data set": _size(cost.data),
        "parameters and gradients": _size(cost.parameters + cost.gradients),
        "optimizer and statistics": _size(cost.optimizer),
        "activations": f"{_size(cost.activations)} ({each})",
        "how": _HOW,
    }


def _size(count: float) -> str:
    """Bytes in words."""
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} B"
