"""The experiments by name; their modules are loaded when they are asked for."""

from __future__ import annotations

from importlib import import_module

from dctheory._table import Table
from dctheory._validation import check_choice
from dctheory.experiment._base import Experiment, duration

# Name -> where it is defined.
EXPERIMENTS = {
    "spectral-recovery": "dctheory.experiment.spectral_recovery:EXPERIMENT",
    "margin-recovers-clean": "dctheory.experiment.margin_recovers_clean:EXPERIMENT",
    "temperature-weighted": "dctheory.experiment.temperature_weighted:EXPERIMENT",
    "difficulty-dial": "dctheory.experiment.difficulty_dial:EXPERIMENT",
    "infonce-transfer": "dctheory.experiment.infonce_transfer:EXPERIMENT",
    "batch-size": "dctheory.experiment.batch_size:EXPERIMENT",
    "digits": "dctheory.experiment.digits:EXPERIMENT",
    "selection-quality": "dctheory.experiment.selection_quality:EXPERIMENT",
    "cifar-baseline": "dctheory.experiment.cifar.comparisons:BASELINE_ALONE",
    "cifar-removal": "dctheory.experiment.cifar.comparisons:REMOVAL",
    "cifar-margin": "dctheory.experiment.cifar.comparisons:MARGIN",
    "cifar-temperature": "dctheory.experiment.cifar.comparisons:TEMPERATURE",
    "cifar-combined": "dctheory.experiment.cifar.comparisons:COMBINED",
    "cifar-oracle": "dctheory.experiment.cifar.comparisons:ORACLE",
    "cifar-moco": "dctheory.experiment.cifar.comparisons:MOCO",
    "cifar-longtail": "dctheory.experiment.cifar.comparisons:LONGTAIL",
    "cifar-mixed": "dctheory.experiment.cifar.mixed:MIXED_CIFAR",
    "cifar-subsets": "dctheory.experiment.cifar.parts:SUBSETS",
    "cifar-sensitivity": "dctheory.experiment.cifar.sensitivity:SENSITIVITY",
    "cifar-selection": "dctheory.experiment.cifar.watched:SELECTION",
}


def load_experiment(name: str) -> Experiment:
    """The experiment of this name; ValueError for an unknown one, with the nearest."""
    module, _, attribute = EXPERIMENTS[check_choice("experiment", name, EXPERIMENTS)].partition(":")
    experiment: Experiment = getattr(import_module(module), attribute)
    return experiment


def quick_experiments(limit: float = 60.0) -> list[str]:
    """Names of those whose ``cpu`` preset takes at most ``limit`` seconds and no data set."""
    loaded = {name: load_experiment(name) for name in EXPERIMENTS}
    return [
        name
        for name, each in loaded.items()
        if each.seconds["cpu"] <= limit and not each.needs_data
    ]


def experiments_table() -> Table:
    """Name, question and time of every experiment."""
    loaded = {name: load_experiment(name) for name in EXPERIMENTS}
    rows = [(name, each.question, duration(each.seconds["cpu"])) for name, each in loaded.items()]
    return Table(("experiment", "question", "time on 2 cores (cpu)"), rows)
