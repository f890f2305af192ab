"""The training loop: steps, log, evaluations, checkpoints, and how each way to stop is handled."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dctheory._validation import check_integer, check_real
from dctheory.train.checkpoint import load_latest, save_checkpoint
from dctheory.train.config import TrainConfig
from dctheory.train.config_file import to_dict
from dctheory.train.devices import place
from dctheory.train.group import Group, make_groups
from dctheory.train.networks import Network
from dctheory.train.protocol import evaluate, extract_features
from dctheory.train.run_folder import RunFolder, stop_on_sigterm
from dctheory.train.step import NEVER, State

# Called at each evaluation with the step and, for each run, what was found.
Callback = Callable[[int, list["TrainResult"]], None]
# Called with (done, total, loss) as training goes on.
Progress = Callable[[int, int, float], None]


class NonFiniteLoss(ArithmeticError):
    """The loss of every run became NaN or infinite; says when, and what to do."""


class Stopped(Exception):
    """Training stopped before its last step, on request; the checkpoint holds all of it."""

    def __init__(self, step: int, total: int, why: str, folder: Path | None) -> None:
        self.step, self.folder = step, folder
        kept = "nothing was kept, since there is no run folder"
        if folder is not None:
            kept = f"continue with --resume (in Python resume=True) on {folder}"
        super().__init__(f"{why} after step {step} of {total}; {kept}")


@dataclass(frozen=True, eq=False, repr=False)
class TrainResult:
    """A trained run, or one on its way.

    Attributes:
        config: of this run.
        step: gradient steps done.
        history: the log: {"step", "loss"} and {"step", "evaluation"}.
        evaluation: of the encoder as it is at ``step`` (:func:`dctheory.train.protocol.evaluate`);
            None if the loss was not finite.
        params, stats: of the network, numpy arrays.
        network: the network.
        seconds: that training took, of the whole group that shared its program.
        diverged_at: first step whose loss was not finite; None for none.
    """

    config: TrainConfig
    step: int
    history: tuple[dict[str, Any], ...]
    evaluation: dict[str, Any] | None
    params: Any
    stats: Any
    network: Network
    seconds: float
    diverged_at: int | None

    def features(self, inputs: Any, batch_size: int = 1024) -> np.ndarray:
        """(B, k) float32 encoder outputs h of (B, …) inputs, without augmentation."""
        return np.asarray(
            extract_features(self.network, self.params, self.stats, inputs, batch_size)
        )

    def to_dict(self) -> dict[str, Any]:
        """What ``result.json`` holds of a run."""
        return {
            "config": to_dict(self.config),
            "step": self.step,
            "evaluation": self.evaluation,
            "diverged_at": self.diverged_at,
            "seconds": round(self.seconds, 3),
        }

    def __repr__(self) -> str:
        if self.evaluation is None:
            return f"<TrainResult: diverged at step {self.diverged_at}>"
        accuracy = self.evaluation["probe_accuracy"]
        return f"<TrainResult: {self.step} steps, probe accuracy {accuracy:.4g}>"


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


def run_many(
    configs: Sequence[TrainConfig],
    *,
    devices: int | None = None,
    progress: Progress | None = None,
    callback: Callback | None = None,
) -> list[TrainResult]:
    """Train several runs, in as few programs as their differences allow.

    Runs that differ in seed, rates and the numbers of the objective (and in data of the same
    shapes) are mapped over in one program, which costs far less than one run after the other. A
    run whose loss becomes NaN or infinite ends as ``diverged_at``, the others go on.

    Args:
        configs: at least one.
        devices: how many to use; all by default.
        progress: called with (steps done, steps in all, mean loss).
        callback: called at each evaluation with the step and the runs of one program.

    Returns:
        One result for each configuration, in their order.

    Raises:
        ValueError: see :func:`dctheory.train.group.make_groups`.
        NonFiniteLoss: all runs of one program diverged.
    """
    if not configs:
        raise ValueError("there is no run: give at least one TrainConfig")
    results: dict[int, TrainResult] = {}
    for group, places in make_groups(configs, devices):
        loop = _Loop(group, None, Limits(), progress, callback)
        results |= zip(places, loop.run(), strict=True)
    return [results[index] for index in range(len(configs))]


def run_training(
    config: TrainConfig,
    *,
    seeds: int | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    devices: int | None = None,
    until: int | None = None,
    max_seconds: float | None = None,
    progress: Progress | None = None,
    callback: Callback | None = None,
) -> list[TrainResult]:
    """Train one run, or the same with several seeds as one program, in a folder that can resume.

    Args:
        config: the run.
        seeds: number of runs, with the seeds config.seed, config.seed + 1, …; None for one.
        out: where the folder ``train-YYYYmmdd-HHMMSS`` is made; None keeps nothing on disk.
        resume: continue ``out``, a run's folder, or the newest such folder in it, bit for bit on
            the same kind of device. A run that is complete is only read and evaluated.
        devices: how many to use; all by default.
        until, max_seconds: stop after that step, or the first step after so many seconds, with a
            checkpoint, to be resumed.
        progress, callback: see :func:`run_many`.

    Returns:
        The results, one for each seed.

    Raises:
        ValueError: what makes no run; a folder in use, of another configuration or version.
        Stopped: by ``until``, ``max_seconds`` or SIGTERM.
        NonFiniteLoss: no run has a finite loss; the last good checkpoint stays.
        OSError: the folder cannot be written; the checkpoints before stay.
    """
    count = 1 if seeds is None else check_integer("seeds", seeds, 1)
    configs = [dataclasses.replace(config, seed=config.seed + i) for i in range(count)]
    limits = Limits(until, max_seconds)
    groups = make_groups(configs, devices)
    if len(groups) > 1:
        raise ValueError(
            f"{count} seeds give data of different shapes, which one program cannot hold; train "
            "them one by one, or give the data a seed of its own"
        )
    group = groups[0][0]
    if out is None:
        return _Loop(group, None, limits, progress, callback).run()
    document = {"runs": [to_dict(each) for each in configs]} if count > 1 else to_dict(config)
    with RunFolder.start(out, "train", document, resume=resume) as folder:
        results = _Loop(group, folder, limits, progress, callback).run()
        folder.write_json("result.json", {"runs": [each.to_dict() for each in results]})
    return results


@dataclass(eq=False)
class _Loop:
    """The loop over one group's steps; a folder makes it resumable."""

    group: Group
    folder: RunFolder | None
    limits: Limits
    progress: Progress | None
    callback: Callback | None
    history: list[dict[str, Any]] = field(default_factory=list)
    # Of all attempts, and of those before this one.
    seconds: float = 0.0
    before: float = 0.0

    def run(self) -> list[TrainResult]:
        """From the last checkpoint, or the beginning, to the last step."""
        program, hyper, config = self.group.program, self.group.hyper, self.group.configs[0]
        state, done = self._first_state()
        total, began = program.total_steps, time.perf_counter() - self.seconds
        order, epoch = None, -1
        with stop_on_sigterm() as signal:
            while done < total:
                if program.num_samples is not None and epoch != done // program.steps_per_epoch:
                    epoch = done // program.steps_per_epoch
                    order = program.order(hyper, np.int32(epoch))
                state, loss = self.group.advance(state, order)
                done += 1
                self.seconds = time.perf_counter() - began
                if done % config.log_every == 0 or done == total:
                    self._log(state, done, loss)
                if _is_due(config.evaluation.every, done) and done < total:
                    self._evaluate(state, done)
                if _is_due(config.checkpoint_every, done) or done == total:
                    self._save(state, done)
                if done < total:
                    self._stop_if_asked(state, done, signal.requested)
        return self._evaluate(state, done)

    # --- State and checkpoints

    def _first_state(self) -> tuple[State, int]:
        group = self.group
        if self.folder is not None:
            like = jax.eval_shape(group.program.init, group.hyper)
            found = load_latest(self.folder.checkpoints, like)
            # The log of steps that are done again would stand there twice.
            self.folder.trim_log(0 if found is None else found.step)
            if found is not None:
                self.history = self.folder.read_log()
                self.seconds = self.before = found.meta["seconds"]
                mesh, split = group.program.mesh, group.several
                return place(found.state, mesh, split=split), found.step
        return group.program.init(group.hyper), 0

    def _save(self, state: State, done: int) -> None:
        if self.folder is None:
            return
        self._check_finite(state, done)
        host = jax.device_get(state)
        if jax.process_index() == 0:
            save_checkpoint(self.folder.checkpoints, done, host, {"seconds": self.seconds})

    def _stop_if_asked(self, state: State, done: int, terminated: bool) -> None:
        """Save and raise Stopped where a limit is reached or SIGTERM came."""
        until, most = self.limits.until, self.limits.max_seconds
        if terminated:
            why = "stopped by SIGTERM"
        elif until is not None and done >= until:
            why = "stopped as asked"
        elif most is not None and self.seconds - self.before >= most:
            why = f"stopped when {most:g} seconds were over"
        else:
            return
        self._save(state, done)
        folder = None if self.folder is None else self.folder.path
        raise Stopped(done, self.group.program.total_steps, why, folder)

    # --- What is found on the way

    def _log(self, state: State, done: int, loss: jax.Array) -> None:
        self._check_finite(state, done)
        values = np.asarray(loss, np.float64)
        record = {"step": done, "loss": _json_numbers(values), "seconds": round(self.seconds, 3)}
        self._record(record)
        if self.progress is not None:
            self.progress(done, self.group.program.total_steps, float(np.nanmean(values)))

    def _check_finite(self, state: State, done: int) -> None:
        """NonFiniteLoss if no run has a finite loss, or a lone one's parameters are not finite."""
        bad = np.atleast_1d(jax.device_get(state["bad_step"]))
        if (bad == NEVER).any() and (self.group.several or _all_finite(state["params"])):
            return
        last = None if self.folder is None else self.folder.last_checkpoint()
        raise NonFiniteLoss(_advice(int(bad.max()) if (bad != NEVER).all() else done, last))

    def _evaluate(self, state: State, done: int) -> list[TrainResult]:
        """The runs as they are now; evaluated, unless the log of a resumed run has it already."""
        params, stats, bad = jax.device_get((state["params"], state["stats"], state["bad_step"]))
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
        results = [
            self._result(index, done, params, stats, each, int(bad[index]))
            for index, each in enumerate(found)
        ]
        if self.callback is not None:
            self.callback(done, results)
        return results

    def _judge(self, index: int, params: Any, stats: Any) -> dict[str, Any]:
        group = self.group
        own = group.member((params, stats), index)
        config = group.configs[index].evaluation
        return evaluate(group.program.network, *own, group.problems[index].evaluation, config)

    def _result(
        self, index: int, done: int, params: Any, stats: Any, found: Any, bad: int
    ) -> TrainResult:
        own_params, own_stats = self.group.member((params, stats), index)
        return TrainResult(
            config=self.group.configs[index],
            step=done,
            history=tuple(_of_member(record, index, self.group.several) for record in self.history),
            evaluation=found,
            params=own_params,
            stats=own_stats,
            network=self.group.program.network,
            seconds=self.seconds,
            diverged_at=None if bad == NEVER else bad,
        )

    def _record(self, record: dict[str, Any]) -> None:
        self.history.append(record)
        if self.folder is not None and jax.process_index() == 0:
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
