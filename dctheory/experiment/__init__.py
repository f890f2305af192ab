"""Theory meets training: named experiments that set predictions beside measurements.

Names are loaded on first use, so that importing this package imports neither JAX nor scipy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public name -> the module that defines it.
_EXPORTS = {
    "run_experiment": "dctheory.experiment._run",
    "load_result": "dctheory.experiment.result",
    "ExperimentResult": "dctheory.experiment.result",
    "Comparison": "dctheory.experiment.result",
    "EmpiricalVerdict": "dctheory.experiment.result",
    "experiments_table": "dctheory.experiment.registry",
    "quick_experiments": "dctheory.experiment.registry",
    "mean_interval": "dctheory.experiment.statistics",
    "paired_difference": "dctheory.experiment.statistics",
    "paired_verdict": "dctheory.experiment.statistics",
    "seeds_needed": "dctheory.experiment.statistics",
    "rank_agreement": "dctheory.experiment.statistics",
    "Task": "dctheory.experiment.tasks",
    "TaskError": "dctheory.experiment.tasks",
    "run_tasks": "dctheory.experiment.tasks",
}

__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'dctheory.experiment' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
