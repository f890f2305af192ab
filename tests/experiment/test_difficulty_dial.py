"""The dial's conclusions from records that are made up, so that every outcome is known."""

from dataclasses import replace

import pytest

from dctheory.experiment import run_experiment
from dctheory.experiment._arm_tables import PointResult
from dctheory.experiment._arms import CANDIDATES, LONGER, METHODS, ORACLE, WITH, WITHOUT
from dctheory.experiment._base import Analysis
from dctheory.experiment._effects import SMALLER
from dctheory.experiment.difficulty_dial import (
    EXPERIMENT,
    DialSettings,
    analyse,
    lines,
    make_tasks,
)
from dctheory.experiment.infonce_transfer import EXPERIMENT as TRANSFER
from dctheory.experiment.infonce_transfer import TransferSettings
from dctheory.experiment.infonce_transfer import analyse as analyse_transfer
from dctheory.experiment.infonce_transfer import make_tasks as transfer_tasks

SETTINGS = DialSettings(
    seeds=6, points=((5, 0.0, 40), (5, 0.3, 40), (5, 0.45, 40)), epsilons=(), samples=()
)
BETTER = {WITHOUT: 0.1, WITH: 0.3, ORACLE: 0.2, "removal": 0.2, "margin": 0.25}
BETTER |= {"temperature": 0.25, "combined": 0.22}


def records(point, errors, longer=False):
    """What a task returns: an arm's error in every kind, with a scatter that arms share."""
    arms = (*point.arms, *((LONGER,) if longer else ()))
    runs = []
    for arm in arms:
        for seed in range(6):
            error = errors.get(arm, errors[WITH]) + 0.001 * seed
            kinds = dict.fromkeys(("error", "easy", "difficult"), error)
            runs.append({"arm": arm, "seed": seed, "warning": None, **kinds})
    search = [
        {"arm": arm, "values": values, "error": 0.3, "chosen": index == 0}
        for arm, tried in CANDIDATES.items()
        for index, values in enumerate(tried)
    ]
    return {"search": search, "runs": runs}


def dialled(errors=BETTER, settings=SETTINGS) -> Analysis:
    """The analysis where errors grow with the distance, arms in the same order everywhere."""
    results = {}
    for point in settings.dial:
        grown = {arm: error * (0.4 + point.distance) for arm, error in errors.items()}
        results[point.name] = records(point, grown, longer=point.distance == 0.3)
    return analyse(settings, results)


def outcomes(analysis, *parts):
    return [each.agrees for each in analysis.comparisons if all(p in each.name for p in parts)]


# --- Difficulty


def test_errors_that_follow_the_bounds_agree():
    found = dialled()
    assert outcomes(found, "without difficult") == [True] * 4
    assert outcomes(found, "after removal by the oracle") == [True] * 2
    removals = [each for each in found.comparisons if "after removal" in each.name]
    assert {(each.prediction, each.measured) for each in removals} == {(SMALLER, SMALLER)}
    assert outcomes(found, "order of the remedies", "γ − β = 0.0") == [True] * 3
    assert outcomes(found, "twice the steps") == [True]
    assert outcomes(found, "along γ − β") == [True, True]


def test_errors_against_the_bounds_disagree():
    found = dialled({**BETTER, WITHOUT: 0.4, ORACLE: 0.5, "removal": 0.5})
    assert outcomes(found, "without difficult") == [False] * 4
    assert outcomes(found, "after removal by the oracle") == [False] * 2
    assert False in outcomes(found, "order of the remedies")


def test_equal_errors_disagree_with_bounds_that_differ():
    found = dialled(dict.fromkeys(BETTER, 0.3))
    assert outcomes(found, "without difficult") == [False] * 4
    assert set(outcomes(found, "order of the remedies")) == {None}


def test_findings_have_the_numbers():
    first, vacuous, *rest = dialled().findings
    # The means of both are 0.85 · (0.3 − 0.1) at the largest distance.
    assert "+0.170 [+0.170, +0.170]" in first
    assert "(2 larger)" in first
    assert "vacuous at 3 of 3 points" in vacuous
    oracle = rest[0]
    assert "smaller at 2, larger at 0 of 2 points" in oracle
    assert "its bound is smaller at 2, larger at 0" in oracle
    worse = dialled({**BETTER, ORACLE: 0.4}).findings[2]
    assert "smaller at 0, larger at 2 of 2 points" in worse


