"""Batch sizes: as many samples seen, what is selected counted pair by pair, and its predictions."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from dctheory.experiment import run_experiment
from dctheory.experiment._arms import LOSSES, WITH
from dctheory.experiment._batches import (
    ARMS,
    SHARES,
    BatchSettings,
    _shares,
    count_pairs,
    perfect_share,
    random_shares,
)
from dctheory.experiment.batch_size import BatchResult, analyse

SETTINGS = BatchSettings(
    seeds=4, classes=3, per_class=10, difficult=4, sizes=(5, 15), batch_size=5, k=3, drawn=30
)


# --- What is run


def test_every_size_sees_as_many_samples_at_the_scaled_rate():
    settings = BatchSettings()
    runs = [settings.sized("infonce", size, WITH, 0) for size in (16, 64, 256)]
    assert {run.steps * run.batch_size for run in runs} == {600 * 64}
    rates = [run.optimizer.learning_rate for run in runs]
    assert rates == pytest.approx([0.005, 0.01, 0.02])


def test_all_arms_select_by_the_same_percentiles():
    found = {
        (run.objective.pos_high, run.objective.pos_low)
        for arm in ARMS
        for run in [SETTINGS.sized("spectral", 5, arm, 0)]
    }
    assert found == {(100 / 3, 50.0)}


@pytest.mark.parametrize(
    ("wrong", "name"),
    [({"sizes": (6,)}, "batch_size"), ({"sizes": (5, 31)}, "sizes"), ({"drawn": 3}, "drawn")],
)
def test_settings_that_are_refused(wrong, name):
    with pytest.raises(ValueError, match=name):
        replace(SETTINGS, **wrong)


# --- What is counted


def test_pairs_are_counted_one_by_one():
    rng = np.random.default_rng(0)
    chosen, labels = rng.random((9, 9)) < 0.5, rng.integers(0, 3, 9)
    difficult = rng.random(9) < 0.4
    counts = np.zeros(4, int)
    for i, j in np.argwhere(chosen):
        cross = labels[i] != labels[j]
        hard = int(difficult[i]) + int(difficult[j])
        counts += [1, cross, cross and hard == 2, cross and hard >= 1]
    np.testing.assert_array_equal(count_pairs(chosen, labels, difficult), counts)


@pytest.mark.parametrize("size", [5, 15])
def test_a_perfect_ranking_by_simulation(size):
    """A ranking that puts same-class views first, in the order that Eq. 12 counts in."""
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(3), 10)
    first, last = math.ceil((2 * size - 2) / 3), size - 1
    wrong = []
    for _ in range(4000):
        batch = rng.choice(labels, size, replace=False)
        same = 2 * (np.sum(batch == batch[0]) - 1)
        ranks = np.arange(1, 2 * size - 1)
        window = (ranks > first) & (ranks <= last)
        wrong.append(np.mean(ranks[window] <= same))
    error = 4 * np.std(wrong) / math.sqrt(len(wrong))
    assert perfect_share(SETTINGS, size) == pytest.approx(1 - np.mean(wrong), abs=error)


def test_what_an_encoder_selects_that_ranks_perfectly():
    # Almost without variation the points themselves rank perfectly, and no two pairs tie.
    settings = replace(SETTINGS, spread=1e-3, noise=1e-3, distance=0.01, drawn=1500)
    run = SimpleNamespace(
        config=settings.sized("spectral", 15, "margin", 0),
        evaluation={},
        features=lambda inputs: np.asarray(inputs),
    )
    found = _shares(settings, run, "margin")
    assert list(found) == ["15"]
    assert found["15"][0] == pytest.approx(perfect_share(settings, 15), abs=0.02)
    assert _shares(settings, SimpleNamespace(evaluation=None), WITH) is None


def test_the_share_of_difficult_pairs_by_enumeration():
    labels, difficult = np.repeat(np.arange(3), 10), np.tile(np.arange(10) < 4, 3)
    every = ~np.eye(30, dtype=bool)
    counts = count_pairs(every, labels, difficult)
    by_hand = dict(zip(SHARES, counts[1:] / counts[0], strict=True))
    assert random_shares(SETTINGS) == pytest.approx(by_hand)


# --- What is concluded


def results(change=0.0, cross=0.9, hard=0.5):
    """Records of every task; the larger batch changes each error by ``change``."""
    found = {}
    for loss in LOSSES:
        for size in SETTINGS.sizes:
            found[f"{loss}-batch{size}"] = {
                "runs": [
                    {
                        **{"arm": arm, "seed": seed, "warning": None, "bound": 2.0},
                        **dict.fromkeys(("easy", "difficult"), 0.2),
                        "error": 0.2 + 0.001 * seed + change * (size == 15),
                        "shares": {
                            str(each): [
                                (cross or perfect_share(SETTINGS, each)) + 0.001 * (seed - 1.5),
                                hard + 0.001 * seed,
                                0.6,
                            ]
                            for each in SETTINGS.sizes
                        },
                    }
                    for arm in ARMS
                    for seed in range(SETTINGS.seeds)
                ]
            }
    return found


def outcomes(analysis, part):
    return {each.agrees for each in analysis.comparisons if part in each.name}


@pytest.mark.parametrize(("change", "agrees"), [(0.0, True), (0.05, False), (-0.05, False)])
def test_an_error_that_changes_disagrees(change, agrees):
    found = analyse(SETTINGS, results(change))
    assert outcomes(found, "error at batch 15") == {agrees}
    assert len([each for each in found.comparisons if "error at batch" in each.name]) == 6


@pytest.mark.parametrize(
    ("cross", "hard", "agree"),
    [
        (0.7, 0.5, (False, True, True)),
        (1.0, 0.01, (False, True, False)),
        (0.5, 0.5, (False, False, True)),
    ],
)
def test_shares_beside_a_perfect_and_a_random_choice(cross, hard, agree):
    found = analyse(SETTINGS, results(cross=cross, hard=hard))
    kinds = ("cross-class, beside a perfect", "cross-class, beside a random", "is difficult")
    assert tuple(outcomes(found, kind) for kind in kinds) == tuple({each} for each in agree)


def test_a_perfect_ranking_agrees():
    found = analyse(SETTINGS, results(cross=None))
    assert outcomes(found, "beside a perfect") == {True}


def test_runs_that_diverged_are_left_out_and_named():
    found = results()
    run = found["spectral-batch5"]["runs"][0]
    run |= {"error": None, "shares": None}
    middle = BatchResult(SETTINGS, "spectral", 5, found["spectral-batch5"]["runs"])
    assert middle.share(WITH, 5, SHARES[0]).count == 3
    assert "1 runs diverged" in analyse(SETTINGS, found).warnings[0]


@pytest.mark.slow
def test_smoke():
    found = run_experiment("batch-size", "smoke")
    assert {each.agrees for each in found.comparisons} == {None}
    rows = found.tables["selection"].rows
    assert len(rows) == 7
    for row in rows:
        assert 0 <= row["difficult"] <= row["half difficult"] <= row["cross-class"] <= 1
