"""Digits and CIFAR-10: what is found agrees with sums over all pairs and with scikit-learn."""

import json
import os

import numpy as np
import pytest
from sklearn.datasets import load_digits

from dctheory.diagnose import Diagnosis

# What a fit leaves out where nothing is missing.
_NEEDLESS = {"classes", "clusters"}


def _naive_means(rows, labels, difficult):
    """α, β and γ (both ends difficult) from the matrix of all pairs."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosine = unit @ unit.T
    same = labels[:, None] == labels
    hard = ~same & difficult[:, None] & difficult
    other = ~np.eye(len(rows), dtype=bool)
    return [cosine[kind].mean() for kind in (same & other, ~same & ~hard, hard)]


def _check(found, rows, labels):
    assert set(found.missing_) == _NEEDLESS
    expected = _naive_means(
        np.asarray(rows, dtype=np.float64), labels, found.estimate_.is_difficult
    )
    assert [found.alpha_, found.beta_, found.gamma_] == pytest.approx(expected, abs=1e-6)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    for name in ("alpha", "beta", "gamma"):
        assert document[name]["low"] < document[name]["estimate"] < document[name]["high"]
    assert "What to do" in found.to_text(80)


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.data[:900], data.target[:900]


def test_pixels_of_digits(digits):
    rows, labels = digits
    found = Diagnosis().fit(rows, labels)
    _check(found, rows, labels)
    # The digits that a classifier nearly confuses are no more alike than others.
    assert found.gamma_ < found.beta_
    assert found.theory_.levels is None
    assert "β ≤ γ fails" in found.to_text()
    assert found.errors_.rate().rate < 0.1
    hard, easy = (found.errors_.rate(samples=kind).rate for kind in ("difficult", "easy"))
    assert hard > easy


def test_principal_components_of_digits(digits):
    from sklearn.decomposition import PCA

    pixels, labels = digits
    rows = PCA(16, svd_solver="full").fit_transform(pixels)
    found = Diagnosis().fit(rows, labels)
    _check(found, rows, labels)
    # Centred rows have cosines near 0 on the whole, so that β is below it.
    assert found.beta_ < 0
    assert found.theory_.levels is None
    assert "0 ≤ β fails" in found.to_text()


def test_digits_without_labels(digits):
    rows, labels = digits
    found = Diagnosis(classes=10).fit(rows)
    assert set(found.missing_) == {"errors"}
    assert found.labels_are_ == "clusters"
    assert {each.certainty for each in found.advice_} == {"none"}
    marked = np.flatnonzero(found.estimate_.is_difficult)
    assert marked.tolist() == found.difficulty_.suggested.tolist()
    # Clusters are not the classes, but near them.
    assert found.alpha_ == pytest.approx(Diagnosis().fit(rows, labels).alpha_, abs=0.05)


def _trained(data, **model):
    from dctheory.train import (
        EvaluationConfig,
        ModelConfig,
        OptimizerConfig,
        TrainConfig,
        run_training,
    )

    config = TrainConfig(
        data=data,
        model=ModelConfig(**model),
        optimizer=OptimizerConfig(learning_rate=0.1),
        evaluation=EvaluationConfig(neighbours=0, iterations=5),
        steps=60,
        batch_size=128,
    )
    (result,) = run_training(config)
    return result


@pytest.mark.slow
def test_features_of_an_encoder_trained_on_digits(digits):
    from dctheory.train import DigitsData

    pixels, labels = digits
    images = (pixels.reshape(-1, 8, 8, 1) / 16).astype(np.float32)
    result = _trained(DigitsData(), kind="mlp", features=16, width=64)
    rows = result.features(images)
    found = Diagnosis().fit(rows, labels, images=(255 * images).astype(np.uint8))
    _check(found, rows, labels)
    assert "data:image/png" in found.to_html()


@pytest.mark.slow
def test_features_of_an_encoder_trained_on_cifar():
    if not os.environ.get("DCTHEORY_DATA"):
        pytest.skip("DCTHEORY_DATA names no folder with CIFAR-10")
    from dctheory.data import load_cifar10
    from dctheory.train import Cifar10Data

    chosen = slice(0, 2000)
    data = load_cifar10().train
    images, labels = np.asarray(data.images[chosen]), np.asarray(data.labels[chosen])
    result = _trained(
        Cifar10Data(samples=2000, probe_samples=500), kind="convnet", features=32, width=16
    )
    rows = result.features(images.astype(np.float32) / 255)
    found = Diagnosis().fit(rows, labels, images=images)
    _check(found, rows, labels)
    assert found.errors_.rate().rate < 0.9
