"""A small experiment in place of the real ones, and a record of the tasks that really ran."""

import sys
from dataclasses import dataclass
from types import ModuleType

import pytest

from dctheory._table import Table
from dctheory.experiment import registry
from dctheory.experiment._base import Analysis, Experiment, Settings
from dctheory.experiment.result import compare
from dctheory.experiment.statistics import paired_verdict
from dctheory.experiment.tasks import Task


@dataclass(frozen=True, kw_only=True)
class ToySettings(Settings):
    effect: float = 0.5
    methods: tuple[str, ...] = ("baseline", "removal")
    rounds: int = 0


def make_tasks(settings, seeds, data_dir):
    return [
        Task(
            f"{method}-{seed}",
            "toy_experiment:train",
            {"method": method, "seed": seed, "effect": settings.effect},
        )
        for method in settings.methods
        for seed in seeds
    ]


def follow(settings, seeds, results):
    """One task more in each round."""
    done = sum(name.startswith("later") for name in results)
    return [
        Task(f"later-{n}", "toy_experiment:train", {"method": "later", "seed": n, "effect": 0.0})
        for n in range(min(done + 1, settings.rounds))
    ]


def analyse(settings, results):
    of = {
        method: [r["accuracy"] for name, r in results.items() if name.startswith(method)]
        for method in settings.methods
    }
    seeds = range(len(of["baseline"]))
    return Analysis(
        comparisons=(
            compare("loss at the optimum", -1.25, -1.25, 1e-6, "float32's rounding"),
            compare("error", 0.1, float("nan"), 0.01, "3 standard errors", relation="≤"),
        ),
        verdicts=(paired_verdict("removal helps", of["removal"], of["baseline"]),),
        tables={"accuracy": Table(("seed", "baseline"), [(s, of["baseline"][s]) for s in seeds])},
        findings=("Removal helps here.",),
        warnings=("error 0.4 is above the valid bound 0.3: one of the two is wrong",),
    )


@pytest.fixture
def toy(monkeypatch):
    """The experiment ``toy``: ``toy.ran`` are its tasks that ran, ``toy.train`` can be replaced."""
    module = ModuleType("toy_experiment")
    module.ran = []

    def train(method, seed, effect):
        module.ran.append(f"{method}-{seed}")
        return {"accuracy": 0.8 + (method == "removal") * effect + 0.01 * (seed % 2) * effect}

    module.train = train
    sizes = {"smoke": 2, "cpu": 3, "gpu": 5, "paper": 10}
    module.EXPERIMENT = Experiment(
        name="toy",
        title="A toy",
        question="Does removal help?",
        claims=("cor-4.1",),
        presets={name: ToySettings(seeds=seeds) for name, seeds in sizes.items()},
        seconds={"cpu": 40.0, "gpu": 5400.0},
        tasks=make_tasks,
        analyse=analyse,
        more=follow,
    )
    monkeypatch.setitem(sys.modules, "toy_experiment", module)
    monkeypatch.setattr(registry, "EXPERIMENTS", {"toy": "toy_experiment:EXPERIMENT"})
    return module
