"""The distribution over all pairs against all pairs in a matrix, and over samples against it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dctheory.diagnose import PartialSums, similarity_distribution
from dctheory.diagnose._pair_counts import count_pairs
from dctheory.diagnose.distribution import distribution_of, sample_size

N = 500
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, N)
ROWS = 0.5 + RNG.normal(size=(4, 6))[LABELS] + RNG.normal(size=(N, 6))
DIFFICULT = RNG.random(N) < 0.2
KINDS = ("all", "same class", "cross-class", "difficult")


def cosines(rows: np.ndarray = ROWS) -> dict[str, np.ndarray]:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    i, j = np.triu_indices(len(rows), 1)
    values = np.einsum("ij,ij->i", unit[i], unit[j])
    cross = LABELS[i] != LABELS[j]
    hard = cross & DIFFICULT[i] & DIFFICULT[j]
    masks = (np.ones_like(cross), ~cross, cross, hard)
    return {kind: values[mask] for kind, mask in zip(KINDS, masks, strict=True)}


@pytest.mark.parametrize("strip", [1, 700, 2**18])
def test_counts_are_those_of_all_pairs(strip: int, monkeypatch) -> None:
    monkeypatch.setattr("dctheory.diagnose._pair_counts._STRIP", strip)
    found = similarity_distribution(ROWS, LABELS, DIFFICULT, bins=50)
    assert found.exact
    assert found.kinds == KINDS
    for kind, values in cosines().items():
        assert found.pairs(kind) == len(values)
        expected, _ = np.histogram(values, found.edges)
        # A float32 product may fall on the other side of an edge.
        assert np.abs(found.counts[kind] - expected).sum() <= 4
        assert found.mean(kind) == pytest.approx(values.mean(), abs=1e-12)
        centred = found.centres[np.digitize(values, found.edges) - 1]
        assert found.std(kind) == pytest.approx(centred.std(), abs=1e-4)
        assert found.density(kind).sum() * 0.04 == pytest.approx(1)


@pytest.mark.parametrize("q", [0, 0.1, 10, 37.5, 50, 90, 100])
def test_percentiles_are_in_descending_order_and_within_a_bin(q: float) -> None:
    found = similarity_distribution(ROWS, LABELS, DIFFICULT, bins=4000)
    for kind, values in cosines().items():
        reached = np.sort(values)[::-1][max(0, math.ceil(q * len(values) / 100) - 1)]
        assert found.percentile(q, kind) == pytest.approx(reached, abs=2 / 4000 + 1e-6)
        assert found.standard_error(q, kind) == 0
    assert found.percentile(10) > found.percentile(90)


def test_without_labels_there_is_one_kind() -> None:
    assert similarity_distribution(ROWS).kinds == ("all",)
    assert similarity_distribution(ROWS, LABELS).kinds == KINDS[:3]


@pytest.mark.parametrize("rows", [2, 3, 33, 100])
def test_small_sets(rows: int) -> None:
    found = similarity_distribution(ROWS[:rows])
    assert found.pairs() == rows * (rows - 1) // 2


def test_cosines_of_one_and_minus_one_are_counted() -> None:
    found = similarity_distribution([[1, 2], [2, 4], [-3, -6]], bins=10)
    assert found.counts["all"].tolist() == [2, *[0] * 8, 1]
    assert found.percentile(0) == 1
    assert found.percentile(100) == -1


def test_kinds_without_a_pair_have_no_percentile() -> None:
    found = similarity_distribution(ROWS[:4], [0, 1, 2, 3], np.zeros(4, bool))
    for kind in ("same class", "difficult"):
        values = (found.mean(kind), found.std(kind), found.percentile(50, kind))
        assert all(math.isnan(value) for value in values)
        assert not found.density(kind).any()
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["percentiles"]["same class"]["50"] is None


# --- Samples of rows


def test_larger_sets_are_sampled_within_the_work() -> None:
    work = 4000 * (6 + 256)
    found = similarity_distribution(ROWS, LABELS, DIFFICULT, work=work, seed=1)
    assert found.sampled == sample_size(6, work) == math.isqrt(8000)
    assert found.pairs() <= 4000
    assert not found.exact
    for kind, values in cosines().items():
        assert found.mean(kind) == pytest.approx(values.mean(), abs=1e-12)
    assert f"{found.sampled} random samples of 500" in found.source
    columns = found.quantile_table().columns
    assert columns[:3] == ("q, %", "all", "± all")
    again = similarity_distribution(ROWS, LABELS, DIFFICULT, work=work, seed=1)
    assert again.to_dict() == found.to_dict()
    other = similarity_distribution(ROWS, LABELS, DIFFICULT, work=work, seed=2)
    assert other.percentile(50) != found.percentile(50)


@pytest.fixture(scope="module")
def draws() -> list:
    work = 20_000 * (6 + 256)
    return [
        similarity_distribution(ROWS, LABELS, DIFFICULT, work=work, seed=seed) for seed in range(40)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_standard_errors_are_the_spread_over_samples(kind: str, draws: list) -> None:
    runs, q = draws, 50
    assert runs[0].sampled == 200
    spread = np.std([run.percentile(q, kind) for run in runs], ddof=1)
    stated = math.sqrt(np.mean([run.standard_error(q, kind) ** 2 for run in runs]))
    # A standard deviation over 40 draws is known to 11 %; the jackknife of a median that few
    # groups move is a little too large.
    assert 0.7 < stated / spread < 1.6
    exact = similarity_distribution(ROWS, LABELS, DIFFICULT).percentile(q, kind)
    mean = np.mean([run.percentile(q, kind) for run in runs])
    assert mean == pytest.approx(exact, abs=4 * spread / math.sqrt(40) + 5e-4)


def test_partial_fits_have_the_distribution_of_their_sample() -> None:
    whole = PartialSums(sample=100, seed=3).update(ROWS, LABELS, DIFFICULT)
    halves = PartialSums(sample=100, seed=3).update(
        ROWS[250:], LABELS[250:], DIFFICULT[250:], first_row=250
    )
    halves.merge(PartialSums(sample=100, seed=3).update(ROWS[:250], LABELS[:250], DIFFICULT[:250]))
    one, other = distribution_of(whole), distribution_of(halves)
    assert one.sampled == 100
    assert all(np.array_equal(one.counts[kind], other.counts[kind]) for kind in KINDS)
    assert distribution_of(whole, work=1000 * (6 + 256)).sampled == math.isqrt(2000)


def test_groups_hold_the_pairs_that_touch_them() -> None:
    sample = PartialSums(sample=40).update(ROWS, LABELS, DIFFICULT).sample()
    found = count_pairs(sample, 3, 20, 7, None)
    unit = sample.rows.astype(float)
    starts = np.linspace(0, 40, 8).astype(int)
    i, j = np.triu_indices(40, 1)
    values = np.einsum("ij,ij->i", unit[i], unit[j])
    for group in range(7):
        inside = (starts[group] <= np.stack([i, j])) & (np.stack([i, j]) < starts[group + 1])
        touching, _ = np.histogram(values[inside.any(axis=0)], np.linspace(-1, 1, 21))
        assert found[group, 0].tolist() == touching.tolist()


def test_progress_reaches_its_end() -> None:
    seen: list[tuple[int, int]] = []
    similarity_distribution(ROWS, progress=lambda done, total, what: seen.append((done, total)))
    assert seen == [(done, 32 * 33 // 2) for done in range(1, 32 * 33 // 2 + 1)]


def test_rendering() -> None:
    found = similarity_distribution(ROWS, LABELS, DIFFICULT, bins=100)
    assert "cross-class" in str(found)
    assert "all 124,750 pairs of 500 samples" in repr(found)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert len(document["edges"]) == len(document["counts"]["all"]) + 1
    assert sum(document["counts"]["all"]) == N * (N - 1) // 2
    assert document["counts"]["all"][0] > 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"difficult": DIFFICULT}, ValueError, "pass labels too"),
        ({"bins": 1}, ValueError, "bins must be between 2 and 100000"),
        ({"work": 0}, ValueError, "work must lie in"),
        ({"work": "much"}, TypeError, "work must be a real number"),
        ({"labels": LABELS[:-1]}, ValueError, r"labels must have the shape \(500,\)"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"embeddings": ROWS[:1]}, ValueError, "1 sample"),
        ({"embeddings": ROWS[0]}, ValueError, "two-dimensional"),
        ({"embeddings": np.where(ROWS[7, 2] == ROWS, np.nan, ROWS)}, ValueError, "row 7 holds NaN"),
    ],
)
def test_bad_input(arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        similarity_distribution(**{"embeddings": ROWS} | arguments)


def test_bad_questions() -> None:
    found = similarity_distribution(ROWS)
    with pytest.raises(ValueError, match="q must lie in"):
        found.percentile(101)
    with pytest.raises(ValueError, match="unknown kind 'same'"):
        found.percentile(50, "same")


MEASURE = """
import sys
import numpy as np, scipy.sparse, threadpoolctl
from dctheory.diagnose import similarity_distribution

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

embeddings = np.load(sys.argv[1], mmap_mode="r")
before = peak()
similarity_distribution(embeddings, np.arange(200_000) % 10, work=2e9)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as Linux reports it")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(200_000, 128))
    for start in range(0, 200_000, 50_000):
        file[start : start + 50_000] = 1 + np.arange(50_000, dtype=np.float32)[:, None] % 7
        file[start : start + 50_000, 0] = 20
    file.flush()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", MEASURE, str(path)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    # 102 MB on disk; 3,200 rows are held, and a few numbers for each row.
    assert os.path.getsize(path) > 100e6
    assert int(result.stdout) < 60e6
