"""What the experiments on CIFAR run, and what they conclude from results that are made up here."""

import pickle
from dataclasses import replace

import pytest

from dctheory.experiment import registry, run_experiment
from dctheory.experiment._run import make_plan
from dctheory.experiment.cifar import published
from dctheory.experiment.cifar.methods import compared, in_words
from dctheory.experiment.cifar.presets import presets
from dctheory.experiment.cifar.settings import CifarSettings
from dctheory.experiment.registry import EXPERIMENTS, load_experiment
from dctheory.train.config_file import from_dict, leaves

NAMES = [name for name in EXPERIMENTS if name.startswith("cifar-")]
METHODS = ("baseline", "removal", "margin", "temperature", "combined", "debiased", "hcl")
FULL = CifarSettings(candidates=3)


def result(accuracy, **more):
    """Of one run, as its task returns it."""
    error = 1 - accuracy / 100
    evaluation = {"probe_accuracy": accuracy / 100, "probe_error": error, "knn_accuracy": 0.5}
    found = {"evaluation": evaluation | {"probe_converged": True}, "diverged": None}
    return found | {"images": 50_000, "steps": 10, "seconds": 2.0, "bound": None} | more


def results_of(name, settings, accuracy, score=lambda method, number: 50.0, **more):
    """Results of every task: ``accuracy(method, seed)`` and ``score`` of the search, in %."""
    experiment, found = load_experiment(name), {}
    tasks = []
    if settings.candidates > 1 and name not in UNSEARCHED:
        for each in {n.rpartition("-s")[0] for n in final_names(experiment, settings, {})}:
            for i in range(settings.candidates):
                found[f"search-{each}-{i}"] = result(score(each, i))
    tasks = experiment.more(settings, tuple(range(settings.seeds)), found)
    for task in tasks:
        method, _, seed = task.name.rpartition("-s")
        found[task.name] = result(accuracy(method, int(seed)), **more)
    return found


UNSEARCHED = ("cifar-baseline", "cifar-mixed", "cifar-sensitivity", "cifar-selection")


def final_names(experiment, settings, found):
    """Names of the final runs, which do not depend on the search."""
    return [t.name for t in experiment.more(replace(settings, candidates=1), (0,), found)]


def verdicts_of(name, settings, accuracy, **options):
    found = results_of(name, settings, accuracy, **options)
    return load_experiment(name).analyse(settings, found)


# --- The recipe


def test_the_recipe():
    config = CifarSettings().config({}, 3)
    optimizer = config.optimizer
    assert (optimizer.kind, optimizer.momentum, optimizer.weight_decay) == ("sgd", 0.9, 5e-4)
    assert optimizer.learning_rate == pytest.approx(0.06)
    assert (optimizer.schedule, optimizer.warmup) == ("cosine", 0)
    assert (config.batch_size, config.objective.temperature, config.seed) == (512, 0.5, 3)
    assert (config.model.kind, config.model.width, config.model.features) == ("resnet18", 64, 512)
    assert (config.model.projector, config.precision) == (128, "bfloat16")
    assert (config.evaluation.neighbours, config.evaluation.knn_temperature) == (200, 0.1)
    assert (config.objective.pos_high, config.data.test, config.epochs) == (10, "test", 200)
    search = CifarSettings(dataset="cifar100").config({"batch_size": 256}, 0, search=True)
    assert search.optimizer.learning_rate == pytest.approx(0.03)
    assert (search.data.kind, search.data.test, search.epochs) == ("cifar100", "validation", 50)
    assert search.objective.pos_high == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "cifar11"}, "unknown dataset 'cifar11'; did you mean 'cifar10'"),
        ({"candidates": 6}, "candidates must be between 1 and 5"),
        ({"model": "mlp"}, "unknown model"),
        ({"epochs": 0}, "epochs must be"),
        ({"batch_size": 1}, "batch_size must be"),
        ({"precision": "float16"}, "unknown precision"),
    ],
)
def test_settings_that_make_no_run_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        CifarSettings(**change)


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
def test_every_method_has_the_same_number_of_distinct_valid_candidates(dataset):
    settings = CifarSettings(dataset=dataset)
    for method in compared(settings, [*METHODS, "margin-all", "temperature-all", "combined-all"]):
        assert len({str(each) for each in method.candidates}) == 5
        assert {tuple(each) for each in method.candidates} == {tuple(method.candidates[0])}
        configs = [settings.config(method.changes(i), 0) for i in range(5)]
        objectives = [config.objective for config in configs]
        assert {each.temperature for each in objectives} >= {0.5, 0.2}
        assert {each.scope for each in objectives} == {"all" if "-" in method.name else "selected"}
        selected = method.name in ("removal", "margin", "temperature", "combined")
        assert not selected or all(each.pos_high == 100 / settings.classes for each in objectives)


