"""Encoders trained on the digits: the recipe, the tasks, and what is measured of each run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dctheory._validation import check_choice, check_integer, check_real
from dctheory.experiment._base import Settings
from dctheory.experiment.cifar.settings import MOST_CANDIDATES, SEARCH_SEED
from dctheory.experiment.tasks import Task

if TYPE_CHECKING:
    from dctheory.experiment.bound_columns import BoundColumns
    from dctheory.train.config import TrainConfig
    from dctheory.train.outcome import TrainResult
    from dctheory.train.problem import Problem
    from dctheory.train.protocol import EvaluationSet

# Number r + 1 of classes; the percentage that the paper takes for posHigh is 100/(r + 1).
CLASSES = 10
POS_HIGH = 100 / CLASSES
METHODS = (
    *("removal", "margin", "temperature", "combined"),
    *("margin-all", "temperature-all", "combined-all"),
    *("debiased", "hcl"),
)
# What is not trained: pixels, their principal components, an encoder as it is initialised.
PIXELS, UNTRAINED = "pixels", "untrained encoder"
COMPONENTS = (10, 32)


@dataclass(frozen=True, kw_only=True)
class DigitsSettings(Settings):
    """The recipe of the runs on the digits, and how much is spent.

    Args:
        ratios: shares ω of mixed images, besides 0.
        methods: compared with the baseline; "margin-all" is "margin" on all negative pairs.
        candidates: settings of each method that are tried, the baseline's τ included; with 1 the
            first is taken untried.
        steps, batch_size, learning_rate: of every run, by AdamW with a warm-up of a tenth of the
            steps and a cosine to zero.
        width: channels of the first of the convnet's three stages.
        features: k, and the projector's dimension.
    """

    ratios: tuple[float, ...] = (0.1, 0.2, 0.3)
    methods: tuple[str, ...] = METHODS
    candidates: int = MOST_CANDIDATES
    steps: int = 300
    batch_size: int = 64
    learning_rate: float = 0.01
    width: int = 16
    features: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("seeds", self.seeds, 1, SEARCH_SEED)
        check_integer("candidates", self.candidates, 1, MOST_CANDIDATES)
        for method in self.methods:
            check_choice("methods", method, METHODS)
        for ratio in self.ratios:
            check_real("ratios", ratio, 0, 0.9, low_open=True)
        if not self.ratios or sorted(set(self.ratios)) != list(self.ratios):
            raise ValueError(f"ratios must rise, with at least one, got {self.ratios}")
        # What else is wrong, the configuration of a run says.
        self.config({}, 0)

    def config(self, changes: Mapping[str, Any], seed: int, *, search: bool = False) -> TrainConfig:
        """A run of the recipe; split, mixture and all else by its seed.

        Args:
            changes: what differs, by the keys of :class:`TrainConfig`, as ``objective.sigma``.
            seed: of the run.
            search: a run on the same split that is judged on its validation part, and has a seed
                of its own for all else.
        """
        from dctheory.train.config_file import override

        own = {"seed": SEARCH_SEED + seed, "data.seed": seed} if search else {"seed": seed}
        test = {"data.test": "validation" if search else "test"}
        assignments = (self._recipe() | own | test | dict(changes)).items()
        return override({}, [f"{key}={json.dumps(value)}" for key, value in assignments])

    def _recipe(self) -> dict[str, Any]:
        return {
            "data.kind": "digits",
            "model.kind": "convnet",
            "model.width": self.width,
            "model.depth": 3,
            "model.features": self.features,
            "model.projector": self.features,
            "objective.temperature": 0.5,
            "objective.pos_high": POS_HIGH,
            "optimizer.kind": "adamw",
            "optimizer.learning_rate": self.learning_rate,
            "optimizer.weight_decay": 1e-4,
            "optimizer.warmup": 0.1,
            # On the training images that is about C = 1 of scikit-learn.
            "evaluation.ridge": 1e-3,
            "steps": self.steps,
            "batch_size": self.batch_size,
            "log_every": self.steps,
        }


def run_task(name: str, function: str, configs: Sequence[TrainConfig]) -> Task:
    """A task of one of the functions below."""
    from dctheory.train.config_file import to_dict

    documents = [to_dict(config) for config in configs]
    return Task(name, f"{__name__}:{function}", {"configs": documents})


# --- The tasks


def validate(configs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``accuracies`` of the runs, for a search; None of those that diverged."""
    found = [None if each is None else each.evaluation for each in _trained(configs)]
    return {"accuracies": [None if each is None else each["probe_accuracy"] for each in found]}


