"""Runs on the digits: the recipe, and what is measured, beside naive computations."""

import json

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from dctheory.data.digits import load_digits
from dctheory.data.mixing import mix_pixels
from dctheory.experiment import _digits_runs
from dctheory.experiment._digits_runs import DigitsSettings, measure, own_labels, refer, validate
from dctheory.train.config_file import override, to_dict
from dctheory.train.outcome import NonFiniteLoss
from dctheory.train.problem import make_problem
from dctheory.train.trainer import run_many

# A matrix on the pixels, which compiles in a moment.
SMALL = {"model.kind": "linear", "model.projector": 0, "steps": 2, "batch_size": 8}


def config(seed=1, **changes):
    keys = {key.replace("__", "."): value for key, value in changes.items()}
    return DigitsSettings(features=12).config(SMALL | keys, seed)


def measured(*configs):
    """What the tasks get and give, through JSON."""
    documents = json.loads(json.dumps([to_dict(each) for each in configs]))
    return measure(documents)["runs"]


# --- The recipe


def test_the_search_has_the_split_of_the_final_run_and_nothing_else_of_it():
    settings = DigitsSettings()
    final, search = (settings.config({}, 3, search=search) for search in (False, True))
    assert (final.seed, final.data.seed, final.data.test) == (3, None, "test")
    assert (search.seed, search.data.seed, search.data.test) == (10_003, 3, "validation")
    same = override(search, ["seed=3", "data.seed=null", "data.test=test"])
    assert same == final


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ratios": ()}, "ratios must rise, with at least one"),
        ({"ratios": (0.2, 0.1)}, "ratios must rise"),
        ({"ratios": (0.1, 0.1)}, "ratios must rise"),
        ({"ratios": (0.0, 0.1)}, r"ratios must lie in \(0, 0.9\]"),
        ({"methods": ("margins",)}, "did you mean 'margin'"),
        ({"candidates": 6}, "candidates must be between 1 and 5"),
        ({"seeds": 10_001}, "seeds must be between 1 and 10000"),
        ({"steps": 0}, "steps must be"),
        ({"batch_size": 1}, "batch_size must be"),
    ],
)
def test_settings_that_make_no_run_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        DigitsSettings(**changes)


# --- What is measured


@pytest.fixture(scope="module")
def run():
    """A run on images of which some are mixed: its result and its record."""
    mixed = config(data__mixed=0.2)
    return run_many([mixed])[0], measured(mixed)[0]


def own_images(kept):
    mixture = mix_pixels(load_digits(1).train, 0.2, np.random.default_rng(1))
    if kept:
        return mixture.data, mixture.mixed
    return mixture.without_mixed(), np.zeros(len(mixture.without_mixed()), bool)


@pytest.mark.parametrize("kept", [True, False])
def test_labels_of_the_images_trained_on(kept):
    images, mixed = own_images(kept)
    # The seed of the data counts, not that of the run.
    found = config(7, data__seed=1, data__mixed=0.2, data__keep_mixed=kept)
    labels, changed = own_labels(found, make_problem(found))
    np.testing.assert_array_equal(labels, images.labels)
    np.testing.assert_array_equal(changed, mixed)


def test_a_record_holds_the_trainers_accuracies(run):
    result, record = run
    assert record["accuracy"] == result.evaluation["probe_accuracy"]
    assert record["knn"] == result.evaluation["knn_accuracy"]
    assert record["images"] == len(own_images(True)[0])


def test_similarities_are_mean_cosines_of_the_images_trained_on(run):
    result, record = run
    images, mixed = own_images(True)
    features = result.features(images.images).astype(float)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosine, same = unit @ unit.T, images.labels[:, None] == images.labels
    different = ~np.eye(len(images), dtype=bool)
    assert record["bound"]["α"] == pytest.approx(cosine[same & different].mean(), abs=1e-6)
    hard, found = ~same & mixed[:, None] & mixed, record["mixed"]
    assert found["γ"] == pytest.approx(cosine[hard].mean(), abs=1e-6)
    assert found["β"] == pytest.approx(cosine[~same & ~hard].mean(), abs=1e-6)
    assert found["γ − β"] == pytest.approx(found["γ"] - found["β"])


def test_the_probe_of_their_own_is_fitted_to_the_images_trained_on(run):
    result, record = run
    images, test = own_images(True)[0], load_digits(1).test
    expected = scikit_learns_accuracy(
        *(result.features(images.images), images.labels),
        *(result.features(test.images), test.labels),
    )
    assert record["own"] == pytest.approx(expected, abs=0.01)


def scikit_learns_accuracy(fitted, labels, tested, truth):
    scaler = StandardScaler().fit(fitted)
    # scikit-learn's objective is this one times C N.
    probe = LogisticRegression(C=1 / (1e-3 * len(labels)), max_iter=5000)
    probe.fit(scaler.transform(fitted), labels)
    return probe.score(scaler.transform(tested), truth)


def test_bounds_are_of_k_features_and_of_as_many_as_classes(run):
    # Theorem 3.4's number does not depend on k, the eigenvalue falls with it.
    record = run[1]
    assert record["bound"]["printed λ"] == record["classes"]["printed λ"]
    assert record["bound"]["λ_(k+1)"] < record["classes"]["λ_(k+1)"]


def test_a_run_that_diverges_leaves_the_others(monkeypatch):
    good, bad = config(), config(seed=2)

    def train(configs):
        if bad in configs:
            raise NonFiniteLoss("not finite")
        return run_many(configs)

    monkeypatch.setattr("dctheory.train.trainer.run_many", train)
    records = measured(good, bad)
    assert records[0]["accuracy"] > 0.2
    assert records[1] == {}
    found = validate([to_dict(bad), to_dict(good)])["accuracies"]
    assert found == [None, records[0]["accuracy"]]


def test_features_that_collapse_have_no_similarities():
    rows, labels = np.ones((40, 12)), np.repeat(np.arange(10), 4)
    found = _digits_runs._bounds("seed 1", rows, labels, np.zeros(40, bool), 0.9)
    assert list(found) == ["warning"]
    assert "no similarities" in found["warning"]


# --- What is not trained


def test_references_are_what_scikit_learn_gives(monkeypatch):
    monkeypatch.setattr(_digits_runs, "COMPONENTS", (12,))
    splits = load_digits(1)
    (found,) = refer([to_dict(config())])["runs"]
    assert list(found) == ["pixels", "PCA, 12", "untrained encoder"]
    train, test = (each.images.reshape(len(each), -1) for each in (splits.train, splits.test))
    # Centred, unlike here: neither probe can tell.
    axes = PCA(12).fit(train)
    for name, show in (("pixels", lambda images: images), ("PCA, 12", axes.transform)):
        expected = scikit_learns_accuracy(
            show(train), splits.train.labels, show(test), splits.test.labels
        )
        assert found[name]["accuracy"] == pytest.approx(expected, abs=0.005)
    # Of 12 random projections of the pixels.
    assert 0.5 < found["untrained encoder"]["accuracy"] < found["pixels"]["accuracy"]