def test_the_control_says_what_a_remedy_gains_without_difficult_examples():
    (control,) = [each for each in dialled().findings if "nothing is difficult" in each]
    # 0.4 and 0.85 times (0.2 − 0.3).
    assert "removal -0.040 [-0.040, -0.040] without, -0.085 [-0.085, -0.085] with them" in control


def test_dials_are_lines_of_three_points_in_order():
    settings = replace(
        SETTINGS, points=((5, 0.45, 40), (5, 0.0, 40), (5, 0.3, 40), (4, 0.3, 40), (8, 0.3, 40))
    )
    found = [PointResult(settings, point, [], []) for point in settings.dial]
    dials = lines(found)
    assert {
        name: [(each.point.k, each.point.distance) for each in line] for name, line in dials.items()
    } == {
        "along γ − β at k 5, difficult 40": [(5, 0.0), (5, 0.3), (5, 0.45)],
        "along k at distance 0.3, difficult 40": [(4, 0.3), (5, 0.3), (8, 0.3)],
    }


def test_runs_above_the_bound_of_their_features_are_shown():
    results = {point.name: records(point, BETTER) for point in SETTINGS.dial}
    results[SETTINGS.dial[1].name]["runs"][0]["warning"] = "seed 0: the error exceeds the bound"
    found = analyse(SETTINGS, results)
    assert len(found.warnings) == 1
    assert "exceeds" in found.warnings[0]


# --- Tasks


@pytest.mark.parametrize("preset", ["smoke", "cpu", "gpu", "paper"])
def test_every_preset_makes_tasks_of_its_own_names(preset):
    for experiment, tasks in ((EXPERIMENT, make_tasks), (TRANSFER, transfer_tasks)):
        settings = experiment.presets[preset]
        names = [task.name for task in tasks(settings, tuple(range(settings.seeds)), None)]
        assert len(set(names)) == len(names) > 0


def test_points_that_have_no_family_are_refused_before_anything_runs():
    with pytest.raises(ValueError, match="difficult"):
        make_tasks(replace(SETTINGS, points=((5, 0.3, 100),)), (0,), None)
    with pytest.raises(ValueError, match="distance"):
        make_tasks(replace(SETTINGS, points=((5, 1.3, 40),)), (0,), None)
    with pytest.raises(ValueError, match="epsilons"):
        replace(SETTINGS, epsilons=(-0.1,))


# --- Transfer


TRANSFERRED = TransferSettings(seeds=6)


def transferred(infonce):
    results = {
        point.name: records(point, errors)
        for pair in TRANSFERRED.pairs
        for point, errors in zip(pair, (BETTER, infonce), strict=True)
    }
    return analyse_transfer(TRANSFERRED, results)


def test_the_same_errors_transfer():
    found = transferred(BETTER)
    assert set(outcomes(found, "as the spectral loss")) == {True}
    assert "7 are decided under both losses, 7 of them alike" in found.findings[0]
    assert [row["spectral"] for row in found.tables["effects"].rows] == [
        row["InfoNCE"] for row in found.tables["effects"].rows
    ]


def test_opposite_errors_do_not_transfer():
    turned = {arm: 0.6 - error for arm, error in BETTER.items()}
    found = transferred(turned)
    assert set(outcomes(found, "as the spectral loss")) == {False}
    assert "0 of them alike (none) and 7 not" in found.findings[0]


def test_what_the_spectral_loss_leaves_open_stays_open():
    results = {point.name: records(point, BETTER) for pair in TRANSFERRED.pairs for point in pair}
    arms = list(BETTER)
    for run in results[TRANSFERRED.pairs[0][0].name]["runs"]:
        # Differences of mean 0 that no interval tells from it.
        error = 0.3 + 0.1 * (-1) ** run["seed"] * arms.index(run["arm"])
        run |= dict.fromkeys(("error", "easy"), error)
    found = analyse_transfer(TRANSFERRED, results)
    assert set(outcomes(found, "as the spectral loss")) == {None}
    assert True in outcomes(found, "as the bound")


def test_transfer_needs_difficult_examples():
    with pytest.raises(ValueError, match="distance above 0"):
        TransferSettings(points=((4, 0.0, 40),))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["difficulty-dial", "infonce-transfer"])
def test_smoke(name):
    found = run_experiment(name, "smoke")
    assert {each.agrees for each in found.comparisons} == {None}
    for row in found.tables["errors"].rows:
        assert 0 <= row["error"] <= 1
    arms = {row["arm"] for row in found.tables["errors"].rows}
    assert arms == {WITHOUT, WITH, ORACLE, *METHODS}
