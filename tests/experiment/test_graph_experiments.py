"""The experiments on pairs of a graph: what they conclude from tables that are right, and wrong."""

from dataclasses import replace

import numpy as np
import pytest

from dctheory.experiment import (
    margin_recovers_clean,
    run_experiment,
    spectral_recovery,
    temperature_weighted,
)
from dctheory.experiment._graph_runs import (
    GraphSettings,
    minimiser_of,
    train_tables,
    trained_loss,
)
from dctheory.experiment._recovery import Recovery
from dctheory.experiment.result import ExperimentResult

# A large batch leaves so little noise that tolerances are narrow.
SETTINGS = GraphSettings(seeds=3, features=(3, 4), steps=300, batch_size=20_000)


def turned(features, seeds=3, shift=0.0):
    """Tables that differ from the features by a rotation of their columns and a constant."""
    tables = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        turn = np.linalg.qr(rng.normal(size=(features.shape[1],) * 2))[0]
        tables.append((features @ turn + shift).tolist())
    return {"tables": tables, "probe_errors": [0.0] * seeds, "diverged": 0}


def outcomes(analysis, *parts):
    """Outcomes of the comparisons whose names hold all the parts."""
    return [each.agrees for each in analysis.comparisons if all(p in each.name for p in parts)]


# --- Spectral recovery


def spectral(settings, change=lambda config: minimiser_of(config), **options):
    results = {
        f"{pairing}-k{k}": {"runs": [turned(change(settings.config(pairing, k)), **options)]}
        for pairing, k in settings.cases
    }
    return spectral_recovery.analyse(settings, results)


def test_exact_minimisers_agree_with_everything_but_theorem_3_4():
    found = spectral(SETTINGS)
    wrong = {each.name for each in found.comparisons if each.agrees is False}
    assert wrong == {
        "both, λ_4: at most Theorem 3.4's, k = 3",
        "matched, λ_4: at most Theorem 3.4's, k = 3",
    }
    assert "6 of 6" in found.findings[0]
    assert "both, matched" in found.findings[2]
    assert not found.warnings


def test_tables_of_another_graph_do_not_agree():
    def minimiser_of_another(config):
        other = replace(config, data=replace(config.data, gamma=0.15))
        return minimiser_of(other)

    found = spectral(SETTINGS, minimiser_of_another)
    assert outcomes(found, ": loss") == [False] * 6
    assert False in outcomes(found, "beyond the top 3")
    assert "0 of 6" in found.findings[0]


def test_a_wrong_prediction_does_not_agree(monkeypatch):
    minimum = Recovery.minimum.func
    monkeypatch.setattr(Recovery, "minimum", property(lambda self: 0.9 * minimum(self)))
    found = spectral(SETTINGS)
    assert outcomes(found, ": loss") == [False] * 6


def test_noise_hides_a_small_gap():
    few = replace(SETTINGS, batch_size=20, pairings=("matched",), features=(5,))
    assert outcomes(spectral(few), "beyond") == [None]
    assert "1 cannot be told" in spectral(few).findings[1]


def test_an_error_above_the_bound_is_a_warning():
    # Two classes that hardly meet: δ is so small that constant features exceed the bound.
    settings = GraphSettings(
        **{"classes": 2, "per_class": 4, "difficult": 1, "alpha": 0.9, "beta": 0.001},
        **{"gamma": 0.002, "pairings": ("both",), "features": (2,), "steps": 10},
    )
    found = spectral(settings, lambda config: 0 * minimiser_of(config), shift=1.0)
    (text,) = found.warnings
    assert text.startswith("both, k = 2: the probe's error 0.5 exceeds the bound 0.0")
    assert outcomes(found, "probe's error") == [False]


def test_diverged_seeds_are_named():
    settings = replace(SETTINGS, pairings=("both",), features=(3,))
    run = turned(minimiser_of(settings.config("both", 3)), seeds=1) | {"diverged": 2}
    found = spectral_recovery.analyse(settings, {"both-k3": {"runs": [run]}})
    assert found.warnings == ["both, k = 3: the loss of 2 of 3 seeds became infinite or NaN"]
    nothing = {"tables": [], "probe_errors": [], "diverged": 3}
    found = spectral_recovery.analyse(settings, {"both-k3": {"runs": [nothing]}})
    assert outcomes(found, "both")[0] is False
    assert found.tables["recovery"].rows[0]["error"] is None


