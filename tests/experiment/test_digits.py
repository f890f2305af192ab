"""What runs on the digits are asked for, and what is concluded from records made up here."""

from dataclasses import replace

import numpy as np
import pytest

from dctheory.experiment import run_experiment
from dctheory.experiment._digits_runs import METHODS, DigitsSettings
from dctheory.experiment._digits_tables import arms_of, methods_of, mixed_name
from dctheory.experiment.cifar.published import MIXED
from dctheory.experiment.digits import EXPERIMENT
from dctheory.train.config_file import from_dict

SETTINGS = DigitsSettings(seeds=4, candidates=2)
SEEDS = (0, 1, 2, 3)


def bound(alpha=0.5, beta=0.2, gamma=0.3, printed=0.002, exact=0.001, value=3.0):
    found = {"α": alpha, "β": beta, "γ": gamma, "γ − β": gamma - beta, "printed λ": printed}
    return found | {"λ_(k+1)": exact, "δ": 0.3, "bound": value, "bound status": "made up"}


def record(accuracy, **more):
    """Of one run, its accuracies in %."""
    found = {"accuracy": accuracy / 100, "knn": 0.9, "own": accuracy / 100, "images": 1078}
    bounds = {"bound": bound(), "classes": bound(), "mixed": bound(), "warning": None}
    return found | bounds | more


def results_of(accuracy, more=lambda arm: {}, settings=SETTINGS, search=lambda name, s, i: 0.9):
    """Results of all tasks: ``accuracy(arm)`` in %, with the same noise of the seeds in all."""
    noise = np.linspace(-1, 1, settings.seeds)
    found = {}
    for arm in arms_of(settings):
        # Pairs differ a little from seed to seed.
        own = accuracy(arm.name) + noise + 0.01 * np.cos(np.arange(settings.seeds) + len(arm.name))
        found[arm.name] = {"runs": [record(each, **more(arm.name)) for each in own]}
    names = ["baseline", *settings.methods]
    if settings.candidates > 1:
        for name in names:
            values = [
                search(name, s, i)
                for s in range(settings.seeds)
                for i in range(settings.candidates)
            ]
            found[f"search-{name}"] = {"accuracies": values}
    features = {name: {"accuracy": 0.95, "knn": 0.97} for name in ("pixels", "untrained encoder")}
    found["references"] = {"runs": [features] * settings.seeds}
    return found


def analysed(accuracy, settings=SETTINGS, **options):
    return EXPERIMENT.analyse(settings, results_of(accuracy, settings=settings, **options))


def verdicts_of(accuracy, **options):
    return {each.claim: each for each in analysed(accuracy, **options).verdicts}


def verdict(found, *words):
    (one,) = [each for claim, each in found.items() if all(word in claim for word in words)]
    return one


def same(arm):
    return 97.0


# --- Tasks


def test_every_method_is_searched_alike_on_validation_parts():
    tasks = EXPERIMENT.tasks(SETTINGS, SEEDS, None)
    names = ["references", "search-baseline", *(f"search-{name}" for name in METHODS)]
    assert [task.name for task in tasks] == names
    for task in tasks[1:]:
        configs = [from_dict(each) for each in task.arguments["configs"]]
        assert len(configs) == len(SEEDS) * SETTINGS.candidates
        assert {config.data.test for config in configs} == {"validation"}
        assert [config.data.seed for config in configs] == [0, 0, 1, 1, 2, 2, 3, 3]
        assert not {config.seed for config in configs} & set(SEEDS)
        assert len({str(config.objective) for config in configs}) == SETTINGS.candidates


def test_no_method_tries_a_setting_twice():
    for method in methods_of(DigitsSettings()):
        assert len({str(each) for each in method.candidates}) == len(method.candidates) == 5
        # Percentiles make no difference on all pairs.
        everywhere = method.fixed["objective.scope"] == "all"
        assert everywhere == method.name.endswith("-all")
        assert not (everywhere and any("pos_low" in each for each in method.candidates))


def test_final_runs_are_those_that_each_seed_chose_and_touch_the_test_part_once():
    # Seed 2 prefers the second candidate, seed 3 likes both and takes the first one, and a
    # candidate that diverged is never chosen.
    found = {(1, 0): None, (2, 1): 0.95}
    results = results_of(same, search=lambda name, s, i: found.get((s, i), 0.9))
    tasks = EXPERIMENT.more(SETTINGS, SEEDS, results)
    assert [task.name for task in tasks] == [arm.name for arm in arms_of(SETTINGS)]
    for arm, task in zip(arms_of(SETTINGS), tasks, strict=True):
        configs = [from_dict(each) for each in task.arguments["configs"]]
        assert [config.seed for config in configs] == list(SEEDS)
        assert {(config.data.test, config.data.seed) for config in configs} == {("test", None)}
        chosen = [SETTINGS.config(arm.changes(number), 0).objective for number in (0, 1, 1, 0)]
        assert [config.objective for config in configs] == chosen


