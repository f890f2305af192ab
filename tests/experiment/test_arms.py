"""Arms of a point: they differ in what they should, are tuned alike and judged on the same data."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from dctheory.data.sphere import SphereFamily
from dctheory.experiment import _arms
from dctheory.experiment._arm_tables import PointResult, errors_table, search_table
from dctheory.experiment._arms import (
    CANDIDATES,
    LONGER,
    METHODS,
    ORACLE,
    WITH,
    WITHOUT,
    ArmSettings,
    Point,
    difficult_samples,
    measure,
    point_task,
    train_point,
)
from dctheory.train.outcome import NonFiniteLoss
from dctheory.train.problem import make_problem

SETTINGS = ArmSettings(seeds=3, validation_seeds=2, per_class=8, batch_size=4, steps=2, width=4)
POINT = Point("spectral", 4, 0.45, 3)


def config(arm, choice=None, seed=5, **changes):
    return replace(SETTINGS, **changes).config(POINT, arm, choice or {}, seed)


# --- What is trained


def test_arms_differ_in_their_own_part_only():
    plain = config(WITH)
    assert config(WITHOUT) == replace(plain, data=replace(plain.data, distance=0.0))
    assert config(ORACLE) == replace(plain, data=replace(plain.data, keep_difficult=False))
    assert config(LONGER) == replace(plain, steps=4, log_every=4)
    for arm in METHODS:
        for choice in CANDIDATES[arm]:
            found = config(arm, choice)
            assert found == replace(plain, objective=found.objective)
            changed = {"method": arm, **choice}
            assert found.objective == replace(plain.objective, **changed)


def test_a_rate_is_a_factor_of_the_learning_rate():
    assert config(WITH, {"rate": 0.5}).optimizer.learning_rate == SETTINGS.learning_rate / 2


def test_every_arm_tries_as_many_distinct_values():
    assert {len(values) for values in CANDIDATES.values()} == {3}
    assert set(CANDIDATES) == {WITH, ORACLE, *METHODS}
    assert all(len({str(each) for each in values}) == 3 for values in CANDIDATES.values())


def test_seeds_of_the_search_are_no_reported_ones():
    assert not set(SETTINGS.search) & set(range(SETTINGS.seeds))
    with pytest.raises(ValueError, match="seeds"):
        ArmSettings(seeds=SETTINGS.search[0] + 1)


@pytest.mark.parametrize(
    "wrong", [{"tries": 4}, {"tries": 0}, {"validation_seeds": 0}, {"smallest": 0.0}, {"steps": 0}]
)
def test_settings_that_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ArmSettings(**wrong)


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="loss"):
        Point("cosine", 4, 0.45, 3)


def test_difficult_samples_are_those_of_the_family():
    for difficult in (0, 3, 8):
        family = SphereFamily(
            classes=3, per_class=8, difficult=difficult, dimension=6, distance=0.4
        )
        found = difficult_samples(3, 8, difficult)
        np.testing.assert_array_equal(found, family.is_difficult)


def test_all_arms_are_tested_on_the_same_easy_points():
    with_, without, oracle = (
        make_problem(config(arm)).evaluation for arm in (WITH, WITHOUT, ORACLE)
    )
    easy = ~difficult_samples(5, 8, 3)
    np.testing.assert_array_equal(with_.test_inputs, oracle.test_inputs)
    np.testing.assert_array_equal(with_.test_inputs[easy], without.test_inputs[easy])
    assert not np.allclose(with_.test_inputs[~easy], without.test_inputs[~easy])
    np.testing.assert_array_equal(with_.fit_inputs[easy], without.fit_inputs[easy])


# --- Tasks, with a trainer that returns the inputs as features


def fake_run_many(configs):
    runs = []
    for each in configs:
        if each.objective.sigma == 0.5:
            raise NonFiniteLoss("the loss is not finite")
        runs.append(
            SimpleNamespace(
                config=each,
                evaluation={"probe_error": 0.0},
                features=lambda inputs, k=each.model.features: np.asarray(inputs)[:, :k],
            )
        )
    return runs


@pytest.fixture(scope="module")
def trained():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dctheory.train.trainer.run_many", fake_run_many)
        return train_point(**point_task(SETTINGS, POINT, longer=True).arguments)


def test_a_point_has_every_arm_with_every_seed(trained):
    arms = (WITHOUT, WITH, ORACLE, *METHODS, LONGER)
    found = [(run["arm"], run["seed"]) for run in trained["runs"]]
    assert found == [(arm, seed) for arm in arms for seed in range(3)]


def test_each_search_chooses_one_value_with_the_smallest_error(trained):
    for arm, values in CANDIDATES.items():
        records = [each for each in trained["search"] if each["arm"] == arm]
        rate = next(e for e in trained["search"] if e["arm"] == WITH and e["chosen"])["values"]
        shared = rate if arm in METHODS else {}
        assert [each["values"] for each in records] == [{**shared, **each} for each in values]
        (chosen,) = [each for each in records if each["chosen"]]
        assert chosen["error"] == min(each["error"] for each in records)


def test_values_that_diverge_are_not_chosen(trained):
    diverged = [each for each in trained["search"] if each["values"].get("sigma") == 0.5]
    assert diverged
    assert all(each["error"] == np.inf and not each["chosen"] for each in diverged)


def test_runs_that_diverge_have_no_error(monkeypatch):
    def diverge(configs):
        raise NonFiniteLoss("the loss is not finite")

    monkeypatch.setattr("dctheory.train.trainer.run_many", diverge)
    found = train_point(**point_task(SETTINGS, POINT).arguments)
    assert all(run["error"] is None for run in found["runs"])
    shown = PointResult(SETTINGS, POINT, **found)
    assert "21 runs diverged" in shown.warnings()[0]
    assert all(row["error"] is None for row in errors_table([shown]).rows)


def test_the_error_is_the_mean_of_both_kinds(trained):
    for run in trained["runs"]:
        mixed = (3 * run["difficult"] + 5 * run["easy"]) / 8
        assert run["error"] == pytest.approx(mixed, abs=1e-6)


def test_errors_are_those_of_a_logistic_probe(trained):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    sets = make_problem(SETTINGS.config(POINT, WITH, {}, 1)).evaluation
    scaler = StandardScaler().fit(sets.fit_inputs[:, :4])
    probe = LogisticRegression(C=1 / (1e-4 * 40), max_iter=10_000, tol=1e-8)
    probe.fit(scaler.transform(sets.fit_inputs[:, :4]), sets.fit_labels)
    wrong = probe.predict(scaler.transform(sets.test_inputs[:, :4])) != sets.test_labels
    run = next(run for run in trained["runs"] if (run["arm"], run["seed"]) == (WITH, 1))
    easy = ~difficult_samples(5, 8, 3)
    assert run["error"] == pytest.approx(wrong.mean(), abs=1e-6)
    assert run["easy"] == pytest.approx(wrong[easy].mean(), abs=1e-6)


@pytest.mark.parametrize("difficult", [0, 8])
def test_a_point_needs_easy_and_difficult_samples(difficult):
    with pytest.raises(ValueError, match="difficult"):
        point_task(SETTINGS, replace(POINT, difficult=difficult))


def test_collapsed_features_have_an_error_and_no_bound():
    run = fake_run_many([SETTINGS.config(POINT, WITH, {}, 0)])[0]
    run.features = lambda inputs: np.ones((len(inputs), 4), np.float32)
    found = measure(run)
    assert found["error"] == pytest.approx(0.8)
    assert found["bound"] is None
    assert found["bound remark"]


# --- Beside the bound


def test_the_reference_has_the_bound_without_difficult_samples(trained):
    found = PointResult(SETTINGS, POINT, **trained)
    plain = PointResult(SETTINGS, replace(POINT, distance=0.0), **trained)
    assert found.bound(WITHOUT) == pytest.approx(plain.bound(WITH))
    assert found.bound(WITHOUT) < found.bound(WITH)
    assert plain.gap == pytest.approx(0, abs=1e-12)
    similarities = SETTINGS.family(POINT).similarities()
    assert found.gap == pytest.approx(similarities.gamma - similarities.beta)


def test_combined_has_no_bound_and_is_not_ranked(trained):
    found = PointResult(SETTINGS, POINT, **trained)
    assert found.bounds["combined"].bound is None
    assert {each.arm for each in found.ranked()} == {WITH, ORACLE, *METHODS} - {"combined"}
    assert found.bound("removal") == found.bound(ORACLE)


def test_tables_hold_every_arm_and_every_value(trained):
    found = PointResult(SETTINGS, POINT, **trained)
    rows = errors_table([found]).rows
    assert [row["arm"] for row in rows] == [WITHOUT, WITH, ORACLE, *METHODS, LONGER]
    by_hand = np.mean([run["easy"] for run in trained["runs"] if run["arm"] == ORACLE])
    assert rows[2]["easy"] == pytest.approx(by_hand)
    search = search_table([found]).rows
    assert len(search) == 18
    assert sum(row["chosen"] for row in search) == 6


def test_the_search_is_part_of_no_reported_run(monkeypatch):
    seen = []

    def record(configs):
        seen.extend(each.seed for each in configs)
        return fake_run_many([])

    monkeypatch.setattr("dctheory.train.trainer.run_many", record)
    monkeypatch.setattr(_arms, "measure", lambda result: {})
    with pytest.raises(ValueError, match="zip"):
        train_point(**point_task(SETTINGS, POINT).arguments)
    assert seen == list(SETTINGS.search)
