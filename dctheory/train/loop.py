"""The training loop: steps, log, evaluations, checkpoints, and how each way to stop is handled."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dctheory._validation import check_integer, check_real
from dctheory.train.checkpoint import load_latest, save_checkpoint
from dctheory.train.devices import fetch, from_first_process, in_any_process, place
from dctheory.train.group import Group
from dctheory.train.outcome import NonFiniteLoss, Stopped, TrainResult
from dctheory.train.protocol import NonFiniteFeatures, evaluate
from dctheory.train.run_folder import RunFolder, stop_on_sigterm
from dctheory.train.step import NEVER, State

# Called at each evaluation with the step and the runs as they are then.
Callback = Callable[[int, list[TrainResult]], None]
# Called with (done, total, loss) as training goes on.
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Limits:
    """When to stop before the last step, to be resumed: after a step, or after some seconds."""

    until: int | None = None
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.until is not None:
            check_integer("until", self.until, 1)
        if self.max_seconds is not None:
            check_real("max_seconds", self.max_seconds, 0)


@dataclass(eq=False)
class Loop:
    """The loop over one group's steps; a folder makes it resumable."""

    group: Group
    folder: RunFolder | None
    limits: Limits
    progress: Progress | None
    callback: Callback | None
    # Whether to go on when no run has a finite loss.
    may_diverge: bool = False
    history: list[dict[str, Any]] = field(default_factory=list)
    # Of all attempts, and of those before this one.
    seconds: float = 0.0
    before: float = 0.0
    began: float = 0.0

    def run(self) -> list[TrainResult]:
        """From the last checkpoint, or the beginning, to the last step."""
        program, hyper, config = self.group.program, self.group.hyper, self.group.configs[0]
        state, done = self._first_state()
        total, self.began = program.total_steps, time.perf_counter() - self.seconds
        order, epoch = None, -1
        with stop_on_sigterm() as signal:
            while done < total:
                if program.num_samples is not None and epoch != done // program.steps_per_epoch:
                    epoch = done // program.steps_per_epoch
                    order = program.order(hyper, np.int32(epoch))
                state, loss = self.group.advance(state, order)
                done += 1
                self._look_at_clock()
                if done % config.log_every == 0 or done == total:
                    self._log(state, done, loss)
                if _is_due(config.evaluation.every, done) and done < total:
                    self._evaluate(state, done)
                if _is_due(config.checkpoint_every, done) or done == total:
                    self._save(state, done)
                if done < total:
                    self._stop_if_asked(state, done, signal.requested)
        return self._evaluate(state, done)

    def _look_at_clock(self) -> None:
        self.seconds = time.perf_counter() - self.began

    # --- State and checkpoints

    def _first_state(self) -> tuple[State, int]:
        """Of the last checkpoint, which process 0 reads for all, or the initial one."""
        group, done, saved = self.group, 0, None
        like = jax.eval_shape(group.program.init, group.hyper)
        if self.folder is not None:
            found = load_latest(self.folder.checkpoints, like)
            if found is not None:
                done, saved = found.step, found.state
                self.seconds = self.before = found.meta["seconds"]
            # The log of steps that are done again would stand there twice.
            self.folder.trim_log(done)
            self.history = self.folder.read_log()
        done = int(from_first_process(np.int32(done)))
        if done == 0:
            return group.program.init(group.hyper), 0
        if saved is None:
            saved = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
        state = from_first_process(saved)
        return place(state, group.program.mesh, split=group.several), done

    def _save(self, state: State, done: int) -> None:
        self._check_finite(state)
        # A diverged member of several does not keep the others from going on.
        if not (self.group.several or self.may_diverge or _all_finite(state["params"])):
            raise self._not_finite(done)
        state = fetch(state)
        if self.folder is not None:
            save_checkpoint(self.folder.checkpoints, done, state, {"seconds": self.seconds})

    def _stop_if_asked(self, state: State, done: int, terminated: bool) -> None:
        """Save and raise Stopped where a limit is reached or SIGTERM came."""
        until, most = self.limits.until, self.limits.max_seconds
        late = most is not None and self.seconds - self.before >= most
        if jax.process_count() > 1:
            # All must stop at the same step; to agree costs time, so they do it now and then.
            if done % self.group.configs[0].log_every == 0:
                terminated, late = in_any_process(np.array([terminated, late]))
            else:
                terminated = late = False
        if terminated:
            why = "stopped by SIGTERM"
        elif late:
            why = f"stopped when {most:g} seconds were over"
        elif until is not None and done >= until:
            why = "stopped as asked"
        else:
            return
        self._save(state, done)
        folder = None if self.folder is None else self.folder.path
        raise Stopped(done, self.group.program.total_steps, why, folder, bool(terminated))

    # --- What is found on the way

    def _log(self, state: State, done: int, loss: jax.Array) -> None:
        self._check_finite(state)
        values = np.asarray(fetch(loss), np.float64)
        record = {"step": done, "loss": _json_numbers(values), "seconds": round(self.seconds, 3)}
        self._record(record)
        if self.progress is not None:
            finite = values[np.isfinite(values)]
            mean = float(finite.mean()) if finite.size else math.nan
            self.progress(done, self.group.program.total_steps, mean)

    def _check_finite(self, state: State) -> None:
        """NonFiniteLoss if every run has had a loss that is not finite."""
        bad = np.atleast_1d(fetch(state["bad_step"]))
        # Steps are begun before the ones before them are done: only now they are.
        self._look_at_clock()
        if (bad != NEVER).all() and not self.may_diverge:
            raise self._not_finite(int(bad.max()) + 1)

    def _not_finite(self, step: int) -> NonFiniteLoss:
        last = None if self.folder is None else self.folder.last_checkpoint()
        return NonFiniteLoss(_advice(step, last))

    def _evaluate(self, state: State, done: int) -> list[TrainResult]:
        """The runs as they are now; evaluated, unless the log of a resumed run has it already."""
        params, stats, bad = fetch((state["params"], state["stats"], state["bad_step"]))
        bad = np.atleast_1d(bad)
        for record in self.history:
            if record["step"] == done and "evaluation" in record:
                found = record["evaluation"]
                break
        else:
            found = [
                self._judge(index, params, stats) if bad[index] == NEVER else None
                for index in range(len(self.group.configs))
            ]
            self._record({"step": done, "evaluation": found})
        if not (self.may_diverge or any(found)):
            raise self._not_finite(done)
        results = [
            self._result(index, done, params, stats, each, int(bad[index]))
            for index, each in enumerate(found)
        ]
        if self.callback is not None:
            self.callback(done, results)
        return results

    def _judge(self, index: int, params: Any, stats: Any) -> dict[str, Any] | None:
        group = self.group
        own_params, own_stats = group.member((params, stats), index)
        sets, config = group.problems[index].evaluation, group.configs[index].evaluation
        try:
            return evaluate(group.program.network, own_params, own_stats, sets, config)
        except NonFiniteFeatures:
            # The last step went too far; the next one's loss would tell.
            return None

    def _result(
        self, index: int, done: int, params: Any, stats: Any, found: Any, bad: int
    ) -> TrainResult:
        own_params, own_stats = self.group.member((params, stats), index)
        diverged = done if found is None else None
        if bad != NEVER:
            # Counted from 1, as in the log.
            diverged = bad + 1
        return TrainResult(
            config=self.group.configs[index],
            step=done,
            history=tuple(_of_member(record, index, self.group.several) for record in self.history),
            evaluation=found,
            params=own_params,
            stats=own_stats,
            network=self.group.program.network,
            seconds=self.seconds,
            diverged_at=diverged,
            folder=None if self.folder is None else self.folder.path,
        )

    def _record(self, record: dict[str, Any]) -> None:
        self.history.append(record)
        if self.folder is not None:
            self.folder.log(record)


def _is_due(every: int, done: int) -> bool:
    return every > 0 and done % every == 0


def _json_numbers(values: np.ndarray) -> Any:
    """Floats as JSON has them: None for what is not finite."""
    numbers = [float(each) if np.isfinite(each) else None for each in np.atleast_1d(values)]
    return numbers if values.ndim else numbers[0]


def _of_member(record: dict[str, Any], index: int, several: bool) -> dict[str, Any]:
    """One run's part of a record of the log."""
    own = dict(record)
    if "evaluation" in own:
        own["evaluation"] = own["evaluation"][index]
    elif several:
        own["loss"] = own["loss"][index]
    return own


@jax.jit
def _all_finite(tree: Any) -> jax.Array:
    return jnp.all(jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]))


def _advice(step: int, last: Path | None) -> str:
    where = "there is no checkpoint" if last is None else f"the last good checkpoint is {last}"
    return (
        f"the loss is not finite at step {step}; {where}. Try a smaller optimizer.learning_rate, "
        "some optimizer.warmup, or a larger objective.temperature (objective.rho)"
    )
