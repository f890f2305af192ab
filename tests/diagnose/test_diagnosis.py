"""The estimator: what it finds where α, β and γ are known, its manners, its partial fits."""

import math
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import dctheory
from dctheory.data import load_subset
from dctheory.diagnose import Diagnosis, html, sections

GRAPH = dctheory.SimilarityGraph(
    classes=3, per_class=14, difficult=4, alpha=0.6, beta=0.1, gamma=0.2
)
LABELS = np.repeat(["cat", "dog", "emu"], 14)
DIFFICULT = np.tile(np.arange(14) < 4, 3)


def _exact_rows(graph=GRAPH):
    """Unit rows whose cosines are the graph's similarities: a square root of the matrix."""
    values, vectors = np.linalg.eigh(graph.adjacency())
    assert values.min() > 0
    # The nodes of a class follow each other, the difficult ones first.
    return vectors * np.sqrt(values)


def _noisy_rows(seed=0, noise=0.25):
    rng = np.random.default_rng(seed)
    rows = _exact_rows()
    return rows + noise * rng.standard_normal(rows.shape) / math.sqrt(rows.shape[1])


@pytest.fixture(scope="module")
def exact():
    return Diagnosis().fit(_exact_rows(), LABELS, difficult=DIFFICULT)


def test_known_similarities_are_found(exact):
    assert exact.alpha_ == pytest.approx(0.6, abs=1e-12)
    assert exact.beta_ == pytest.approx(0.1, abs=1e-12)
    assert exact.gamma_ == pytest.approx(0.2, abs=1e-12)
    # Under "either" mixed pairs, which are at β, count as difficult.
    hard, mixed = 4 * 4, 2 * 4 * 10
    expected = (0.2 * hard + 0.1 * mixed) / (hard + mixed)
    assert exact.readings_["either"].gamma.mean == pytest.approx(expected, abs=1e-12)
    assert exact.levels_.three_levels == pytest.approx(1, abs=1e-4)  # bins of the histogram


def test_the_theory_is_that_of_the_graph(exact):
    table = dctheory.bounds(GRAPH, k=3)
    for found, expected in zip(exact.theory_.bounds, table, strict=True):
        assert found.setting == expected.setting
        assert float(found.exact) == pytest.approx(float(expected.exact), rel=1e-9)
    assert exact.theory_.levels.eigenvalue == pytest.approx(
        np.linalg.eigvalsh(_normalized(GRAPH.adjacency()))[-4], rel=1e-9
    )


def _normalized(matrix):
    degrees = matrix.sum(axis=1)
    return matrix / np.sqrt(np.outer(degrees, degrees))


def test_a_document_begins_with_the_similarities(exact):
    document = exact.to_dict()
    assert list(document)[:4] == ["alpha", "beta", "gamma", "readings"]
    for name, value in {"alpha": 0.6, "beta": 0.1, "gamma": 0.2}.items():
        assert list(document[name]) == ["estimate", "low", "high"]
        assert document[name]["estimate"] == pytest.approx(value, abs=1e-12)
        assert document[name]["low"] <= document[name]["high"]
    assert list(document["readings"]) == ["either"]
    assert list(document["readings"]["either"]) == ["beta", "gamma"]
    assert set(document["missing"]) == {"classes", "clusters"}


def test_manners_of_scikit_learn():
    diagnosis = Diagnosis(share=0.2, k=4, seed=3)
    copy = clone(diagnosis)
    assert copy is not diagnosis
    assert copy.get_params() == diagnosis.get_params()
    assert copy.set_params(k=5).k == 5
    assert "k=4" in repr(diagnosis)
    for attempt in (diagnosis.to_dict, diagnosis.to_text, diagnosis.to_html):
        with pytest.raises(NotFittedError, match="call fit"):
            attempt()
    assert "k=4" in diagnosis._repr_html_()


