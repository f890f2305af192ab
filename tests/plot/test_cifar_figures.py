"""Figures that wait for results on CIFAR: they say so, and are drawn once the results are there.

The results are made up here, in a folder of the test's own.
"""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dctheory.experiment._publish import publish_result
from dctheory.experiment.registry import load_experiment
from dctheory.experiment.result import ExperimentResult

FIGURES = Path(__file__).resolve().parents[2] / "figures"
WAITING = {
    "cifar-methods": "cifar-combined",
    "cifar-table-10": "cifar-mixed",
    "cifar-selection": "cifar-selection",
}
BOUND = {
    **{"k": 512, "alpha": 0.5, "beta": 0.2, "gamma": 0.25, "delta": 0.01, "eigenvalue": 1e-4},
    **{"printed": 2e-4, "bound": 0.1, "status": "s", "remark": ""},
}


def made_up(name, preset="gpu", dataset="cifar10"):
    """A result of the experiment, as if every run had reached nearly the same."""
    experiment = load_experiment(name)
    settings = replace(experiment.presets[preset], candidates=1, dataset=dataset, seeds=2)
    results = {}
    for number, task in enumerate(experiment.more(settings, (0, 1), {})):
        accuracy = 0.88 + 0.001 * (number % 7)
        evaluation = {"probe_accuracy": accuracy, "probe_error": 1 - accuracy, "knn_accuracy": 0.8}
        results[task.name] = {
            "evaluation": evaluation | {"probe_converged": True},
            "bound": BOUND,
            "selection": [{"step": s, "selected": 0.9 + s / 1e4, "all": 0.9} for s in (0, 100)],
            **{"diverged": None, "images": 50_000, "steps": 10, "seconds": 2.0},
        }
    found = experiment.analyse(settings, results)
    return ExperimentResult(
        name=name,
        title=experiment.title,
        question=experiment.question,
        preset=preset,
        seeds=(0, 1),
        comparisons=tuple(found.comparisons),
        verdicts=tuple(found.verdicts),
        tables=found.tables,
        findings=tuple(found.findings),
        settings=settings.to_dict(),
        manifest={"devices": ["NVIDIA H200"], "commit": "abc"},
        seconds=100.0,
    )


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """A function that loads figures/_training.py, with published results in the test's folder."""
    monkeypatch.syspath_prepend(str(FIGURES))

    def load():
        for name in ("_registry", "_training"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        registry = importlib.import_module("_registry")
        monkeypatch.setattr(registry, "RESULTS", tmp_path)
        importlib.import_module("_training")
        return registry.FIGURES

    yield load
    for name in ("_registry", "_training"):
        sys.modules.pop(name, None)


def test_what_is_not_measured_is_missing(registered, tmp_path):
    figures = registered()
    # A trial on part of the images does not count.
    publish_result(made_up("cifar-combined", "cpu"), tmp_path)
    assert all(entry.missing for entry in registered().values())
    assert set(WAITING) <= set(figures)


def test_they_are_drawn_when_it_is(registered, tmp_path):
    for experiment in WAITING.values():
        publish_result(made_up(experiment), tmp_path)
    publish_result(made_up("cifar-combined", dataset="cifar100"), tmp_path)
    figures = registered()
    drawings = {name: figures[name].draw() for name in WAITING if not figures[name].missing}
    assert set(drawings) == set(WAITING)
    for drawing in drawings.values():
        assert "NVIDIA H200" in drawing.caption
        assert all(len(table) for table in drawing.tables.values())
    titles = [panel.get_title("left") for panel in drawings["cifar-methods"].figure.axes]
    assert titles == ["(a) CIFAR-10", "(b) CIFAR-100"]


def test_the_larger_preset_is_drawn(registered, tmp_path):
    for preset in ("gpu", "paper"):
        publish_result(made_up("cifar-selection", preset), tmp_path)
    assert registered()["cifar-selection"].needs == ("cifar-selection-paper.json",)
