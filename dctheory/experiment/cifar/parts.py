"""Figure 1: training on parts of the images, chosen by different rules at equal budgets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dctheory.experiment.cifar.methods import Method
from dctheory.experiment.cifar.presets import presets
from dctheory.experiment.cifar.settings import CifarSettings
from dctheory.experiment.cifar.study import Contrast, Study, count_images, train_task
from dctheory.experiment.cifar.subsets import BALANCED, ORACLE, RANDOM, RANKING, SCORE
from dctheory.experiment.cifar.tables import Results, final_name
from dctheory.experiment.tasks import Task

_ALL = "all-images"


def _rules(settings: CifarSettings) -> list[str]:
    return [RANDOM, BALANCED, SCORE, ORACLE, *([RANKING] if settings.ranking else [])]


def _methods(settings: CifarSettings) -> list[Method]:
    return [Method(name) for name in (RANDOM, _ALL, *_rules(settings)[1:])]


def _contrasts(settings: CifarSettings) -> list[Contrast]:
    return [Contrast(name, RANDOM) for name in (_ALL, *_rules(settings)[1:])]


@dataclass(frozen=True, kw_only=True)
class SubsetStudy(Study):
    """Encoders trained on all images choose the parts, each for its own seed."""

    def tasks(
        self, settings: CifarSettings, seeds: tuple[int, ...], data_dir: Path | None
    ) -> list[Task]:
        """The runs on all images, which choose the subsets."""
        ranking = _read_ranking(settings, data_dir, count_images(settings, data_dir))
        rule = {"kept": settings.kept, "ranking": ranking}
        return [
            train_task(
                final_name(_ALL, seed),
                settings.config({}, seed),
                similarity_samples=settings.similarity_samples,
                subsets=rule,
            )
            for seed in seeds
        ]

    def more(self, settings: CifarSettings, seeds: tuple[int, ...], results: Results) -> list[Task]:
        """The runs on the subsets: what their result depends on, the images, is their argument."""
        return [
            train_task(
                final_name(rule, seed),
                # The subset is of the images that the run on all of them had.
                settings.config({"data.samples": None}, seed),
                similarity_samples=settings.similarity_samples,
                images=results[final_name(_ALL, seed)]["subsets"][rule],
            )
            for seed in seeds
            for rule in _rules(settings)
            if results[final_name(_ALL, seed)]["evaluation"] is not None
        ]


def _read_ranking(settings: CifarSettings, data_dir: Path | None, count: int) -> list[int] | None:
    """The places of the images in the ranking file; None if no file is asked for.

    Raises OSError or ValueError as :func:`dctheory.data.load_subset`.
    """
    from dctheory.data.cifar import VARIABLE
    from dctheory.data.subsets import load_subset

    if not settings.ranking:
        return None
    folder = data_dir or Path(os.environ.get(VARIABLE, "."))
    places: list[int] = load_subset(folder / settings.ranking, count).tolist()
    return places


SUBSETS = SubsetStudy(methods=_methods, contrasts=_contrasts, searched=False).experiment(
    name="cifar-subsets",
    title="Figure 1: subsets of equal size",
    question=(
        "Trained on equally many images, is it better to leave out difficult ones than random "
        "ones, and can a part be better than all?"
    ),
    presets=presets(gpu={"epochs": 40}),
    seconds={"cpu": 90.0},
)