def test_words_of_a_setting():
    (method,) = compared(FULL, ["combined"])
    assert in_words(method.changes(0)) == "τ = 0.5, σ = 0.1, ρ = 0.7, posLow = 100"
    on_mixed = method.on(data__mixed=0.1).changes(0)
    assert in_words(on_mixed).endswith("ω = 0.1")


def test_published_numbers():
    assert published.published_accuracy("cifar10", "combined") == pytest.approx(89.672, abs=1e-3)
    assert published.published_difference("cifar10", "temperature", "baseline") == pytest.approx(
        0.98
    )
    assert published.published_difference("cifar100", "temperature-all", "baseline") is None
    assert published.published_difference("cifar10", "hcl", "baseline") is None


# --- Tasks


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("preset", ["smoke", "cpu", "gpu", "paper"])
def test_tasks_are_valid_runs_without_places_of_files(name, preset, data_dir):
    plan = make_plan(name, preset, data_dir=data_dir)
    assert 1 <= len(plan.tasks) <= 80
    for task in plan.tasks:
        config = from_dict(task.arguments["config"])
        assert (config.data.data_dir, config.data.subset) == (None, None)
        searched = task.name.startswith("search-")
        assert config.data.test == ("validation" if searched else "test")
        assert not [v for v in leaves(task.arguments).values() if "/" in str(v)]


@pytest.mark.parametrize("name", sorted({*NAMES} - {*UNSEARCHED, "cifar-subsets"}))
def test_the_search_spends_the_same_on_every_method(name, data_dir):
    plan = make_plan(name, "gpu", data_dir=data_dir)
    counts = {}
    for task in plan.tasks:
        method = task.name.removeprefix("search-").rpartition("-")[0]
        counts[method] = counts.get(method, 0) + task.arguments["config"]["epochs"]
    assert "baseline" in counts
    assert len(set(counts.values())) == 1


def test_final_runs_have_what_the_search_found_best_and_the_same_images():
    scores = {("baseline", 1): 60.0, ("removal", 2): 55.0}
    found = results_of(
        "cifar-removal", FULL, lambda *_: 80.0, lambda method, i: scores.get((method, i), 50.0)
    )
    tasks = load_experiment("cifar-removal").more(FULL, (0, 1), found)
    configs = {task.name: from_dict(task.arguments["config"]) for task in tasks}
    assert list(configs) == ["baseline-s0", "removal-s0", "baseline-s1", "removal-s1"]
    assert configs["baseline-s1"].objective.temperature == 0.2
    assert configs["removal-s1"].objective.temperature == 0.5
    assert configs["removal-s1"].objective.pos_low == 15
    assert configs["removal-s1"].seed == configs["baseline-s1"].seed == 1
    assert configs["removal-s1"].data == configs["baseline-s1"].data
    table = load_experiment("cifar-removal").analyse(FULL, found).tables["search"]
    assert [row["chosen"] for row in table] == [False, True, False, False, False, True]


def test_a_candidate_that_diverged_is_not_chosen():
    found = results_of("cifar-removal", FULL, lambda *_: 80.0)
    found["search-removal-0"] = {"evaluation": None, "diverged": "at step 3", "images": 9}
    tasks = load_experiment("cifar-removal").more(FULL, (0,), found)
    assert tasks[1].arguments["config"]["objective"]["temperature"] == 0.2


