"""Theory meets training: named experiments that set predictions beside measurements.

Names are loaded on first use, so that importing this package imports neither JAX nor scipy.
"""

from __future__ import annotations

from dctheory._lazy import lazy

# Public name -> the module that defines it.
_EXPORTS = {
    "run_experiment": "dctheory.experiment._run",
    "load_result": "dctheory.experiment.result",
    "publish_result": "dctheory.experiment._publish",
    "published_result": "dctheory.experiment._publish",
    "paper_table": "dctheory.experiment._published_table",
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
__getattr__, __dir__ = lazy(__name__, _EXPORTS)
