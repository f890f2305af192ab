"""The recipe: what every run on CIFAR has in common, and what each preset spends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dctheory._validation import check_choice, check_integer
from dctheory.experiment._base import Settings

if TYPE_CHECKING:
    from dctheory.train.config import TrainConfig

CLASSES = {"cifar10": 10, "cifar100": 100}
# Of the runs on the validation split: no final run's.
SEARCH_SEED = 10_000
# Settings that every method has to be searched among, at most.
MOST_CANDIDATES = 5
_RATE_PER_256 = 0.03


@dataclass(frozen=True, kw_only=True)
class CifarSettings(Settings):
    """CIFAR, the encoder, and how much is spent.

    Where ``samples`` is given, results decide nothing: they show that the experiment works.

    Args:
        dataset: "cifar10" or "cifar100".
        epochs, batch_size: of a final run.
        candidates: settings of each method that are tried, the baseline's temperature included;
            with 1 the first is taken untried.
        search_epochs: of each of these runs, on nine tenths of the training images; the rest of
            them tells which is best.
        model, width, projector: "resnet18" (8 · width features) or, for tests, "convnet".
        precision: of the network's computations.
        samples: training images; None for all.
        probe_samples: images that classifiers are fitted to and tested on; None for all.
        similarity_samples: training images that α, β and γ are measured on, at most.
        neighbours: of the k-NN classifier.
        omegas: shares ω of mixed images, of ``cifar-mixed``.
        imbalance: of the long tail, of ``cifar-longtail``.
        queue: keys in MoCo's queue, of ``cifar-moco``.
        kept: share of the images that a subset keeps, of ``cifar-subsets``.
        ranking: file in the data folder with images to keep, the best first; "" for none.
        moments: at which the selection is looked at during training, of ``cifar-selection``.
    """

    seeds: int = 3
    dataset: str = "cifar10"
    epochs: int = 200
    batch_size: int = 512
    candidates: int = MOST_CANDIDATES
    search_epochs: int = 50
    model: str = "resnet18"
    width: int = 64
    projector: int = 128
    precision: str = "bfloat16"
    samples: int | None = None
    probe_samples: int | None = None
    similarity_samples: int = 10_000
    neighbours: int = 200
    omegas: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3)
    imbalance: float = 100.0
    queue: int = 4096
    kept: float = 0.8
    ranking: str = ""
    moments: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("dataset", self.dataset, CLASSES)
        check_choice("model", self.model, ("resnet18", "convnet"))
        check_integer("candidates", self.candidates, 1, MOST_CANDIDATES)
        check_integer("search_epochs", self.search_epochs, 1)
        check_integer("similarity_samples", self.similarity_samples, 1)
        check_integer("moments", self.moments, 1)
        # What else is wrong, the configuration of a run says.
        self.config({}, 0)

    @property
    def classes(self) -> int:
        """Number r + 1 of classes."""
        return CLASSES[self.dataset]

    @property
    def unit(self) -> float:
        """100/(r + 1): the paper's posHigh, the share of pairs that are of one class, in %."""
        return 100 / self.classes

    @property
    def decides(self) -> bool:
        """Whether verdicts are given: not on a part of the images."""
        return self.samples is None

    def config(self, changes: Mapping[str, Any], seed: int, *, search: bool = False) -> TrainConfig:
        """A run of the recipe.

        SGD with momentum 0.9, rate 0.03 · batch/256 with a cosine and without warm-up, weight decay
        5e-4, τ = 0.5, ``dctheory.data.CIFAR_AUGMENTATION``; ω-mixing, tails and splits by the
        seed, so that methods see the same images. The data's place stands nowhere in it.

        Args:
            changes: what differs, by the keys of :class:`TrainConfig`, as ``objective.sigma``.
            seed: of the run.
            search: a short run that is judged on the validation split.
        """
        from dctheory.train.config_file import override

        batch = changes.get("batch_size", self.batch_size)
        recipe = self._recipe() | {
            "seed": seed,
            "epochs": self.search_epochs if search else self.epochs,
            "data.test": "validation" if search else "test",
            "optimizer.learning_rate": _RATE_PER_256 * batch / 256,
        }
        assignments = (recipe | dict(changes)).items()
        return override({}, [f"{key}={json.dumps(value)}" for key, value in assignments])

    def _recipe(self) -> dict[str, Any]:
        return {
            "data.kind": self.dataset,
            "data.samples": self.samples,
            "data.probe_samples": self.probe_samples,
            "model.kind": self.model,
            "model.width": self.width,
            "model.depth": 3,
            "model.features": 8 * self.width,
            "model.projector": self.projector,
            "objective.temperature": 0.5,
            "objective.pos_high": self.unit,
            "objective.pos_low": 2 * self.unit,
            "optimizer.kind": "sgd",
            "optimizer.momentum": 0.9,
            "optimizer.weight_decay": 5e-4,
            "optimizer.schedule": "cosine",
            "evaluation.neighbours": self.neighbours,
            "evaluation.knn_temperature": 0.1,
            "batch_size": self.batch_size,
            "precision": self.precision,
            # Ten epochs of CIFAR: what a killed run loses at most.
            "checkpoint_every": 1000,
        }