def test_on_mixed_images_the_baseline_has_what_was_chosen_without_them():
    results = results_of(same, search=lambda name, s, i: i if name == "baseline" else 0.9)
    tasks = {task.name: task for task in EXPERIMENT.more(SETTINGS, SEEDS, results)}
    for ratio in (0.0, *SETTINGS.ratios):
        for kept in (True, False):
            (first, *_) = tasks[mixed_name(ratio, kept)].arguments["configs"]
            config = from_dict(first)
            # The second candidate of the baseline.
            assert (config.objective.temperature, config.objective.method) == (0.2, "baseline")
            if ratio:
                assert (config.data.mixed, config.data.keep_mixed) == (ratio, kept)


def test_without_a_search_the_final_runs_come_at_once():
    settings = replace(SETTINGS, candidates=1, methods=("hcl",), ratios=(0.1,))
    names = [task.name for task in EXPERIMENT.tasks(settings, SEEDS, None)]
    assert names == ["references", "baseline", "hcl", "mixed-10", "mixed-10-removed"]


# --- Verdicts


def test_what_the_paper_reports_is_reproduced():
    gains = {"removal": 0.7, "margin": 0.6, "temperature": 1.0, "combined": 1.4}
    drops = {"mixed-10": 0.3, "mixed-20": 0.6, "mixed-30": 2.1}

    def similarities(arm):
        ratio = float(arm.removeprefix("mixed-")) / 100 if arm in drops else 0.0
        row = MIXED[ratio]
        values = (row["α"] / 100, row["β"] / 100, (row["β"] + row["γ − β"]) / 100, row["λ"])
        return {"bound": bound(*values)}

    found = verdicts_of(lambda arm: 97 + gains.get(arm, 0) - drops.get(arm, 0), more=similarities)
    assert {each.verdict for each in found.values()} == {"REPRODUCED"}
    assert len(found) == 4 * 3 + 4 + 2 * 3 + 5 + 1
    for name, published in (("removal", 0.7061), ("temperature", 0.98), ("combined", 1.4122)):
        own = verdict(found, f"{name} on selected", "the baseline")
        assert own.published == pytest.approx(published, abs=1e-4)
        assert own.difference == pytest.approx(gains[name], abs=0.02)
    above = verdict(found, "temperature on selected pairs is above temperature on all")
    assert above.published == pytest.approx(0.86)
    assert verdict(found, "ω = 30 %", "clean", "lower").published == pytest.approx(2.1)
    assert verdict(found, "margin on selected", "the baseline").published is None
    # Least squares by hand: (−3·47.2 − 44.0 + 41.2 + 3·38.7) / 10.
    slope = verdict(found, "α falls")
    assert slope.difference == pytest.approx(2.83)
    assert slope.published == pytest.approx(2.83)


def test_the_opposite_is_not_reproduced():
    gains = {"removal": -0.7, "margin": -0.6, "temperature": -1.0, "combined": -1.4}
    found = verdicts_of(lambda arm: 97 + gains.get(arm, 0.3 if arm.startswith("mixed") else 0))
    for name in gains:
        assert verdict(found, f"{name} on selected", "baseline").verdict == "NOT REPRODUCED"
    for ratio in (10, 20, 30):
        lower = verdict(found, f"ω = {ratio} %", "clean", "lower")
        assert lower.verdict == "NOT REPRODUCED"
        assert lower.difference == pytest.approx(-0.3, abs=0.02)


def test_the_probe_on_the_images_trained_on_is_judged_by_itself():
    results = results_of(same)
    for run in results["mixed-20"]["runs"]:
        run["own"] -= 0.01
    found = {each.claim: each for each in EXPERIMENT.analyse(SETTINGS, results).verdicts}
    lower = verdict(found, "ω = 20 %", "trained on", "lower")
    assert (lower.verdict, lower.difference) == ("REPRODUCED", pytest.approx(1, abs=0.02))
    assert verdict(found, "ω = 20 %", "trained on", "removing").verdict == "REPRODUCED"
    assert abs(verdict(found, "ω = 20 %", "clean", "lower").difference) < 0.02


@pytest.mark.parametrize(
    ("gain", "expected"),
    [(0.4, "REPRODUCED"), (-0.4, "REPRODUCED"), (0.6, "NOT REPRODUCED"), (-0.6, "NOT REPRODUCED")],
)
def test_methods_match_within_half_of_the_published_gain(gain, expected):
    # Table 3: (89.24 − 88.26)/2 = 0.49 points.
    found = verdicts_of(lambda arm: 97 + gain * (arm == "temperature-all"))
    match = verdict(found, "temperature on all pairs only matches")
    assert (match.verdict, match.difference) == (expected, pytest.approx(gain, abs=0.02))
    assert match.published == pytest.approx(0.12)


