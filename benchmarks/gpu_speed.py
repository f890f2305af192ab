"""How close training comes to the accelerator's limit.

    python benchmarks/gpu_speed.py [NAME ...] [--out DIR] [--small]

Each benchmark writes ``DIR/speed-NAME.json`` with ``device``, ``commit``, ``command``, ``seconds``
and its rows, as soon as it is done. ``--small`` tries everything at sizes for a CPU.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dctheory._runs import manifest, write_atomic
from dctheory._table import Table, plain
from dctheory.contrast import info_nce, removal, select_thresholds
from dctheory.data.cifar import CIFAR_AUGMENTATION
from dctheory.experiment.cifar.presets import presets
from dctheory.train.config import TrainConfig
from dctheory.train.networks import make_network
from dctheory.train.objective import make_objective
from dctheory.train.sources import ImageSource
from dctheory.train.step import Program, make_hyper

RESULTS = Path(__file__).resolve().parent / "results" / "gpu"
IMAGES, BATCH, DIMENSION, TARGET = 50_000, 512, 128, 88.26
COLUMNS = ("name", "ours", "unit", "peer", "peer_name", "note")
Rows = list[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is done: at the accelerator's size, or small enough for a CPU."""

    matrix: int = 16_384
    images: int = IMAGES
    batch: int = BATCH
    steps: int = 97
    rounds: int = 5
    views: tuple[int, ...] = (65_536, 262_144)
    preset: str = "gpu"
    epochs: int = 100

    def config(self, **changes: Any) -> TrainConfig:
        """The recipe of the CIFAR experiments."""
        settings = dataclasses.replace(
            presets()[self.preset], batch_size=self.batch, epochs=self.epochs
        )
        return settings.config(changes, 0)


SMALL = Sizes(256, 512, 32, 4, 2, (1024,), "smoke", 1)


# --- The limit, and the training step


def peak(sizes: Sizes) -> Rows:
    """Operations a second of a large bf16 product of matrices."""
    size = sizes.matrix
    keys = jax.random.split(jax.random.key(0))
    a, b = (jax.random.normal(key, (size, size), jnp.bfloat16) for key in keys)
    # Many in one program, so that starting it does not count.
    repeats = 10

    @jax.jit
    def products(a: jax.Array, b: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, repeats, lambda _, x: (x @ b) * (size**-0.5), a)

    seconds = _median(lambda: products(a, b), sizes.rounds) / repeats
    name = f"bf16 product of {size:,} × {size:,} matrices"
    return [_row(name, 2 * size**3 / seconds / 1e12, "TFLOP/s", f"{1e3 * seconds:.3g} ms each")]


