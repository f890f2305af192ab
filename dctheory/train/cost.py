"""What a training run will cost, from its traced step: nothing is compiled or run.

Memory is that of the arrays that the backward pass needs, as JAX's linearisation lists them, beside
state and data. XLA fuses and reuses: a compiled step on one device takes about as much, or somewhat
less. Tests compare it with the compiler's plan; of a small convnet on CIFAR-10 a step of 256 views
took 94 to 104 MB of resident memory on a CPU where 106 were expected, and one of 1,024 views 373 to
386 MB where 430 were. Classifiers afterwards take less than training does, unless the network is
tiny.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from dctheory.train.config import TrainConfig
from dctheory.train.group import Group, make_groups


@dataclass(frozen=True)
class TrainingCost:
    """Of one program: a run, or several that are mapped over.

    Attributes:
        data, parameters, optimizer, gradients, activations: bytes on the device; ``optimizer`` is
            the rest of the state (moments, BatchNorm statistics, momentum encoder and queue), and
            ``activations`` what the forward pass keeps.
        views: augmented views in a step, of all members together.
        flops: floating-point operations of a step, forward and backward; loops over blocks of
            pairs count once.
        steps: of the run.
    """

    data: int
    parameters: int
    optimizer: int
    gradients: int
    activations: int
    views: int
    flops: float
    steps: int

    @property
    def memory(self) -> int:
        """Bytes at the peak of a step."""
        return self.data + self.parameters + self.optimizer + self.gradients + self.activations


def training_cost(configs: Sequence[TrainConfig]) -> TrainingCost:
    """The cost of the program among those for these runs that needs most memory, on one device.

    Raises what :func:`dctheory.train.group.make_groups` raises.
    """
    costs = [_group_cost(group) for group, _ in make_groups(configs, devices=1)]
    return max(costs, key=lambda cost: cost.memory)


def _group_cost(group: Group) -> TrainingCost:
    program, hyper, source = group.program, group.hyper, group.source
    state = jax.eval_shape(program.init, hyper)
    order = None
    if program.num_samples is not None:
        order = jax.eval_shape(program.order, hyper, np.int32(0))
    arguments = state, source, hyper, order
    parameters = _bytes(state["params"])
    lowered = program.step(group.shared_data).lower(*arguments)  # type: ignore[attr-defined]
    return TrainingCost(
        data=_bytes(source),
        parameters=parameters,
        optimizer=_bytes(state) - parameters,
        gradients=parameters,
        activations=_bytes(jax.eval_shape(program.kept(group.shared_data), *arguments)),
        views=2 * program.batch_size * max(program.members, 1),
        flops=max(float((lowered.cost_analysis() or {}).get("flops", 0)), 0.0),
        steps=program.total_steps,
    )


def _bytes(tree: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
