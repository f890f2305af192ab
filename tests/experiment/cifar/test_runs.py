"""A run on small files in CIFAR's layout, stopped and continued; subsets and what is selected."""

from types import SimpleNamespace

import numpy as np
import pytest

from dctheory.data.cifar import load_cifar10
from dctheory.data.images import ImageSet
from dctheory.experiment.cifar.presets import presets
from dctheory.experiment.cifar.runs import train_encoder
from dctheory.experiment.cifar.selection import cross_class_shares, view_features
from dctheory.experiment.cifar.subsets import _first_of, choose_subsets, mean_scores
from dctheory.experiment.tasks import OutOfTime, Site, Task, run_tasks
from dctheory.train.config import ObjectiveConfig
from dctheory.train.config_file import to_dict
from dctheory.train.problem import cifar_images

SMOKE = presets()["smoke"]


def encoder(batch_size=8, **objective):
    """In place of a trained one: its features are the pixels' means over rows of the image."""

    def features(images):
        array = np.asarray(images, np.float32)
        scale = 255 if np.asarray(images).dtype == np.uint8 else 1
        return (array / scale).mean((2, 3))

    config = SimpleNamespace(batch_size=batch_size, seed=0, objective=ObjectiveConfig(**objective))
    return SimpleNamespace(config=config, features=features)


