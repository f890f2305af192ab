"""Runs that are trained by one program: what is prepared before the first step."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from dctheory.train.config import (
    ModelConfig,
    ObjectiveConfig,
    OptimizerConfig,
    TrainConfig,
)
from dctheory.train.devices import make_mesh, place
from dctheory.train.neighbours import check_neighbours
from dctheory.train.networks import Network, make_network
from dctheory.train.objective import Objective, make_objective
from dctheory.train.problem import Problem, make_problem
from dctheory.train.sources import law, stack
from dctheory.train.step import Hyper, Program, State, make_hyper, signature

# Parameters × batch up to which ten runs are faster mapped over on a CPU (benchmarks/).
_CPU_WORK = 1e5


@dataclass(frozen=True, eq=False)
class Group:
    """One run, or several as members of one program with a leading axis.

    Attributes:
        configs, problems: of each run.
        program: their jitted functions.
        source, hyper: batches and numbers, stacked over the members and on the devices.
        shared_data: whether the members train on one source.
    """

    configs: tuple[TrainConfig, ...]
    problems: tuple[Problem, ...]
    program: Program
    source: Any
    hyper: Hyper
    shared_data: bool

    @property
    def several(self) -> bool:
        """Whether arrays have a leading axis of members."""
        return self.program.members > 0

    def advance(self, state: State, order: Any) -> tuple[State, jax.Array]:
        """The state after one more step (the old one is consumed), and the loss of each run."""
        step = self.program.step(self.shared_data)
        return step(state, self.source, self.hyper, order)

    def member(self, tree: Any, index: int) -> Any:
        """One run's part of arrays on the host."""
        return jax.tree.map(lambda leaf: leaf[index], tree) if self.several else tree


def make_groups(
    configs: Sequence[TrainConfig], devices: int | None = None, *, mapped: bool | None = None
) -> list[tuple[Group, list[int]]]:
    """The runs by program, each group with its runs' places in ``configs``.

    Runs share a program when they differ in their seeds, rates, weight decay and the numbers of
    the objective only, and their data has the same shapes. They are the members of one group if
    they are ``mapped`` over, else groups of one run, one after the other through that program; by
    default they are where a run alone would leave the device idle.

    Raises:
        ValueError: parameters that make no data, a batch or a number of neighbours larger than
            the data, devices that do not divide the batch.
    """
    places: dict[Any, list[int]] = {}
    problems = _problems(configs)
    for index, (config, problem) in enumerate(zip(configs, problems, strict=True)):
        _check_sizes(config, problem)
        kind = (signature(config), law(problem.source), problem.input_shape)
        places.setdefault(kind, []).append(index)
    groups = []
    for found in places.values():
        objectives = [configs[i].objective for i in found]
        whole = _is_small(configs[found[0]], problems[found[0]]) if mapped is None else mapped
        for part in [found] if whole else [[i] for i in found]:
            own = tuple(configs[i] for i in part), tuple(problems[i] for i in part)
            groups.append((_make_group(*own, objectives, devices), part))
    return groups


def _is_small(config: TrainConfig, problem: Problem) -> bool:
    """Whether a step of one run is too little work for the device to do it well."""
    network = _network(config.model, problem.input_shape, config.precision, problem.num_nodes)
    if jax.default_backend() == "cpu":
        # XLA's convolutions of several networks are slow on CPUs.
        convolves = config.model.kind in ("convnet", "resnet18")
        return not convolves and network.num_params * config.batch_size <= _CPU_WORK
    return config.model.kind != "resnet18"


def _problems(configs: Sequence[TrainConfig]) -> list[Problem]:
    """Those of equal data are one object."""
    made: dict[Any, Problem] = {}
    problems = []
    for config in configs:
        seed = config.seed if config.data.seed is None else config.data.seed
        edit = (config.objective.edit, config.objective.edit_scale)
        key = (config.data, seed, edit)
        if key not in made:
            made[key] = make_problem(config)
        problems.append(made[key])
    return problems


def _check_sizes(config: TrainConfig, problem: Problem) -> None:
    count = problem.source.num_samples
    if count is not None and config.batch_size > count:
        raise ValueError(
            f"batch_size {config.batch_size} is larger than the {count} training samples; "
            f"choose at most {count}"
        )
    if config.evaluation.neighbours:
        check_neighbours(config.evaluation.neighbours, len(problem.evaluation.fit_labels))


def _make_group(
    configs: tuple[TrainConfig, ...],
    problems: tuple[Problem, ...],
    objectives: Sequence[ObjectiveConfig],
    devices: int | None,
) -> Group:
    first, problem = configs[0], problems[0]
    members = len(configs) if len(configs) > 1 else 0
    mesh = make_mesh(devices, first.batch_size, members)
    # A batch that is spread over devices is not cut into blocks on each of them.
    block = None if mesh is None or members else 2 * first.batch_size
    samples = problem.source.num_samples
    program = _program(
        first.model,
        problem.input_shape,
        first.precision,
        problem.num_nodes,
        make_objective(objectives, block),
        # Rate and decay are arguments of the step.
        dataclasses.replace(first.optimizer, learning_rate=1.0, weight_decay=0.0),
        momentum=first.objective.momentum,
        batch_size=first.batch_size,
        total_steps=_total_steps(first, samples),
        num_samples=samples,
        members=members,
        mesh=mesh,
    )
    shared = all(each is problem for each in problems)
    source = problem.source if shared else stack([each.source for each in problems])
    hypers = [make_hyper(config) for config in configs]
    hyper = jax.tree.map(lambda *leaves: jnp.stack(leaves), *hypers) if members else hypers[0]
    return Group(
        configs,
        problems,
        program,
        place(source, mesh, split=members > 0 and not shared),
        place(hyper, mesh, split=members > 0),
        shared,
    )


@lru_cache(maxsize=32)
def _network(
    model: ModelConfig, input_shape: tuple[int, ...], precision: str, num_nodes: int | None
) -> Network:
    return make_network(model, input_shape, precision, num_nodes=num_nodes)


@lru_cache(maxsize=32)
def _program(
    model: ModelConfig,
    input_shape: tuple[int, ...],
    precision: str,
    num_nodes: int | None,
    objective: Objective,
    optimizer: OptimizerConfig,
    **sizes: Any,
) -> Program:
    """Kept, so that runs that come one after the other are compiled once."""
    network = _network(model, input_shape, precision, num_nodes)
    return Program(network=network, objective=objective, optimizer=optimizer, **sizes)


def _total_steps(config: TrainConfig, samples: int | None) -> int:
    if config.steps is not None:
        return config.steps
    if samples is None or config.epochs is None:
        raise ValueError("a stream of pairs has no epochs; give steps")
    return config.epochs * (samples // config.batch_size)