def measure(configs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``runs``: a record for each run (:func:`record_of`)."""
    return {"runs": [record_of(result) for result in _trained(configs)]}


def refer(configs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``runs``: for the data of each run, accuracies of features that are not trained, by name."""
    from dctheory.train.config_file import from_dict

    return {"runs": [_references(from_dict(config)) for config in configs]}


def _trained(configs: Sequence[Mapping[str, Any]]) -> list[TrainResult | None]:
    """The runs, None for those that diverged."""
    from dctheory.train.config_file import from_dict
    from dctheory.train.outcome import NonFiniteLoss
    from dctheory.train.trainer import run_many

    runs = [from_dict(config) for config in configs]
    try:
        return [None if each.evaluation is None else each for each in run_many(runs)]
    except NonFiniteLoss:
        # A run that is a program's only one ends the others too.
        return [None] if len(runs) == 1 else [_trained([each])[0] for each in configs]


# --- What is measured


def record_of(result: TrainResult | None) -> dict[str, Any]:
    """Accuracies on the test part, and similarities and bounds of the features.

    The trainer's probe is fitted to all training images before mixing, whatever was trained on:
    it tells encoders apart. ``own`` is a probe fitted to the images as they were trained on.

    Returns:
        Nothing for a run that diverged; else ``accuracy``, ``knn``, ``own``, ``images`` trained on,
        and, with their columns, ``bound`` (k features; difficult are the 8 % with the smallest
        gap), ``classes`` (the same with k = r + 1, where Theorem 3.4 speaks) and, where some are,
        ``mixed`` (as ``bound``, difficult are the mixed images); ``warning`` if an error is above
        a bound.
    """
    if result is None or result.evaluation is None:
        return {}
    from dctheory.train.problem import make_problem

    config = result.config
    problem = make_problem(config)
    sets = problem.evaluation
    own = np.asarray(problem.source.images)
    features, tested = result.features(own), result.features(sets.test_inputs)
    labels, mixed = own_labels(config, problem)
    probe = _accuracies(features, labels, tested, sets, config)
    found = {
        "accuracy": result.evaluation["probe_accuracy"],
        "knn": result.evaluation["knn_accuracy"],
        "own": probe["accuracy"],
        "images": len(own),
    }
    name = f"seed {config.seed}"
    return found | _bounds(name, features, labels, mixed, result.evaluation["probe_error"])


def own_labels(config: TrainConfig, problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """(N,) labels of the images that a run trains on, and which of them are mixed."""
    from dctheory.data.digits import load_digits

    source, sets = problem.source, problem.evaluation
    seed = config.seed if config.data.seed is None else config.data.seed
    rows = {index: row for row, index in enumerate(load_digits(seed).train.indices)}
    places = np.array([rows[index] for index in np.asarray(source.indices)])
    changed = np.asarray(source.images) != np.asarray(sets.fit_inputs)[places]
    return np.asarray(sets.fit_labels)[places], changed.any(axis=(1, 2, 3))


def _bounds(
    name: str, features: np.ndarray, labels: np.ndarray, mixed: np.ndarray, error: float
) -> dict[str, Any]:
    from dctheory.experiment.bound_columns import feature_bound
    from dctheory.graph.estimate import estimate_similarities

    try:
        nearly_confused = estimate_similarities(features, labels).is_difficult
        bound = feature_bound(features, labels, nearly_confused)
        found = {
            "bound": _columns(bound),
            "classes": _columns(feature_bound(features, labels, nearly_confused, k=CLASSES)),
            "warning": bound.warning(name, error),
        }
        if mixed.any():
            found["mixed"] = _columns(feature_bound(features, labels, mixed))
    except ValueError as issue:
        # Features may have collapsed: that is no fault of the run.
        return {"warning": f"{name}: no similarities, {issue}"}
    return found


def _columns(bound: BoundColumns) -> dict[str, Any]:
    return {**bound.to_dict(), "γ − β": bound.gamma - bound.beta}


def _accuracies(
    features: np.ndarray,
    labels: np.ndarray,
    tested: np.ndarray,
    sets: EvaluationSet,
    config: TrainConfig,
) -> dict[str, float]:
    """Of probe and k-NN, fitted to features and tested on others, as the trainer does it."""
    from dctheory.train.neighbours import knn_predict
    from dctheory.train.probe import error_rate, fit_probe

    options = config.evaluation
    probe = fit_probe(features, labels, CLASSES, ridge=options.ridge, iterations=options.iterations)
    voted = knn_predict(
        features,
        labels,
        tested,
        CLASSES,
        neighbours=options.neighbours,
        temperature=options.knn_temperature,
    )
    return {
        "accuracy": 1 - float(error_rate(probe, tested, sets.test_labels)),
        "knn": float(np.mean(np.asarray(voted) == sets.test_labels)),
    }


def _references(config: TrainConfig) -> dict[str, dict[str, float]]:
    from dctheory.train.problem import make_problem

    sets = make_problem(config).evaluation
    images = [np.asarray(each) for each in (sets.fit_inputs, sets.test_inputs)]
    pixels = [each.reshape(len(each), -1) for each in images]
    axes = np.linalg.svd(pixels[0] - pixels[0].mean(0), full_matrices=False)[2]
    kinds = {PIXELS: pixels}
    kinds |= {f"PCA, {count}": [each @ axes[:count].T for each in pixels] for count in COMPONENTS}
    kinds[UNTRAINED] = [untrained_features(config, each) for each in images]
    labels = np.asarray(sets.fit_labels)
    return {
        name: _accuracies(fitted, labels, tested, sets, config)
        for name, (fitted, tested) in kinds.items()
    }


def untrained_features(config: TrainConfig, images: np.ndarray) -> np.ndarray:
    """(N, k) outputs of the run's encoder before its first step."""
    from dctheory.data.keys import step_key
    from dctheory.train.networks import make_network
    from dctheory.train.protocol import extract_features

    network = make_network(config.model, images.shape[1:], config.precision)
    initial = network.init(step_key(config.seed, 0, 0, "initialisation"))
    return np.asarray(extract_features(network, *initial, images))