def test_a_fit_can_be_pickled_and_repeated(exact):
    again = pickle.loads(pickle.dumps(exact))
    assert again.to_text(80) == exact.to_text(80)
    first = {**exact.to_dict(), "manifest": None}
    second = Diagnosis().fit(_exact_rows(), LABELS, difficult=DIFFICULT).to_dict()
    assert {**second, "manifest": None} == first
    assert exact.get_params() == Diagnosis().get_params()


@pytest.mark.parametrize(
    ("rows", "labels", "options", "message"),
    [
        (np.ones((4, 2)), None, {}, "same direction"),
        (np.ones(4), None, {}, "two-dimensional"),
        (np.ones((1, 3)), None, {}, "single row"),
        (np.eye(4) * [[1], [1], [0], [1]], None, {}, "row 2 is a zero vector"),
        (np.array([[1.0, 0], [0, 1], [np.nan, 1]]), None, {}, "row 2 holds NaN"),
        (np.eye(4).astype(object), None, {}, "real numbers"),
        (np.eye(4), [0, 0, 0, 0], {}, "a single class"),
        (np.eye(4), [0, 0, 0, 1], {}, "single sample"),
        (np.eye(4), [0, 0, 1], {}, "4 entries"),
        (np.eye(4), [0.5, 0.5, 1, 1], {}, "integers or strings"),
        (np.eye(4), [0, 0, 1, 1], {"difficult": [1, 1, 0, 0]}, "leaves class 0 empty"),
        (np.eye(4), [0, 0, 1, 1], {"difficult": [0, 0, 0, 0]}, "marks no sample"),
        (np.eye(4), [0, 0, 1, 1], {"difficult": [2, 0, 0, 0]}, "must be a mask"),
        (np.eye(4), [0, 0, 1, 1], {"partners": [-2, 0, 0, 0]}, "at least 0"),
        (np.eye(4), [0, 0, 1, 1], {"views": np.eye(5)}, "views must have the shape"),
        (np.eye(4), [0, 0, 1, 1], {"views": np.zeros((4, 4))}, "views: .*zero vector"),
        (np.eye(4), [0, 0, 1, 1], {"images": np.zeros((3, 8, 8), np.uint8)}, "must be 4"),
    ],
)
def test_bad_input_is_found_before_anything_is_computed(
    rows, labels, options, message, monkeypatch
):
    def compute(*_):
        pytest.fail("something was computed")

    monkeypatch.setattr("dctheory.diagnose.diagnosis.find", compute)
    with pytest.raises((TypeError, ValueError), match=message):
        Diagnosis().fit(rows, labels, **options)


