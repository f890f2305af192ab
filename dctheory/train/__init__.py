"""Contrastive training in JAX: configurations, runs that can be resumed, probes.

Names are loaded on first use, so that importing this package does not import JAX.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public name -> the module that defines it.
_EXPORTS = {
    "TrainConfig": "dctheory.train.config",
    "ModelConfig": "dctheory.train.config",
    "ObjectiveConfig": "dctheory.train.config",
    "OptimizerConfig": "dctheory.train.config",
    "EvaluationConfig": "dctheory.train.config",
    "GraphData": "dctheory.train.data_config",
    "SphereData": "dctheory.train.data_config",
    "DigitsData": "dctheory.train.data_config",
    "Cifar10Data": "dctheory.train.data_config",
    "Cifar100Data": "dctheory.train.data_config",
    "load_config": "dctheory.train.config_file",
    "save_config": "dctheory.train.config_file",
    "override": "dctheory.train.config_file",
    "run_training": "dctheory.train.trainer",
    "run_many": "dctheory.train.trainer",
    "TrainResult": "dctheory.train.outcome",
    "NonFiniteLoss": "dctheory.train.outcome",
    "Stopped": "dctheory.train.outcome",
    "initialize_processes": "dctheory.train.devices",
    "make_network": "dctheory.train.networks",
    "Network": "dctheory.train.networks",
    "fit_probe": "dctheory.train.probe",
    "knn_predict": "dctheory.train.neighbours",
    "EvaluationSet": "dctheory.train.protocol",
    "evaluate": "dctheory.train.protocol",
}

__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'dctheory.train' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
