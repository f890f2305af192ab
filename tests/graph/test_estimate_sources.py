"""Embeddings and labels from any source: dtypes, lists, views, memory maps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dctheory import estimate_similarities

# Rounding of a few thousand additions.
ROUNDING = 1e-13


def sample(seed: int, num_samples: int = 60) -> tuple:
    """(N, 5) embeddings in one half-space, three classes, a mask, partners of two classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num_samples) % 3
    embeddings = 1 + rng.normal(size=(3, 5))[labels] + rng.normal(size=(num_samples, 5))
    difficult = np.arange(num_samples) % 9 < 3
    return embeddings, labels, difficult, np.where(labels < 2, 3, -1)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int16", "uint8", ">f8"])
def test_any_real_dtype_is_read_as_float64(dtype: str) -> None:
    embeddings, *rest = sample(5)
    given_rows = np.round(np.abs(embeddings) * 20).astype(dtype)
    exact = estimate_similarities(given_rows.astype(np.float64), *rest)
    assert estimate_similarities(given_rows, *rest).to_dict() == exact.to_dict()


def test_lists_views_and_jax_arrays() -> None:
    import jax.numpy as jnp

    embeddings, labels, difficult, partners = sample(6)
    short = embeddings.astype(np.float32)
    expected = estimate_similarities(short, labels, difficult, partners).to_dict()
    lists = [short.tolist(), labels.tolist(), difficult.tolist(), partners.tolist()]
    arrays = [jnp.asarray(part) for part in (short, labels, difficult, partners)]
    views = [np.repeat(short, 2, axis=0)[::2], labels, difficult, partners]
    for twin in (lists, arrays, views):
        assert estimate_similarities(*twin).to_dict() == expected
    rounded = jnp.asarray(short).astype(jnp.bfloat16)
    exact = np.asarray(rounded.astype(jnp.float32))
    assert (
        estimate_similarities(rounded, labels, difficult, partners).to_dict()
        == estimate_similarities(exact, labels, difficult, partners).to_dict()
    )


def test_memory_map_is_read_and_left_alone(tmp_path: Path) -> None:
    data = sample(7, num_samples=300)
    np.save(tmp_path / "rows.npy", data[0])
    expected = estimate_similarities(*data).to_dict()
    for mode in ("r", "r+", "c"):
        mapped = np.load(tmp_path / "rows.npy", mmap_mode=mode)
        if mode == "c":
            mapped[0] *= 2  # a private copy, which must survive reading
        assert estimate_similarities(mapped, *data[1:]).to_dict() == expected
        assert np.array_equal(mapped[1:], data[0][1:])
        assert np.array_equal(mapped[0], data[0][0] * (2 if mode == "c" else 1))
    reversed_map = np.load(tmp_path / "rows.npy", mmap_mode="r")[::-1]
    backwards = estimate_similarities(reversed_map, *(part[::-1] for part in data[1:]))
    assert backwards.alpha == pytest.approx(estimate_similarities(*data).alpha, abs=ROUNDING)


MEASURE = """
import sys
import numpy as np, scipy.sparse
from dctheory import estimate_similarities

def peak():
    # Of this process alone: getrusage's starts from the parent's.
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

labels = np.arange(200_000) % 10
difficult = np.arange(200_000) % 97 < 8
embeddings = np.load(sys.argv[1], mmap_mode="r")
before = peak()
estimate_similarities(embeddings, labels, difficult)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as Linux reports it")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "rows.npy", rng.standard_normal((200_000, 128), dtype=np.float32))
    size = os.path.getsize(tmp_path / "rows.npy")
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": root}
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "rows.npy")]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    # 102 MB on disk; blocks, sampled rows and the labels' copies take about half of that.
    assert size > 100e6
    assert int(result.stdout) < 0.75 * size


def test_labels_may_be_strings() -> None:
    embeddings, labels, difficult, partners = sample(8)
    embeddings = np.abs(embeddings)
    names = np.array(["cat", "dog", "eel"])
    for given_labels in (names[labels], names[labels].astype(object)):
        estimate = estimate_similarities(embeddings, given_labels, difficult, partners)
        assert estimate.classes == ("cat", "dog", "eel")
        assert estimate.alpha == estimate_similarities(embeddings, labels, difficult).alpha
    assert "class dog, easy" in estimate.cell_graph().names
