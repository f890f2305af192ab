"""InfoNCE and the selection of pairs, against optax, PyTorch and jnp.nanquantile.

Memory of compiled functions is what XLA allots to their temporaries; that of the large batch is
the peak of a process that does nothing else.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _memory import peak_bytes

from dctheory.contrast import info_nce, removal, select_pairs, select_thresholds

DIMENSION = 128
TEMPERATURE = 0.2
POS_HIGH, POS_LOW = 10, 100
REPEATS = 5
# optax holds arrays of views × views × dimension: 8 GiB each at 4,096.
OPTAX_LIMIT = 1024


def run(quick: bool) -> list[dict[str, Any]]:
    """Time of value and gradient, and of the selection; memory of the large batch."""
    rows = []
    for views in (256, 1024, 4096):
        rows += _losses(views)
    rows += [_selection(views) for views in (256, 1024)]
    return rows if quick else [*rows, *_large(32_768)]


def _losses(views: int) -> list[dict[str, Any]]:
    z1, z2 = _views(views)
    ours = _with_gradient(lambda z1, z2: info_nce(z1, z2, TEMPERATURE))
    seconds = _median(lambda: ours(z1, z2))
    row = _row(f"InfoNCE, value and gradient, {views:,} × {DIMENSION}", seconds)
    found = []
    for name, peer in (("optax.losses.ntxent", _optax), ("PyTorch", _torch)):
        try:
            theirs = peer(z1, z2)
        except (ImportError, MemoryError) as error:
            found.append(row | {"note": f"{name}: {error}"})
            continue
        difference = abs(float(theirs()) / float(ours(z1, z2)[0]) - 1)
        if not difference < 1e-5:
            raise RuntimeError(f"ours and {name} disagree by {difference:.1e}")
        note = f"the losses differ by {difference:.1e} (relative)"
        found.append(row | {"peer": _median(theirs), "peer_name": name, "note": note})
    return [*found, _memory(views, ours)]


def _memory(views: int, ours: Any) -> dict[str, Any]:
    """Temporaries of both, compiled but not run."""
    row = {"name": f"InfoNCE, temporaries, {views:,} × {DIMENSION}", "unit": "MiB", "note": ""}
    row["ours"] = _temporaries(ours, views)
    try:
        row |= {"peer": _temporaries(_optax_step(views), views), "peer_name": "optax.losses.ntxent"}
    except ImportError as error:
        row["note"] = str(error)
    return row


def _temporaries(step: Any, views: int) -> float:
    shape = jax.ShapeDtypeStruct((views // 2, DIMENSION), jnp.float32)
    return float(step.lower(shape, shape).compile().memory_analysis().temp_size_in_bytes / 2**20)


def _with_gradient(loss: Callable[..., jax.Array]) -> Any:
    return jax.jit(jax.value_and_grad(loss, (0, 1)))


def _optax(z1: jax.Array, z2: jax.Array) -> Callable[[], Any]:
    step = _optax_step(2 * len(z1))
    if 2 * len(z1) > OPTAX_LIMIT:
        raise MemoryError(f"not run above {OPTAX_LIMIT:,} views, see its temporaries")
    return lambda: jax.block_until_ready(step(z1, z2))[0]


def _optax_step(views: int) -> Any:
    import optax

    labels = jnp.tile(jnp.arange(views // 2), 2)

    def loss(z1: jax.Array, z2: jax.Array) -> jax.Array:
        return optax.losses.ntxent(jnp.concatenate([z1, z2]), labels, TEMPERATURE)

    return _with_gradient(loss)


def _torch(z1: jax.Array, z2: jax.Array) -> Callable[[], Any]:
    import torch

    first, second = (torch.tensor(np.asarray(each), requires_grad=True) for each in (z1, z2))
    size = len(z1)
    positives = torch.cat([torch.arange(size, 2 * size), torch.arange(size)])

    def step() -> Any:
        first.grad = second.grad = None
        z = torch.nn.functional.normalize(torch.cat([first, second]))
        logits = (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf)
        loss = torch.nn.functional.cross_entropy(logits, positives)
        loss.backward()
        return loss.detach()

    return step


def _selection(views: int) -> dict[str, Any]:
    features = jnp.concatenate(_views(views))
    ours = jax.jit(lambda features: select_pairs(features, POS_HIGH, POS_LOW))

    def by_quantile(features: jax.Array) -> jax.Array:
        unit = features / jnp.linalg.norm(features, axis=1, keepdims=True)
        cosine = unit @ unit.T
        index = jnp.arange(views)
        out = (index == index[:, None]) | (index == (index[:, None] + views // 2) % views)
        cosine = jnp.where(out, jnp.nan, cosine)
        share = jnp.array([1 - POS_HIGH / 100, 1 - POS_LOW / 100])
        high, low = jnp.nanquantile(cosine, share, axis=1)
        return (cosine >= low[:, None]) & (cosine < high[:, None])

    theirs = jax.jit(by_quantile)
    both = np.asarray(ours(features)), np.asarray(theirs(features))
    # The two define percentiles between two entries differently: at most one pair of a row.
    difference = int(np.max(np.abs(both[0].sum(1) - both[1].sum(1))))
    if difference > 1:
        raise RuntimeError(f"the two selections differ by {difference} pairs in a row")
    return _row(f"selected pairs, {views:,} × {DIMENSION}", _median(lambda: ours(features))) | {
        "peer": _median(lambda: theirs(features), 3),
        "peer_name": "jnp.nanquantile",
        "note": f"pairs of a row differ by at most {difference}",
    }


def _large(views: int) -> list[dict[str, Any]]:
    """Removal by thresholds with a batch whose matrix of pairs would take 4 GiB."""
    command = [sys.executable, __file__, str(views)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    selection, loss, before, after = (float(each) for each in output.split())
    name = f"{views:,} × {DIMENSION}"
    note = f"the matrix of pairs alone would take {4 * views**2 / 2**30:.3g} GiB"
    return [
        _row(f"thresholds, {name}, compilation included", selection),
        _row(f"InfoNCE with removal, value and gradient, {name}, compilation included", loss),
        {
            **_row(f"both, peak memory of the process, {name}", after, note),
            "unit": "GiB",
            "note": f"{note}; {before:.3g} GiB before",
        },
    ]


def _large_process(views: int) -> None:
    """Print seconds of selection and of the loss, and peak memory before and after, in GiB."""
    z1, z2 = _views(views)
    features = jnp.concatenate([z1, z2])
    before = peak_bytes() / 2**30
    start = time.perf_counter()
    select = jax.jit(lambda features: select_thresholds(features, POS_HIGH, POS_LOW))
    thresholds = jax.block_until_ready(select(features))
    middle = time.perf_counter()

    def loss(z1: jax.Array, z2: jax.Array, thresholds: Any) -> jax.Array:
        return info_nce(z1, z2, TEMPERATURE, removal(thresholds))

    value, _ = jax.block_until_ready(jax.jit(jax.value_and_grad(loss, (0, 1)))(z1, z2, thresholds))
    end = time.perf_counter()
    if not np.isfinite(value):
        raise RuntimeError(f"the loss is {value}")
    print(middle - start, end - middle, before, peak_bytes() / 2**30)


def _views(views: int) -> tuple[jax.Array, jax.Array]:
    first, second = jax.random.normal(jax.random.key(0), (2, views // 2, DIMENSION))
    return first, first + second


def _row(name: str, seconds: float, note: str = "") -> dict[str, Any]:
    return {"name": name, "ours": seconds, "unit": "s", "note": note}


def _median(function: Callable[[], Any], repeats: int = REPEATS) -> float:
    jax.block_until_ready(function())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - start)
    return float(np.median(times))


if __name__ == "__main__":
    _large_process(int(sys.argv[1]))