@pytest.mark.parametrize("name", NAMES)
def test_missing_data_is_an_error_before_anything_is_written(name, tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(FileNotFoundError, match="no CIFAR-10 in"):
        run_experiment(name, data_dir=tmp_path / "nothing", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_needs_data_is_not_quick(monkeypatch):
    own = {name: EXPERIMENTS[name] for name in NAMES}
    monkeypatch.setattr(registry, "EXPERIMENTS", own)
    assert registry.quick_experiments(limit=1e9) == []


def test_another_data_set_is_a_setting(tmp_path):
    with pytest.raises(FileNotFoundError, match="no CIFAR-100 in"):
        make_plan("cifar-margin", data_dir=tmp_path, changes=["dataset=cifar100"])


# --- Conclusions


def effect(points, noise=0.05):
    """Accuracies at which all but the baseline gain so many points, give or take the noise."""
    return lambda method, seed: 88.0 + (method != "baseline") * (points + noise * (seed - 1))


def test_a_gain_is_reproduced_beside_the_published_one():
    found = verdicts_of("cifar-removal", FULL, effect(0.7))
    (verdict,) = found.verdicts
    assert verdict.verdict == "REPRODUCED"
    assert verdict.difference == pytest.approx(0.7)
    assert verdict.published == pytest.approx(0.706, abs=1e-3)
    row = found.tables["accuracy"].rows[1]
    assert row["difference"] == pytest.approx(0.7)
    assert row["selected, %"] == 10
    assert not found.warnings


def test_a_loss_is_not_reproduced_and_noise_names_the_seeds_needed():
    (verdict,) = verdicts_of("cifar-removal", FULL, effect(-0.7)).verdicts
    assert verdict.verdict == "NOT REPRODUCED"
    (verdict,) = verdicts_of("cifar-removal", FULL, effect(0.5, noise=2.0)).verdicts
    assert verdict.verdict == "INCONCLUSIVE"
    assert verdict.seeds_needed > 3


def test_numbers_of_simclr_stand_beside_simclr_only():
    for name in ("cifar-moco", "cifar-longtail"):
        found = verdicts_of(name, FULL, effect(0.7))
        assert len(found.verdicts) == 4
        assert all(each.published is None for each in found.verdicts)
        assert "published, %" not in found.tables["accuracy"].columns
    found = verdicts_of("cifar-combined", FULL, effect(0.7))
    rows = {row["method"]: row["published, %"] for row in found.tables["accuracy"]}
    assert {name for name, value in rows.items() if value is None} == {"margin", "debiased", "hcl"}


@pytest.mark.parametrize("name", sorted({*NAMES} - {"cifar-subsets"}))
def test_a_part_of_the_images_decides_nothing(name):
    settings = presets()["cpu"]
    found = verdicts_of(name, settings, effect(5.0))
    assert not found.verdicts
    assert all(each.agrees is None for each in found.comparisons)
    assert "decides nothing" in found.findings[0]


def test_a_run_that_diverged_leaves_the_others_and_is_named():
    found = results_of("cifar-removal", FULL, effect(0.7))
    found["removal-s2"] = {"evaluation": None, "diverged": "not finite at step 3", "images": 9}
    analysis = load_experiment("cifar-removal").analyse(FULL, found)
    assert analysis.warnings == ["removal, seed 2: not finite at step 3"]
    assert analysis.verdicts[0].seeds == 2
    assert analysis.tables["runs"].rows[-1]["probe_accuracy"] is None


def bound(**values):
    """A bound of 0.1 and its similarities, with other values."""
    numbers = {"alpha": 0.5, "beta": 0.2, "gamma": 0.25, "delta": 0.01, "eigenvalue": 1e-4}
    return {
        "k": 512,
        **numbers,
        "printed": 2e-4,
        "bound": 0.1,
        "status": "s",
        "remark": "",
    } | values


def test_theory_and_practice_stand_in_one_table_and_an_excess_is_a_warning():
    found = verdicts_of("cifar-removal", FULL, effect(0.0), bound=bound())
    row = found.tables["bounds"].rows[0]
    assert row["γ − β"] == pytest.approx(0.05)
    assert (row["α"], row["λ_(k+1)"], row["printed λ"], row["bound"]) == (0.5, 1e-4, 2e-4, 0.1)
    assert row["error"] == pytest.approx(0.12)
    assert len(found.warnings) == 6
    assert "exceeds the bound 0.1" in found.warnings[0]
    nothing = verdicts_of("cifar-removal", FULL, effect(0.0), bound={"remark": "all equal"})
    assert nothing.tables["bounds"].rows[0]["remark"] == "all equal"
    assert not nothing.warnings


def test_probes_that_did_not_converge_are_counted():
    found = results_of("cifar-removal", FULL, effect(0.0))
    found["removal-s1"]["evaluation"]["probe_converged"] = False
    analysis = load_experiment("cifar-removal").analyse(FULL, found)
    assert analysis.warnings == ["the probe's L-BFGS did not converge in 1 of 6 runs"]


def test_the_baseline_beside_a_public_recipe():
    long = replace(FULL, epochs=100)
    accuracies = iter([85.2, 85.3, 85.4])
    found = verdicts_of("cifar-baseline", long, lambda *_: next(accuracies))
    assert [each.agrees for each in found.comparisons] == [True, False]
    short = verdicts_of("cifar-baseline", replace(FULL, epochs=50), lambda *_: 85.0)
    assert short.comparisons == []


# --- Mixed images


def mixed_results(settings, omega_of):
    """Table 10's own numbers, of the share that ``omega_of`` says."""
    found = results_of("cifar-mixed", settings, lambda *_: 80.0)
    for name, each in found.items():
        omega = int(name.split("-")[1]) / 100
        row = published.MIXED[omega_of(omega)]
        shift = 1e-4 * int(name[-1])
        found[name] = result(row["accuracy"] + shift + 0.5 * ("removed" in name)) | {
            "bound": bound(
                alpha=row["α"] / 100 + shift,
                beta=row["β"] / 100,
                gamma=(row["β"] + row["γ − β"]) / 100 + shift / 10,
                printed=row["λ"] * (1 + shift),
                bound=None,
            )
        }
        assert each["images"] == found[name]["images"]
    return found


def test_table_10_agrees_with_itself_and_not_with_its_reverse():
    analyse = load_experiment("cifar-mixed").analyse
    found = analyse(FULL, mixed_results(FULL, lambda omega: omega))
    assert [each.agrees for each in found.comparisons] == [True] * 15
    assert {each.verdict for each in found.verdicts} == {"REPRODUCED"}
    gains = {each.claim.split(" (")[0]: each.published for each in found.verdicts}
    assert gains["mixed-0 is above mixed-30"] == pytest.approx(2.1)
    assert gains["mixed-30-removed is above mixed-30"] is None
    row = found.tables["table-10"].rows[1]
    assert row["α"] == pytest.approx(row["α, published"], abs=0.02)
    assert row["γ − β"] == pytest.approx(row["γ − β, published"], abs=0.02)
    found = analyse(FULL, mixed_results(FULL, lambda omega: round(0.3 - omega, 1)))
    assert [each.agrees for each in found.comparisons] == [False] * 15


# --- Subsets


def test_subsets_are_arguments_of_their_runs():
    experiment = load_experiment("cifar-subsets")
    rules = {rule: [1, 2, 3] for rule in ("random", "balanced", "score", "oracle")}
    settings = replace(FULL, seeds=2, samples=40)
    found = {f"all-images-s{seed}": result(80.0, subsets=rules) for seed in (0, 1)}
    found["all-images-s1"] = {"evaluation": None, "diverged": "at step 1", "images": 9}
    tasks = experiment.more(settings, (0, 1), found)
    assert [task.name for task in tasks] == [f"{rule}-s0" for rule in rules]
    assert tasks[0].arguments["images"] == [1, 2, 3]
    assert tasks[0].arguments["config"]["data"]["samples"] is None
    found |= {task.name: result(81.0) for task in tasks}
    analysis = experiment.analyse(settings, found)
    assert analysis.tables["accuracy"].rows[0]["probe, %"] == pytest.approx(81)
    assert len([text for text in analysis.warnings if "was not trained" in text]) == 4


def test_a_ranking_is_read_from_the_data_folder(data_dir):
    (data_dir / "sas.pkl").write_bytes(pickle.dumps([5, 3, 199]))
    plan = make_plan("cifar-subsets", "gpu", data_dir=data_dir, changes=["ranking=sas.pkl"])
    assert plan.tasks[0].arguments["subsets"] == {"kept": 0.8, "ranking": [5, 3, 199]}
    assert plan.tasks[0].name == "all-images-s0"
    (data_dir / "sas.pkl").write_bytes(pickle.dumps([5, 3, 200]))
    with pytest.raises(ValueError, match="from 0 to 199"):
        make_plan("cifar-subsets", data_dir=data_dir, changes=["ranking=sas.pkl"])
    with pytest.raises(FileNotFoundError):
        make_plan("cifar-subsets", data_dir=data_dir, changes=["ranking=other.pkl"])


# --- Figures 4 and 5


def test_the_sensitivity_has_a_row_for_each_value():
    found = verdicts_of("cifar-sensitivity", FULL, lambda method, seed: 80.0 + seed)
    rows = [(r["parameter"], r["value"], r["method"]) for r in found.tables["curves"]]
    assert ("posHigh", 0, "combined") in rows
    assert ("batch", 1024, "baseline") in rows
    assert len(rows) == len(set(rows)) == 22
    assert found.tables["curves"].rows[0]["probe, %"] == pytest.approx(81)


def test_the_selection_is_followed_through_training():
    steps = [{"step": s, "selected": 0.9 + 0.01 * s, "all": 0.9, "accuracy": 0.5} for s in (1, 5)]
    found = verdicts_of("cifar-selection", FULL, lambda *_: 80.0, selection=steps)
    assert [each.verdict for each in found.verdicts] == ["REPRODUCED"] * 2
    assert "95.00 % of the selected pairs are of two classes" in found.findings[1]
    assert len(found.tables["selection"]) == 12