def test_a_bad_row_far_down_is_found_before_anything_is_computed(monkeypatch):
    monkeypatch.setattr("dctheory.diagnose.diagnosis.find", lambda *_: pytest.fail("computed"))
    rows = np.random.default_rng(0).standard_normal((5000, 512), dtype=np.float32)
    rows[4321, 5] = np.inf
    with pytest.raises(ValueError, match="row 4321 holds NaN or infinity"):
        Diagnosis().fit(rows)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"share": 0}, "share"),
        ({"share": 1}, "share must be below 1"),
        ({"level": 1.0}, "level must be below 1"),
        ({"pairing": "bth"}, "did you mean 'both'"),
        ({"pairing": "matched"}, "needs partners"),
        ({"by": "klass"}, "did you mean 'class'"),
        ({"k": 0}, "k must be"),
        ({"k": 42}, "k must be between 1 and 41"),
        ({"classes": 1}, "classes must be"),
        ({"classes": 22}, "classes must be between 2 and 21"),
        ({"pos_high": 101}, "pos_high"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed must be an integer"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Diagnosis(**parameters).fit(_exact_rows(), LABELS)


def test_a_part_that_fails_leaves_its_reason_and_the_others(monkeypatch):
    def fail(*_, **__):
        raise ValueError("the moon is <full>")

    for where in ("errors.measured_errors", "distribution.similarity_distribution"):
        monkeypatch.setattr(f"dctheory.diagnose.{where}", fail)
    found = Diagnosis().fit(_exact_rows(), LABELS, difficult=DIFFICULT)
    assert found.errors_ is None
    assert found.distribution_ is None
    assert found.missing_["errors"] == "the moon is <full>"
    assert found.levels_ is not None  # from the estimate alone
    assert "Not computed: the moon is <full>." in found.to_text()
    (section,) = [each for each in sections.sections(found) if each.name == "errors"]
    assert "Not computed: the moon is &lt;full&gt;" in html._section(section)
    assert found.to_dict()["errors"] is None


def test_an_error_of_ours_is_no_missing_part(monkeypatch):
    def fail(*_, **__):
        raise KeyError("a bug")

    monkeypatch.setattr("dctheory.diagnose.theory.read_theory", fail)
    with pytest.raises(KeyError, match="a bug"):
        Diagnosis().fit(_exact_rows(), LABELS, difficult=DIFFICULT)


def test_a_dask_array_is_diagnosed_like_any_other(exact):
    array = pytest.importorskip("dask.array")
    rows = array.from_array(_exact_rows(), chunks=(10, 42))
    found = Diagnosis().fit(rows, LABELS, difficult=DIFFICULT)
    assert found.missing_ == exact.missing_
    assert found.gamma_ == pytest.approx(0.2, abs=1e-12)
    assert found.difficulty_.ranking.tolist() == exact.difficulty_.ranking.tolist()
    assert found.errors_.rate().errors == exact.errors_.rate().errors


# --- Partial fits


def test_partial_fits_in_any_order_find_what_one_fit_does():
    rows = _noisy_rows()
    # The classes are mixed, so that no part holds them all.
    order = np.random.default_rng(1).permutation(len(rows))
    rows, labels, difficult = rows[order], LABELS[order], DIFFICULT[order]
    whole = dctheory.estimate_similarities(rows, labels, difficult)

    def part(start, stop):
        cut = slice(start, stop)
        return Diagnosis().partial_fit(
            rows[cut], labels[cut], difficult=difficult[cut], first_row=start
        )

    merged = part(30, 42).merge(part(0, 7)).merge(part(7, 30))
    assert merged.n_samples_ == 42
    assert merged.alpha_ == pytest.approx(whole.alpha, abs=1e-12)
    assert merged.beta_ == pytest.approx(whole.beta(), abs=1e-12)
    assert merged.gamma_ == pytest.approx(whole.gamma(), abs=1e-12)
    found = merged.finalize()
    assert found is merged
    assert found.gamma_ == pytest.approx(whole.gamma(), abs=1e-12)
    assert "all of them in one fit" in found.missing_["difficulty"]
    assert found.theory_.levels.graph.gamma == pytest.approx(whole.gamma(), abs=1e-12)


def test_a_sample_of_the_rows_keeps_means_exact():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 600)
    rows = rng.standard_normal((600, 6)) + 2 * np.eye(6)[labels]
    whole = dctheory.estimate_similarities(rows, labels)
    found = Diagnosis(sample=200).partial_fit(rows, labels).finalize()
    assert (found.n_samples_, found.n_rows_) == (600, 200)
    assert found.alpha_ == pytest.approx(whole.alpha, abs=1e-12)
    assert found.estimate_.num_samples == 200
    alpha = found.to_dict()["alpha"]
    assert alpha["low"] < alpha["estimate"] < alpha["high"]
    # The interval is moved with the mean, not widened.
    middle = (alpha["low"] + alpha["high"]) / 2
    assert middle == pytest.approx(alpha["estimate"], abs=1e-9)
    # Which samples are difficult was found in the sample, and so were β and γ.
    text = found.to_text()
    assert "α and the means of same-class and cross-class pairs are over all samples" in text
    assert "uniform sample of 200" in text
    difficult = np.arange(600) % 5 == 0
    known = Diagnosis(sample=200).partial_fit(rows, labels, difficult=difficult).finalize()
    assert known.estimate_.num_samples == 600
    assert "\nMeans are over all samples" in known.to_text()


