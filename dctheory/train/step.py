"""One gradient step as a pure function of a state, and the program that several runs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh

from dctheory.contrast.momentum import enqueue, momentum_update
from dctheory.data.keys import step_key
from dctheory.train.config import OptimizerConfig, TrainConfig
from dctheory.train.devices import sharding
from dctheory.train.networks import Network
from dctheory.train.objective import Keys, Numbers, Objective, make_numbers, shared_part
from dctheory.train.optimizers import make_optimizer
from dctheory.train.sources import Moment, Views

# Parameters, BatchNorm statistics, optimizer state, momentum encoder, queue, counters: nested
# dicts of arrays, so that a checkpoint's entries have readable names.
State = dict[str, Any]

# The value of ``bad_step``, steps before the first loss that was not finite, while there is none.
NEVER = -1


class Hyper(NamedTuple):
    """What may differ between the members of one program, besides the values of their data."""

    seed: Any
    learning_rate: Any
    weight_decay: Any
    numbers: Numbers


def make_hyper(config: TrainConfig) -> Hyper:
    """The numbers of one run."""
    return Hyper(
        seed=np.int32(config.seed),
        learning_rate=np.float32(config.optimizer.learning_rate),
        weight_decay=np.float32(config.optimizer.weight_decay),
        numbers=make_numbers(config.objective),
    )


@dataclass(frozen=True, eq=False)
class Program:
    """The jitted functions of a group of runs that differ in numbers and data values only.

    Attributes:
        network, objective: shared by all members.
        optimizer: the configuration; rate and decay are taken from ``Hyper``.
        momentum: of the momentum encoder, used with a queue.
        batch_size: samples in a step.
        total_steps: of the schedule.
        num_samples: of an epoch; None for a stream.
        members: number of runs with a leading axis; 0 for a single run without one.
        mesh: the devices; None for one. Of a single run the batch is split among them, of several
            the members.
    """

    network: Network
    objective: Objective
    optimizer: OptimizerConfig
    momentum: float
    batch_size: int
    total_steps: int
    num_samples: int | None
    members: int = 0
    mesh: Mesh | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in an epoch; of a stream, all steps are of epoch 0."""
        if self.num_samples is None:
            return self.total_steps
        return self.num_samples // self.batch_size

    # --- The functions; each exists once, so that it is compiled once

    @cached_property
    def init(self) -> Callable[[Hyper], State]:
        """The state before the first step."""
        return self._jitted(self._over_members(self._init))

    @cached_property
    def order(self) -> Callable[[Hyper, Any], jax.Array]:
        """(N,) rows of the samples in the order of an epoch."""
        return self._jitted(self._over_members(self._order, (0, None)))

    def step(self, shared_data: bool) -> Callable[..., tuple[State, jax.Array]]:
        """The step (state, source, hyper, order) → (state, loss), whose state is donated."""
        return self._step_of_shared if shared_data else self._step_of_own

    @cached_property
    def _step_of_shared(self) -> Callable[..., tuple[State, jax.Array]]:
        return self._jitted_step((0, None, 0, 0))

    @cached_property
    def _step_of_own(self) -> Callable[..., tuple[State, jax.Array]]:
        return self._jitted_step((0, 0, 0, 0))

    def kept(self, shared_data: bool) -> Callable[..., Any]:
        """The forward pass, of a step's arguments, to what it keeps for the backward pass."""
        return self._over_members(self._kept, (0, None if shared_data else 0, 0, 0))

    def _jitted_step(self, axes: tuple[int | None, ...]) -> Callable[..., Any]:
        return self._jitted(self._over_members(self._step, axes), donate_argnums=0)

    def _jitted(self, function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        if self.mesh is not None:
            options["out_shardings"] = sharding(self.mesh, split=self.members > 0)
        return jax.jit(function, **options)

    def _over_members(self, function: Callable[..., Any], axes: Any = 0) -> Callable[..., Any]:
        return jax.vmap(function, in_axes=axes) if self.members else function

    # --- What they compute, for one run

    def _optimizer(self, hyper: Hyper) -> optax.GradientTransformation:
        return make_optimizer(
            self.optimizer, self.total_steps, hyper.learning_rate, hyper.weight_decay
        )

    def _init(self, hyper: Hyper) -> State:
        params, stats = self.network.init(step_key(hyper.seed, 0, 0, "initialisation"))
        state: State = {
            "params": params,
            "stats": stats,
            "optimizer": self._optimizer(hyper).init(params),
            "step": jnp.int32(0),
            "bad_step": jnp.int32(NEVER),
        }
        if self.objective.queue:
            state["target"] = {"params": params, "stats": stats}
            state["queue"] = self._first_queue(hyper)
        return state

    def _first_queue(self, hyper: Hyper) -> dict[str, jax.Array]:
        """Random unit vectors, which the first batches push out."""
        key = step_key(hyper.seed, 0, 0, "queue")
        sizes = {"z": self.network.projected, "h": self.network.features}
        queue = {}
        for name, size in sizes.items():
            key, own = jax.random.split(key)
            keys = jax.random.normal(own, (self.objective.queue, size), jnp.float32)
            queue[name] = keys / jnp.linalg.norm(keys, axis=1, keepdims=True)
        return queue

    def _order(self, hyper: Hyper, epoch: Any) -> jax.Array:
        key = step_key(hyper.seed, epoch, 0, "order")
        return jax.random.permutation(key, jnp.arange(self.num_samples))

    def _loss_of(
        self, state: State, source: Any, hyper: Hyper, order: jax.Array | None
    ) -> Callable[[Any], tuple[jax.Array, State]]:
        """The loss of the step's batch as a function of the parameters."""
        epoch, place = jnp.divmod(state["step"], self.steps_per_epoch)
        rows = None
        if order is not None:
            rows = jax.lax.dynamic_slice_in_dim(order, place * self.batch_size, self.batch_size)
        views = source.views(Moment(hyper.seed, epoch, place, rows), self.batch_size)
        if self.mesh is not None and not self.members:
            views = jax.lax.with_sharding_constraint(views, sharding(self.mesh, split=True))
        return partial(self._loss, state=state, views=views, hyper=hyper)

    def _kept(self, state: State, *batch: Any) -> Any:
        return jax.vjp(self._loss_of(state, *batch), state["params"], has_aux=True)[1]

    def _step(
        self, state: State, source: Any, hyper: Hyper, order: jax.Array | None
    ) -> tuple[State, jax.Array]:
        loss_of = self._loss_of(state, source, hyper, order)
        (loss, found), gradient = jax.value_and_grad(loss_of, has_aux=True)(state["params"])
        updates, optimizer = self._optimizer(hyper).update(
            gradient, state["optimizer"], state["params"]
        )
        new = state | found
        new["params"] = optax.apply_updates(state["params"], updates)
        new["optimizer"] = optimizer
        new["step"] = state["step"] + 1
        fails = ~jnp.isfinite(loss) & (state["bad_step"] == NEVER)
        new["bad_step"] = jnp.where(fails, state["step"], state["bad_step"])
        if self.objective.queue:
            target = momentum_update(new["params"], state["target"]["params"], self.momentum)
            new["target"] = {"params": target, "stats": found["target"]["stats"]}
        return new, loss

    def _loss(
        self, params: Any, state: State, views: Views, hyper: Hyper
    ) -> tuple[jax.Array, State]:
        """The loss, and the parts of the state that the forward pass changes."""
        if self.objective.queue:
            return self._queue_loss(params, state, views, hyper)
        inputs = jnp.concatenate([views.first, views.second])
        h, z, stats = self.network.apply(params, state["stats"], inputs, True)
        loss = self.objective.value(hyper.numbers, h, z, views.edits, None, views.labels)
        return loss, {"stats": stats}

    def _queue_loss(
        self, params: Any, state: State, views: Views, hyper: Hyper
    ) -> tuple[jax.Array, State]:
        target = jax.lax.stop_gradient(state["target"])
        h1, z1, stats = self.network.apply(params, state["stats"], views.first, True)
        h2, z2, moved = self.network.apply(target["params"], target["stats"], views.second, True)
        keys = Keys(**state["queue"])
        h, z = jnp.concatenate([h1, h2]), jnp.concatenate([z1, z2])
        loss = self.objective.value(hyper.numbers, h, z, None, keys)
        found = {
            "stats": stats,
            "target": {"params": target["params"], "stats": moved},
            "queue": {"z": enqueue(keys.z, z2), "h": enqueue(keys.h, h2)},
        }
        return loss, jax.lax.stop_gradient(found)


def signature(config: TrainConfig) -> tuple[Any, ...]:
    """What must be equal for two runs to be members of one program, data aside."""
    optimizer = config.optimizer
    return (
        config.model, shared_part(config.objective), config.precision, config.batch_size,
        config.steps, config.epochs, config.evaluation, config.log_every, config.checkpoint_every,
        optimizer.kind, optimizer.momentum, optimizer.schedule, optimizer.warmup,
    )  # fmt: skip