def step(sizes: Sizes) -> Rows:
    """A SimCLR step and an epoch, beside the limit; the data is on the device."""
    limit = peak(sizes)[0]["ours"]
    rows = []
    for method in ("baseline", "combined"):
        config = sizes.config(**{"objective.method": method})
        run = _Training(config, sizes.images)
        first = _seconds(partial(run.advance, 1))
        epoch = partial(run.advance, sizes.steps)
        seconds = statistics.median(_seconds(epoch) for _ in range(sizes.rounds)) / sizes.steps
        views = 2 * sizes.batch
        share = run.flops / seconds / 1e12 / limit
        name = f"SimCLR {method}, {config.model.kind}, batch {sizes.batch}, {config.precision}"
        rows += [
            _row(f"{name}: a step", 1e3 * seconds, "ms", f"compiled and first in {first:.3g} s"),
            _row(
                f"{name}: an epoch of {sizes.images:,} images",
                seconds * (sizes.images // sizes.batch),
                "s",
                f"{100 * share:.3g} % of the {limit:.3g} TFLOP/s of a product of matrices",
            ),
            _row(f"{name}: operations for a view", run.flops / views / 1e9, "GFLOP", ""),
        ]
    peak_bytes = _device_peak()
    if peak_bytes is not None:
        rows.append(_row("peak memory of the device", peak_bytes / 2**30, "GiB", ""))
    return rows


class _Training:
    """A run on random images, whose values change no time."""

    def __init__(self, config: TrainConfig, images: int) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (images, 32, 32, 3), np.uint8)
        self.source = ImageSource(
            CIFAR_AUGMENTATION, jnp.asarray(pixels), jnp.arange(images, dtype=jnp.int32)
        )
        self.network = make_network(config.model, (32, 32, 3), config.precision)
        self.program = Program(
            network=self.network,
            objective=make_objective([config.objective]),
            optimizer=config.optimizer,
            momentum=config.objective.momentum,
            batch_size=config.batch_size,
            total_steps=10**6,
            num_samples=images,
        )
        self.hyper = jax.device_put(make_hyper(config))
        self.state = self.program.init(self.hyper)
        self.order = self.program.order(self.hyper, np.int32(0))
        lowered = self._step.lower(self.state, self.source, self.hyper, self.order)
        self.flops = float((lowered.cost_analysis() or {}).get("flops", 0))

    @property
    def _step(self) -> Any:
        return self.program.step(True)

    def advance(self, count: int) -> None:
        for _ in range(count):
            self.state, loss = self._step(self.state, self.source, self.hyper, self.order)
        jax.block_until_ready(loss)


def peer(sizes: Sizes) -> Rows:
    """The same step in PyTorch: compiled, channels-last, bf16, augmentation included."""
    import torch
    from torch_augment import augment
    from torch_simclr import simclr_step

    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = sizes.config()
    ours = _Training(config, sizes.images)
    params = jax.tree.map(np.asarray, ours.state["params"])
    images = np.asarray(ours.source.images[: sizes.batch], np.float32) / 255
    numbers = (getattr(config.optimizer, n) for n in ("learning_rate", "momentum", "weight_decay"))
    theirs = simclr_step(
        *(params, np.concatenate([images, images]), config.objective.temperature, *numbers),
        bfloat16=config.precision == "bfloat16",
        compiled=device == "cuda",
        device=device,
        augment=augment,
    )

    def their_steps() -> None:
        for _ in range(sizes.steps):
            theirs()
        if device == "cuda":
            torch.cuda.synchronize()

    ours.advance(1)
    their_steps()
    # They take turns, so that what else runs on the machine slows both.
    pairs = [
        (_seconds(lambda: ours.advance(sizes.steps)), _seconds(their_steps))
        for _ in range(sizes.rounds)
    ]
    mine, other = (1e3 * statistics.median(each) / sizes.steps for each in zip(*pairs, strict=True))
    name = f"SimCLR step, {config.model.kind}, batch {sizes.batch}, {config.precision}"
    words = "compiled, " if device == "cuda" else ""
    row = _row(f"{name}, augmentation included", mine, "ms", f"ratio {other / mine:.3g}")
    return [row | {"peer": other, "peer_name": f"PyTorch {torch.__version__}, {words}{device}"}]


# --- Large batches, each in a process of its own, whose peak of memory is then its own


