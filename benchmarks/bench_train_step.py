"""A SimCLR training step against PyTorch: same network, weights, views, loss and optimizer.

NT-Xent with τ = 0.5, SGD with momentum. The two take turns, so that what else runs on the machine
slows both.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import optax

from dctheory.contrast import info_nce
from dctheory.train.config import ModelConfig, OptimizerConfig
from dctheory.train.networks import make_network
from dctheory.train.optimizers import make_optimizer

TEMPERATURE = 0.5
OPTIMIZER = OptimizerConfig(schedule="constant")
ROUNDS = 5
# Of the first losses, relative; bfloat16 has eight bits.
TOLERANCES = {"float32": 1e-4, "bfloat16": 2e-2}


def run(quick: bool) -> list[dict[str, Any]]:
    """Seconds of a step of ResNet-18 at CIFAR's size and of the small encoder at the digits'."""
    width = 16 if quick else 64
    resnet = ModelConfig(kind="resnet18", width=width, features=8 * width, projector=128)
    convnet = ModelConfig(kind="convnet", width=32, depth=3, features=128, projector=64)
    rows = []
    for precision in TOLERANCES:
        rows += _rows(resnet, (32, 32, 3), 128, precision, quick)
        rows += _rows(convnet, (8, 8, 1), 512, precision, quick)
    return rows


def _rows(
    model: ModelConfig, shape: tuple[int, ...], views: int, precision: str, quick: bool
) -> list[dict[str, Any]]:
    network = make_network(model, shape, precision)
    params, stats = jax.jit(network.init)(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (views, *shape))
    start = jax.tree.map(np.asarray, params)
    steps = {"": _ours(network, params, stats, x)}
    first = {"": steps[""]()}
    notes = {}
    for name, compiled in (("PyTorch eager", False), ("PyTorch compiled", True)):
        if quick and compiled:
            continue
        try:
            steps[name] = _torch(start, x, precision, compiled)
            first[name] = steps[name]()
        # torch.compile needs a C++ compiler.
        except (ImportError, RuntimeError) as error:
            steps.pop(name, None)
            notes[name] = f"{name}: {str(error).splitlines()[0]}"
    seconds = _take_turns(steps)
    title = f"{model.kind}, width {model.width}, {views} views of {'×'.join(map(str, shape))}"
    row = {"name": f"SimCLR step, {title}, {precision}", "unit": "s", "ours": seconds.pop("")}
    found = [row | {"peer": None, "peer_name": None, "note": note} for note in notes.values()]
    for name, peer in seconds.items():
        difference = abs(first[name] / first[""] - 1)
        if not difference < TOLERANCES[precision]:
            raise RuntimeError(f"{title}: ours and {name} disagree by {difference:.1e}")
        load = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"
        note = f"the first losses differ by {difference:.1e} (relative); {load}"
        found.append(row | {"peer": peer, "peer_name": name, "note": note})
    return found


def _ours(network: Any, params: Any, stats: Any, x: jax.Array) -> Callable[[], float]:
    optimizer = make_optimizer(OPTIMIZER, total_steps=1)
    half = len(x) // 2

    @partial(jax.jit, donate_argnums=0)
    def update(state: Any) -> Any:
        params, stats, moments = state

        def loss(params: Any) -> Any:
            _, z, new = network.apply(params, stats, x, True)
            return info_nce(z[:half], z[half:], TEMPERATURE), new

        (value, new), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        updates, moments = optimizer.update(gradient, moments, params)
        return (optax.apply_updates(params, updates), new, moments), value

    state = params, stats, optimizer.init(params)

    def step() -> float:
        nonlocal state
        state, value = update(state)
        jax.block_until_ready(state)
        return float(value)

    return step


def _torch(params: Any, x: jax.Array, precision: str, compiled: bool) -> Callable[[], float]:
    from torch_simclr import simclr_step

    numbers = OPTIMIZER.learning_rate, OPTIMIZER.momentum, OPTIMIZER.weight_decay
    return simclr_step(
        params, x, TEMPERATURE, *numbers, bfloat16=precision == "bfloat16", compiled=compiled
    )


def _take_turns(steps: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Median seconds of each, after the first call, that compiles, and a round not counted."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(each[1:])) for name, each in times.items()}
