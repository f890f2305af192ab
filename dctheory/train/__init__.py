"""Contrastive training in JAX: configurations, runs that can be resumed, probes.

A run is a :class:`TrainConfig`: data, model, objective, optimizer and evaluation, and how long.
What a file leaves out has its default; keys and their meaning stand in
:mod:`dctheory.train.config` and :mod:`dctheory.train.data_config`. For instance ``run.toml``::

    epochs = 100
    checkpoint_every = 200
    [data]
    kind = "digits"
    mixed = 0.2
    [model]
    kind = "mlp"
    projector = 64
    [objective]
    method = "removal"
    [optimizer]
    learning_rate = 0.1

On the command line, and in Python::

    dctheory train run.toml --set objective.pos_high=5 --seeds 5 --out results

    config = override(load_config("run.toml"), ["objective.pos_high=5"])
    results = run_training(config, seeds=5, out="results")
    results[0].evaluation["probe_accuracy"]

- **Folder.** ``results/train-YYYYmmdd-HHMMSS`` holds ``config.json``, ``manifest.json`` (versions,
  device, command), ``log.jsonl``, the last two checkpoints and at the end ``result.json``. Numbers
  are those of the last step; nothing is chosen on the test set.
- **Resume.** The same command with ``--resume`` (``resume=True``) goes on from the last checkpoint,
  on the same kind of device bit for bit, however the run ended: SIGTERM, ``--max-seconds``, a kill,
  a full disk. A damaged checkpoint is set aside with a warning, and the one before it is used.
- **Seeds.** ``seeds=5`` trains config.seed, config.seed + 1, … as one program.
  :func:`run_many` takes any configurations, and lets those share programs that can.
- **Devices.** All devices are used: each has a part of the batch, or of the seeds. ``--devices N``
  uses the first N. A run may be resumed on another number of them, then to float rounding.
- **Processes**, on one machine or several. Each runs the same command and its own number, here 0::

    dctheory train run.toml --coordinator HOST:PORT --processes 2 --process 0

  The first one alone writes, so that only it needs the folder.

Names are loaded on first use, so that importing this package does not import JAX.
"""

from __future__ import annotations

from dctheory._lazy import lazy

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
__getattr__, __dir__ = lazy(__name__, _EXPORTS)