def test_partial_fits_without_labels_or_difficult_samples():
    rows = _noisy_rows()
    found = Diagnosis().partial_fit(rows)
    assert math.isnan(found.alpha_)
    found = Diagnosis().partial_fit(rows, LABELS)
    assert math.isnan(found.gamma_)
    assert found.alpha_ == pytest.approx(
        dctheory.estimate_similarities(rows, LABELS).alpha, abs=1e-12
    )


@pytest.mark.parametrize("way", ["partial_fit", "merge"])
@pytest.mark.parametrize("before", ["fit", "finalize"])
def test_what_was_found_before_is_forgotten(before, way):
    rows, more = _noisy_rows(), _noisy_rows(1)
    found = Diagnosis()
    if before == "fit":
        found.fit(rows, LABELS)
    else:
        found.partial_fit(rows, LABELS).finalize()
    if way == "merge":
        found.merge(Diagnosis().partial_fit(more, LABELS, first_row=42))
    else:
        found.partial_fit(more, LABELS)
    assert found.n_samples_ == (42 if before == "fit" else 84)
    assert not hasattr(found, "advice_")
    with pytest.raises(NotFittedError):
        found.to_text()
    assert math.isfinite(found.alpha_)


def test_what_cannot_be_merged():
    rows = _noisy_rows()
    with pytest.raises(ValueError, match="no partial fits"):
        Diagnosis().finalize()
    with pytest.raises(ValueError, match="no partial fits"):
        Diagnosis().partial_fit(rows, LABELS).merge(Diagnosis())
    with pytest.raises(TypeError, match="only a Diagnosis"):
        Diagnosis().merge(3)
    with pytest.raises(ValueError, match="seed"):
        Diagnosis().partial_fit(rows).merge(Diagnosis(seed=1).partial_fit(rows, first_row=42))


# --- Files


def test_saved_files_can_be_read_back(exact, tmp_path):
    exact.save(tmp_path / "new")
    folder = tmp_path / "new"
    names = {path.name for path in folder.iterdir()}
    assert names == {"report.html", "report.json", "difficulty"}
    suggested = load_subset(folder / "difficulty" / "difficult.npz", 42)
    assert suggested.tolist() == exact.difficulty_.suggested.tolist()


def test_matched_pairs_views_and_images():
    rows = _noisy_rows()
    partners = np.where(DIFFICULT, np.tile(np.arange(14), 3), -1)
    images = np.random.default_rng(0).integers(0, 255, (42, 6, 6), dtype=np.uint8)
    found = Diagnosis(pairing="matched", by="class", pos_high=3, pos_low=40, share=0.2).fit(
        rows,
        LABELS,
        difficult=DIFFICULT,
        partners=partners,
        views=_noisy_rows(seed=1),
        images=images,
    )
    first, second = (
        each / np.linalg.norm(each, axis=1)[:, None] for each in (rows, _noisy_rows(1))
    )
    assert found.alignment_.views == pytest.approx(np.mean(np.sum(first * second, axis=1)))
    pairs = [
        first[i] @ first[j]
        for i in range(42)
        for j in range(42)
        if LABELS[i] != LABELS[j] and partners[i] == partners[j] >= 0
    ]
    assert found.to_dict()["readings"]["matched"]["gamma"]["estimate"] == pytest.approx(
        np.mean(pairs)
    )
    assert found.intervals_.by == "class"
    assert (found.difficulty_.pos_high, found.difficulty_.pos_low) == (3, 40)
    assert len(found.difficulty_.suggested) == 3 * 3  # a fifth of 14, rounded, in each class
    assert found.theory_.pairing == "matched"
