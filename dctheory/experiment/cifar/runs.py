"""One training run on CIFAR as a task that continues in its own folder, and what it reports."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dctheory.experiment.tasks import Site

if TYPE_CHECKING:
    from dctheory.data.images import ImageSet
    from dctheory.train.config import TrainConfig
    from dctheory.train.loop import Callback
    from dctheory.train.outcome import TrainResult

FUNCTION = f"{__name__}:train_encoder"
_SUBSET = "subset.csv"
# Numbers of the loss that a result keeps.
_LOSSES = 50


def train_encoder(
    config: Mapping[str, Any],
    similarity_samples: int = 0,
    *,
    images: Sequence[int] | None = None,
    moments: int = 0,
    subsets: Mapping[str, Any] | None = None,
    site: Site,
) -> dict[str, Any]:
    """The task.

    Args:
        config: document of a :class:`TrainConfig`, without places of files.
        similarity_samples: training images that α, β, γ and the bound come from; 0 for none.
        images: places in the training set of those trained on; None for all.
        moments: how often the selected pairs are looked at on the way.
        subsets: options of :func:`dctheory.experiment.cifar.subsets.choose_subsets`, which the
            trained encoder is then asked to do.
        site: where to work; see :class:`dctheory.experiment.tasks.Site`.

    Returns:
        ``evaluation`` (None if the loss was not finite: ``diverged`` then says when), ``images``
        trained on, ``steps``, ``seconds`` of training, ``losses`` as [step, loss], ``bound`` with
        the fields of :class:`BoundColumns` (None if there is none), and, if asked for,
        ``selection`` and ``subsets``.
    """
    from dctheory.train.config_file import from_dict
    from dctheory.train.outcome import NonFiniteLoss
    from dctheory.train.problem import cifar_images

    place = tempfile.TemporaryDirectory() if site.folder is None else nullcontext(site.folder)
    with place as name:
        folder = Path(name)
        run = _located(from_dict(config), site, folder, images)
        trained_on = cifar_images(run.data, run.seed).train  # type: ignore[arg-type]
        watch = None
        if moments:
            from dctheory.experiment.cifar.selection import Watch

            steps = len(trained_on) // run.batch_size * (run.epochs or 0)
            run = _evaluated_every(run, max(steps // moments, 1))
            watch = Watch(trained_on, folder)
        try:
            result = _trained(run, folder, site, watch)
        except NonFiniteLoss as error:
            return {"evaluation": None, "diverged": str(error), "images": len(trained_on)}
        found = _report(result, trained_on, similarity_samples)
        # A search's runs are nobody's encoders.
        if site.features is not None and similarity_samples:
            save_features(result, trained_on, site.features)
        if watch is not None:
            found["selection"] = watch.records()
        if subsets is not None:
            from dctheory.experiment.cifar.subsets import choose_subsets

            found["subsets"] = choose_subsets(result, trained_on, **subsets)
        return found


def _located(
    run: TrainConfig, site: Site, folder: Path, images: Sequence[int] | None
) -> TrainConfig:
    """The run with the places of its files."""
    from dctheory.data.subsets import save_subset

    places: dict[str, str] = {}
    if site.data_dir is not None:
        places["data_dir"] = str(site.data_dir)
    if images is not None:
        folder.mkdir(parents=True, exist_ok=True)
        save_subset(folder / _SUBSET, images, max(images) + 1)
        places["subset"] = str(folder / _SUBSET)
    data: Any = run.data
    return dataclasses.replace(run, data=dataclasses.replace(data, **places))


def _evaluated_every(run: TrainConfig, steps: int) -> TrainConfig:
    evaluation = dataclasses.replace(run.evaluation, every=steps)
    return dataclasses.replace(run, evaluation=evaluation)


def _trained(run: TrainConfig, folder: Path, site: Site, watch: Callback | None) -> TrainResult:
    """From where an earlier call was stopped."""
    from dctheory.train.trainer import run_training

    begun = any(folder.glob("train-*/config.json"))
    options: dict[str, Any] = {"max_seconds": site.seconds_left, "callback": watch}
    return run_training(run, out=folder, resume=begun, **options)[0]


def _report(result: TrainResult, images: ImageSet, similarity_samples: int) -> dict[str, Any]:
    losses = [[each["step"], each["loss"]] for each in result.history if "loss" in each]
    return {
        "evaluation": result.evaluation,
        "diverged": "its features are not finite" if result.evaluation is None else None,
        "images": len(images),
        "steps": result.step,
        "seconds": round(result.seconds, 1),
        "losses": losses[:: max(len(losses) // _LOSSES, 1)],
        "bound": _bound(result, images, similarity_samples) if similarity_samples else None,
    }


def save_features(result: TrainResult, images: ImageSet, folder: Path) -> None:
    """Leave in ``folder``, whole or not at all, what ``dctheory diagnose`` reads.

    ``embeddings.npy`` (N, p) float32 outputs of the encoder for the images as they are trained on,
    without augmentation; ``labels.npy`` (N,); ``indices.npy`` (N,) their places in the data set.
    """
    arrays: dict[str, Any] = {
        "embeddings": np.asarray(result.features(images.images), np.float32),
        "labels": images.labels,
        "indices": images.indices,
    }
    part = folder.with_name(f"{folder.name}.part")
    for earlier in (part, folder):
        shutil.rmtree(earlier, ignore_errors=True)
    part.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(part / f"{name}.npy", array)
    part.rename(folder)


def _bound(result: TrainResult, images: ImageSet, count: int) -> dict[str, Any] | None:
    """Of the images as they are trained on (mixed ones as mixed), without augmentation."""
    from dctheory.experiment.bound_columns import feature_bound

    seed = result.config.seed
    rows = np.random.default_rng(seed).permutation(len(images))[:count]
    part = images.subset(np.sort(rows))
    try:
        columns = feature_bound(result.features(part.images), part.labels, seed=seed)
    except ValueError as error:
        # Features may have collapsed, or a class may be too small: that is no fault of the run.
        return {"remark": str(error)}
    return dataclasses.asdict(columns)