def losses(sizes: Sizes) -> Rows:
    """InfoNCE with removal by thresholds, value and gradient, without the matrix of pairs."""
    rows = []
    for views in sizes.views:
        command = [sys.executable, __file__, "--loss-of", str(views)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        selection, loss, memory = json.loads(done.stdout)
        name = f"{views:,} × {DIMENSION} views"
        matrix = f"the matrix of pairs would take {4 * views**2 / 2**30:.3g} GiB"
        rows += [
            _row(f"thresholds of Eq. 12, {name}", selection, "s", ""),
            _row(f"InfoNCE with removal, value and gradient, {name}", loss, "s", ""),
        ]
        if memory is not None:
            rows.append(_row(f"both, peak memory, {name}", memory / 2**30, "GiB", matrix))
    return rows


def _loss_of(views: int) -> tuple[float, float, int | None]:
    """Seconds of the selection and of the loss, and bytes at the peak."""
    first, second = jax.random.normal(jax.random.key(0), (2, views // 2, DIMENSION))
    second += first
    select = jax.jit(lambda features: select_thresholds(features, 10, 100))
    features = jnp.concatenate([first, second])
    thresholds = select(features)

    @jax.jit
    def loss(first: jax.Array, second: jax.Array, thresholds: Any) -> Any:
        def value(first: jax.Array, second: jax.Array) -> jax.Array:
            return info_nce(first, second, 0.2, removal(thresholds))

        return jax.value_and_grad(value, (0, 1))(first, second)

    value, _ = loss(first, second, thresholds)
    if not np.isfinite(value):
        raise RuntimeError(f"the loss of {views:,} views is {value}")
    times = (
        _median(lambda: select(features), 3),
        _median(lambda: loss(first, second, thresholds), 3),
    )
    return *times, _device_peak()


# --- From nothing to the paper's baseline


def target(sizes: Sizes) -> Rows:
    """Seconds from the first step to a linear probe, and what it reaches; on CIFAR-10."""
    from dctheory.data.cifar import load_cifar10
    from dctheory.train.trainer import run_training

    # A download would take longer than the training.
    load_cifar10(download=False)
    config = sizes.config()
    start = time.perf_counter()
    (result,) = run_training(config)
    seconds = time.perf_counter() - start
    reached = 100 * result.evaluation["probe_accuracy"]
    name = f"SimCLR on CIFAR-10 from nothing, {config.epochs} epochs, probe included"
    note = f"probe {reached:.2f} % (the paper's baseline: {TARGET} %)"
    rate = f"rate {config.optimizer.learning_rate:g}, batch {config.batch_size}"
    return [
        _row(name, seconds, "s", f"{note}; {rate}, τ = {config.objective.temperature:g}"),
        _row("of it, training", result.seconds, "s", ""),
    ]


BENCHMARKS: dict[str, Callable[[Sizes], Rows]] = {
    "step": step,
    "peer": peer,
    "losses": losses,
    "target": target,
}


# --- The command


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result files")
    parser.add_argument("--small", action="store_true", help="sizes for a CPU, to try it")
    parser.add_argument("--loss-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.loss_of:
        print(json.dumps(_loss_of(arguments.loss_of)))
        return 0
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    for name in arguments.names or BENCHMARKS:
        began = time.perf_counter()
        rows = BENCHMARKS[name](SMALL if arguments.small else Sizes())
        document = _document(name, rows, time.perf_counter() - began, arguments.small)
        arguments.out.mkdir(parents=True, exist_ok=True)
        write_atomic(arguments.out / f"speed-{name}.json", json.dumps(document, indent=1) + "\n")
        print(Table(COLUMNS, rows, title=name).to_text(), flush=True)
    return 0


def _document(name: str, rows: Rows, seconds: float, small: bool) -> dict[str, Any]:
    origin = manifest()
    del origin["command"]
    return plain(
        {
            "device": jax.devices()[0].device_kind,
            "commit": origin["commit"],
            "command": f"python benchmarks/gpu_speed.py {name}" + " --small" * small,
            "seconds": round(seconds, 1),
            "rows": rows,
            "manifest": origin,
        }
    )


def _row(name: str, ours: float, unit: str, note: str) -> dict[str, Any]:
    return {"name": name, "ours": ours, "unit": unit, "note": note}


def _seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    jax.block_until_ready(function())
    return time.perf_counter() - start


def _median(function: Callable[[], Any], rounds: int) -> float:
    jax.block_until_ready(function())
    return statistics.median(_seconds(function) for _ in range(rounds))


def _device_peak() -> int | None:
    stats = jax.devices()[0].memory_stats()
    return None if stats is None else stats.get("peak_bytes_in_use")


if __name__ == "__main__":
    sys.exit(main())