# --- Margin


def margins(settings, swap=False):
    results = {}
    for pairing, k in settings.cases:
        configs = list(margin_recovers_clean._configs(settings, pairing, k).values())
        features = [minimiser_of(config) for config in configs]
        runs = [turned(each) for each in (features[::-1] if swap else features)]
        results[f"{pairing}-k{k}"] = {"runs": runs}
    return margin_recovers_clean.analyse(settings, results)


def test_margins():
    found = margins(SETTINGS)
    wrong = {each.name for each in found.comparisons if each.agrees is False}
    assert wrong == {
        f"margin for raw weights, {pairing}, k = {k}: the clean graph's loss"
        for pairing, k in SETTINGS.cases
    }
    assert outcomes(found, "margin × W", "beyond the top 3") == [True] * 3
    assert outcomes(found, "margin × W", "λ_4") == [True] * 3
    assert "nearer to the top k of the clean graph 3 times" in found.findings[0]
    assert "nearer to the top k of the difficult graph 3 times" in found.findings[1]


def test_swapped_margins_do_not_agree():
    found = margins(SETTINGS, swap=True)
    assert outcomes(found, ": loss") == [False] * 12
    assert outcomes(found, "clean graph's loss") == [True] * 6
    assert "difficult graph 3 times" in found.findings[0]


# --- Temperature


@pytest.mark.parametrize("end", ["minimiser", "eigen-factor"])
def test_temperatures(end):
    settings = replace(SETTINGS, features=(1, 3))
    results = {}
    for pairing, k in settings.cases:
        config = temperature_weighted._config(settings, pairing, k)
        best = end == "minimiser"
        features = minimiser_of(config) if best else trained_loss(config).eigen_factor(k)
        results[f"{pairing}-k{k}"] = {"runs": [turned(features)]}
    found = temperature_weighted.analyse(settings, results)
    assert outcomes(found, "weighted minimiser") == [best] * 6
    assert outcomes(found, "as Theorem 4.5 assumes") == [not best] * 6
    assert outcomes(found, "nearer") == [best] * 6
    assert ("training ends at the one and not at the other" in found.findings[-1]) is best
    assert [row["gap"] > 0 for row in found.tables["temperatures"].rows] == [True] * 6


def test_a_cut_eigenspace_has_no_eigen_factor():
    settings = replace(SETTINGS, pairings=("both",), features=(2,))
    features = minimiser_of(temperature_weighted._config(settings, "both", 2))
    found = temperature_weighted.analyse(settings, {"both-k2": {"runs": [turned(features)]}})
    assert [each.name for each in found.comparisons] == [
        "both, k = 2: loss of the weighted minimiser"
    ]


# --- Runs


@pytest.mark.parametrize(
    "name",
    [
        "spectral-recovery",
        "temperature-weighted",
        pytest.param("margin-recovers-clean", marks=pytest.mark.slow),
    ],
)
def test_smoke(name):
    found = run_experiment(name, preset="smoke")
    assert isinstance(found, ExperimentResult)
    assert {each.agrees for each in found.comparisons} == {None}
    (table,) = found.tables.values()
    assert {"bound", "λ_(k+1)", "δ", "error"} <= set(table.columns)
    assert all(np.isfinite(row["loss"]) for row in table)


@pytest.mark.slow
def test_training_reaches_the_minimum():
    settings = replace(
        SETTINGS, classes=2, per_class=3, difficult=1, pairings=("either",), features=(2,)
    )
    settings = replace(settings, steps=1000, batch_size=64)
    (task,) = spectral_recovery.make_tasks(settings, (0, 1), None)
    found = spectral_recovery.analyse(settings, {task.name: train_tables(**task.arguments)})
    assert outcomes(found, "either") == [True] * 3


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"features": (18,)}, "features must be between 1 and 17"),
        ({"pairings": ("all",)}, "pairings"),
        ({"rate": 0.0}, "rate"),
        ({"batch_size": 1}, "batch_size"),
        ({"steps": 0}, "steps"),
    ],
)
def test_settings_are_checked(change, match):
    with pytest.raises(ValueError, match=match):
        replace(SETTINGS, **change)