def test_a_wide_interval_decides_nothing():
    results = results_of(same)
    for seed, run in enumerate(results["margin-all"]["runs"]):
        run["accuracy"] += 0.01 * (-1) ** seed
    found = EXPERIMENT.analyse(SETTINGS, results)
    match = verdict({each.claim: each for each in found.verdicts}, "margin on all pairs only")
    assert match.verdict == "INCONCLUSIVE"


def test_a_published_difference_is_given_as_a_share_of_the_error():
    # 0.98 points of an error of 11.74 %, here of 3 %.
    note = verdict(verdicts_of(same), "temperature on selected", "the baseline").note
    assert "8.3 % of the error there, 0.25 points" in note


# --- Comparisons, tables and words


def test_eigenvalues_and_orders():
    worse = {"mixed-10": 96.0, "mixed-20": 95.0, "mixed-30": 94.0}

    def bounds(arm):
        own = bound(value=3.0 + 97 - worse.get(arm, 97.0))
        return {"bound": own, "classes": bound(exact=0.003 if arm == "mixed-30" else 0.002)}

    found = analysed(lambda arm: worse.get(arm, 97.0), more=bounds).comparisons
    agrees = {each.name: each.agrees for each in found}
    for ratio, expected in ((0, True), (10, True), (20, True), (30, False)):
        assert agrees[f"ω = {ratio} %: λ_11 is at most Theorem 3.4's"] is expected
    assert "above it in 4 of 4 runs" in found[3].note
    assert agrees["order of the shares of mixed images by bound and by error"] is True
    # All methods are the same, but for the made-up noise.
    assert agrees["order of the methods by bound and by error"] is None


def test_an_order_against_the_bound_disagrees():
    def bounds(arm):
        return {"bound": bound(value=2.0 if arm == "mixed-30" else 3.0)}

    found = analysed(lambda arm: 95.0 if arm == "mixed-30" else 97.0, more=bounds).comparisons
    assert found[-2].agrees is False


def test_tables():
    tables = analysed(lambda arm: 97 + (arm == "margin"), search=lambda n, s, i: i / 2).tables
    rows = {row["arm"]: row for row in tables["accuracy"].rows}
    assert rows["baseline"]["difference"] is None
    assert rows["margin"]["difference"] == pytest.approx(1, abs=0.02)
    # The second candidates: posLow = 20 of removal, 100 of margin, both with posHigh = 10.
    shares = {
        name: rows[name]["selected, %"] for name in ("removal", "margin", "margin-all", "hcl")
    }
    assert shares == {"removal": 10, "margin": 90, "margin-all": 100, "hcl": 0}
    chosen = [row["chosen by seeds"] for row in tables["search"].rows]
    assert chosen == [0, 4] * (1 + len(METHODS))
    assert len(tables["runs"].rows) == 4 * len(arms_of(SETTINGS))
    published = [row["γ − β, published"] for row in tables["table-10"].rows]
    assert published == [1.8, 2.6, 3.0, 3.3]
    assert tables["references"].rows[0]["trained is above by"] == pytest.approx(2, abs=0.02)


def test_words_have_the_numbers_of_the_runs():
    findings = analysed(lambda arm: 97 + 2 * (arm == "combined")).findings
    assert findings[0].startswith("The linear probe on the trained encoder reaches 97.0")
    assert "Of 7 remedies 1 differ" in findings[2]
    assert "combined +2.0" in findings[2]
    assert "64 of 64 bounds are vacuous (from 3 to 3)" in findings[-2]


def test_runs_that_diverged_and_errors_above_a_bound_are_shown():
    results = results_of(same)
    results["hcl"]["runs"][1] = {}
    results["removal"]["runs"][2]["warning"] = "seed 2: the probe's error exceeds the bound"
    found = EXPERIMENT.analyse(SETTINGS, results)
    assert found.warnings == [
        "removal, seed 2: the probe's error exceeds the bound",
        "hcl, seed 1: the run diverged",
    ]
    rows = [row for row in found.tables["runs"].rows if row["arm"] == "hcl"]
    assert [row["accuracy"] is None for row in rows] == [False, True, False, False]


@pytest.mark.slow
def test_a_smoke():
    result = run_experiment("digits", "smoke")
    assert (result.verdicts, result.findings) == ((), ())
    assert {row["arm"] for row in result.tables["accuracy"].rows} == {
        "baseline",
        "removal",
        "mixed-30",
        "mixed-30-removed",
    }