@pytest.fixture
def images():
    """60 images of three classes, with places in the set from 100 on."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    pixels = rng.integers(0, 120, (60, 8, 8, 3)) + 60 * labels[:, None, None, None]
    return ImageSet(np.clip(pixels, 0, 255).astype(np.uint8), labels, np.arange(100, 160))


# --- The task


def arguments(images):
    config = to_dict(SMOKE.config({"data.samples": None, "batch_size": 16}, 1))
    return {"config": config, "similarity_samples": 42, "images": images, "moments": 2}


def test_a_run_goes_on_where_it_was_stopped_and_reports_all(data_dir, tmp_path, monkeypatch):
    kept = [*range(40), 102, 103]
    task = Task("run", "dctheory.experiment.cifar.runs:train_encoder", arguments(kept), sited=True)
    whole = train_encoder(**task.arguments, site=Site(tmp_path / "whole", data_dir))
    parts, calls = tmp_path / "parts", 0
    # Time is over at once: each call does one step, of two.
    monkeypatch.setattr(Site, "seconds_left", property(lambda site: 1e-9))
    while not (parts / "run.json").exists():
        calls += 1
        assert calls <= 2
        try:
            found = run_tasks([task], parts, data_dir=data_dir)["run"]
        except OutOfTime:
            assert list((parts / "run").glob("train-*/checkpoints/*.npz"))
    assert calls == 2
    assert not (parts / "run").exists()
    for key in ("evaluation", "images", "steps", "selection", "bound", "diverged"):
        assert found[key] == whole[key], key
    assert whole["images"] == 42
    assert whole["steps"] == 2
    assert [each["step"] for each in whole["selection"]] == [1, 2]
    assert whole["bound"]["k"] == 16
    assert 0 <= whole["evaluation"]["knn_accuracy"] <= 1


def test_features_are_kept_on_wish(data_dir, tmp_path):
    final = arguments([*range(40), 102, 103]) | {"moments": 0}
    names = {"final": final, "search": final | {"similarity_samples": 0}}
    function = "dctheory.experiment.cifar.runs:train_encoder"
    tasks = [Task(name, function, each, sited=True) for name, each in names.items()]
    (tmp_path / "kept" / "final.part").mkdir(parents=True)
    run_tasks(tasks, tmp_path / "tasks", data_dir=data_dir, features=tmp_path / "kept")
    # Not those of the search, nor of an attempt that was killed.
    (folder,) = (tmp_path / "kept").iterdir()
    assert folder.name == "final"
    kept = {path.stem: np.load(path) for path in folder.iterdir()}
    assert (kept["embeddings"].shape, kept["embeddings"].dtype) == ((42, 16), np.float32)
    assert kept["indices"].tolist() == final["images"]
    images = load_cifar10(data_dir).train
    assert kept["labels"].tolist() == images.labels[final["images"]].tolist()
    assert kept["embeddings"].std(axis=0).max() > 0


def test_the_images_of_a_run(data_dir):
    data = SMOKE.config({"data.samples": 100, "data.probe_samples": 50}, 0).data
    located = type(data)(**{**vars(data), "data_dir": str(data_dir)})
    found = cifar_images(located, 0)
    assert [len(each) for each in found[:3]] == [100, 50, 50]
    assert np.bincount(found.train.labels).tolist() == [10] * 10
    source = load_cifar10(data_dir).train
    np.testing.assert_array_equal(found.train.images, source.images[found.train.indices])
    search = SMOKE.config({"data.samples": None, "data.probe_samples": None}, 0, search=True).data
    located = type(search)(**{**vars(search), "data_dir": str(data_dir)})
    found = cifar_images(located, 0)
    assert [len(each) for each in found[:3]] == [180, 180, 20]
    assert not set(found.test.indices) & set(found.train.indices)


# --- Views, scores, subsets


def test_every_image_is_in_one_batch_of_a_pass(images):
    batches = list(view_features(encoder(), images, passes=2))
    assert len(batches) == 16
    for half in (batches[:8], batches[8:]):
        assert set(np.concatenate([rows for rows, _ in half])) == set(range(60))
    assert all(features.shape == (16, 8) for _, features in batches)
    assert len(list(view_features(encoder(), images, most=3))) == 3


def selected_naively(features, pos_high, pos_low):
    """Eq. 12 by a sort of each row."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosine, size = unit @ unit.T, len(unit)
    mask = np.zeros((size, size), bool)
    for i in range(size):
        others = [j for j in range(size) if j not in (i, (i + size // 2) % size)]
        order = sorted(others, key=lambda j: -cosine[i, j])
        ranks = [int(np.ceil(q * len(others) / 100 - 1e-9)) for q in (pos_high, pos_low)]
        mask[i, order[ranks[0] : ranks[1]]] = True
    return mask


def test_scores_and_shares_are_those_of_a_naive_count(images):
    result = encoder(pos_high=20.0, pos_low=50.0)
    sums, counts = np.zeros(60), np.zeros(60)
    shares = []
    for number, (rows, features) in enumerate(view_features(result, images, passes=3)):
        mask = selected_naively(features, 20, 50)
        own = (mask.sum(0) + mask.sum(1)).reshape(2, -1).sum(0) / (4 * 14)
        for row, score in zip(rows, own, strict=True):
            sums[row] += score
            counts[row] += 1
        labels = np.tile(images.labels[rows], 2)
        if number < 4:
            shares.append([(mask & (labels[:, None] != labels)).sum(), mask.sum()])
    np.testing.assert_allclose(mean_scores(result, images), sums / counts, rtol=1e-6)
    cross, chosen = np.sum(shares, axis=0)
    found = cross_class_shares(result, images)
    assert found["selected"] == pytest.approx(cross / chosen)
    assert 0.5 < found["all"] < 0.8


def test_subsets_have_equal_budgets_and_keep_what_their_rule_says(images):
    result = encoder(pos_high=20.0, pos_low=50.0)
    ranking = [*range(159, 99, -1), 7]
    found = choose_subsets(result, images, 0.7, ranking)
    assert {name: len(set(kept)) for name, kept in found.items()} == dict.fromkeys(found, 42)
    assert all(set(kept) <= set(range(100, 160)) for kept in found.values())
    for name in ("balanced", "oracle"):
        assert np.bincount(np.array(found[name]) % 3).tolist() == [14] * 3
    assert found["ranking"] == list(range(118, 160))
    scores = mean_scores(result, images)
    kept = np.isin(images.indices, found["score"])
    assert scores[kept].max() <= scores[~kept].min()
    assert found["random"] != found["balanced"]


def test_a_ranking_that_is_too_short_is_named(images):
    with pytest.raises(ValueError, match="has 1 of the images trained on, 42 are to be kept"):
        _first_of([100, 7], images, 42)
