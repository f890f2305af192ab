from __future__ import annotations

import json
import math
import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from dctheory import SimilarityGraph, estimate_similarities
from dctheory.graph import _unit_rows
from dctheory.graph.estimate import SimilarityEstimate

# Rounding of a few thousand additions.
ROUNDING = 1e-13


def sample(seed: int = 0, num_samples: int = 60, num_features: int = 5, num_classes: int = 3):
    """Embeddings around class means that all lie in one half-space, labels, a mask, partners."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(num_samples) % num_classes)
    means = 1 + rng.normal(size=(num_classes, num_features))
    embeddings = means[labels] + rng.normal(size=(num_samples, num_features))
    difficult = rng.random(num_samples) < 0.3
    for label in range(num_classes):
        first, second, *_ = np.flatnonzero(labels == label)
        difficult[first], difficult[second] = True, False
    partners = rng.integers(-1, 4, num_samples)
    partners[[np.flatnonzero(labels == c)[0] for c in range(2)]] = 3
    return embeddings, labels, difficult, partners


def brute_force(embeddings, labels, difficult, partners) -> dict[tuple[str, str], np.ndarray]:
    """Similarities of all ordered pairs by kind, pair by pair from the definitions."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosine = unit @ unit.T
    found: dict[tuple[str, str], list[float]] = {}
    for x, y in product(range(len(labels)), repeat=2):
        if x == y:
            continue
        both, either = difficult[x] and difficult[y], difficult[x] or difficult[y]
        if labels[x] == labels[y]:
            ends = "difficult" if both else "mixed" if either else "easy"
            kinds = [("same", "all"), ("same", ends)]
        else:
            matched = both and partners[x] == partners[y] >= 0
            kinds = [
                ("both", "gamma" if both else "beta"),
                ("either", "gamma" if either else "beta"),
                ("matched", "gamma" if matched else "beta"),
            ]
        for kind in kinds:
            found.setdefault(kind, []).append(cosine[x, y])
    return {kind: np.array(values) for kind, values in found.items()}


def statistics(estimate: SimilarityEstimate) -> dict[tuple[str, str], object]:
    found = {("same", ends): value for ends, value in estimate.same_class.items()}
    for pairing, reading in estimate.readings.items():
        found[pairing, "beta"], found[pairing, "gamma"] = reading.beta, reading.gamma
    return found


# --- Means


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_means_and_counts_are_those_of_all_pairs(seed: int, num_classes: int) -> None:
    data = sample(seed, num_samples=40, num_classes=num_classes)
    found = statistics(estimate_similarities(*data))
    expected = brute_force(*data)
    assert found.keys() == expected.keys() | {("same", "difficult")}
    for kind, value in found.items():
        similarities = expected.get(kind, np.array([]))
        assert value.pairs == len(similarities)
        if len(similarities):
            assert value.mean == pytest.approx(similarities.mean(), abs=ROUNDING)
        else:
            assert math.isnan(value.mean)


def test_spread_is_the_standard_deviation_over_pairs() -> None:
    data = sample(1, num_samples=200)
    found = statistics(estimate_similarities(*data, spread_pairs=20_000))
    for kind, similarities in brute_force(*data).items():
        # Standard error of a standard deviation, for any law with this fourth moment.
        centred = similarities - similarities.mean()
        spread = centred.std()
        error = math.sqrt(((centred**4).mean() - spread**4) / 20_000) / (2 * spread)
        # β of "matched" is a difference of two samples, β of "both" a sum of two: all larger.
        assert found[kind].spread == pytest.approx(spread, abs=5 * error)
        assert found[kind].sampled in (20_000, 40_000, 60_000, 80_000)


def test_sampled_pairs_follow_the_seed_alone() -> None:
    data = sample(2)
    first, again = (estimate_similarities(*data, seed=3) for _ in range(2))
    other = estimate_similarities(*data, seed=4)
    assert first.to_dict() == again.to_dict()
    assert other.readings["both"].beta.spread != first.readings["both"].beta.spread
    assert other.beta() == first.beta()
    assert first.seed == 3


def test_tables_hold_the_mean_of_each_pair_of_classes_and_cells() -> None:
    embeddings, labels, difficult, _ = sample(3)
    estimate = estimate_similarities(embeddings, labels, difficult)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, np.nan)
    for i, j in product(range(3), repeat=2):
        block = cosine[np.ix_(labels == i, labels == j)]
        assert estimate.class_table[i, j] == pytest.approx(np.nanmean(block), abs=ROUNDING)
    for i, j in product(range(6), repeat=2):
        rows, columns = ((labels == cell // 2) & (difficult == (cell % 2 == 0)) for cell in (i, j))
        block = cosine[np.ix_(rows, columns)]
        if np.isnan(block).all():
            assert np.isnan(estimate.cell_table[i, j])
        else:
            assert estimate.cell_table[i, j] == pytest.approx(np.nanmean(block), abs=ROUNDING)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_length_of_rows_and_order_of_samples_do_not_matter(seed: int) -> None:
    data = sample(seed)
    rng = np.random.default_rng(seed)
    scaled = data[0] * 10.0 ** rng.integers(-200, 200, (len(data[0]), 1))
    order = rng.permutation(len(data[0]))
    expected = statistics(estimate_similarities(*data))
    twins = [(scaled, *data[1:]), tuple(part[order] for part in data)]
    for twin in twins:
        found = statistics(estimate_similarities(*twin))
        for kind, value in expected.items():
            assert found[kind].pairs == value.pairs
            assert found[kind].mean == pytest.approx(value.mean, abs=ROUNDING, nan_ok=True)


@pytest.mark.parametrize("rows", [1, 7, 59])
def test_blocks_do_not_change_results(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = sample(4)
    whole = estimate_similarities(*data)
    monkeypatch.setattr(_unit_rows, "_BLOCK_BYTES", rows * 5 * 8)
    cut = estimate_similarities(*data)
    for kind, value in statistics(whole).items():
        assert statistics(cut)[kind].mean == pytest.approx(value.mean, abs=ROUNDING)
        assert statistics(cut)[kind].spread == pytest.approx(value.spread, abs=1e-12)
    np.testing.assert_allclose(cut.cell_table, whole.cell_table, atol=ROUNDING)


# --- Digits


@pytest.fixture(scope="module")
def digits() -> SimilarityEstimate:
    pixels, labels = load_digits(return_X_y=True)
    return estimate_similarities(pixels, labels)


def test_digits(digits: SimilarityEstimate) -> None:
    pixels, labels = load_digits(return_X_y=True)
    mask = digits.is_difficult
    unit = pixels / np.linalg.norm(pixels, axis=1, keepdims=True)
    cosine, same = unit @ unit.T, np.equal.outer(labels, labels)
    hard = np.logical_and.outer(mask, mask) & ~same
    assert digits.num_samples == 1797
    assert digits.difficult_sizes == tuple(
        round(0.08 * size) for size in np.bincount(labels).tolist()
    )
    off_diagonal = same & ~np.eye(1797, dtype=bool)
    assert digits.alpha == pytest.approx(cosine[off_diagonal].mean(), abs=ROUNDING)
    assert digits.beta() == pytest.approx(cosine[~same & ~hard].mean(), abs=ROUNDING)
    assert digits.gamma() == pytest.approx(cosine[hard].mean(), abs=ROUNDING)
    assert digits.violations("both") == digits.violations("either") == []


# --- Graphs


def test_graph_has_the_mean_class_size_and_share(digits: SimilarityEstimate) -> None:
    graph = digits.graph()
    assert (graph.classes, graph.per_class, graph.difficult) == (10, 180, 14)
    assert (graph.alpha, graph.beta, graph.gamma) == (
        digits.alpha,
        digits.beta(),
        digits.gamma(),
    )
    larger = digits.graph(per_class=10**6, pairing="either")
    assert isinstance(larger, SimilarityGraph)
    assert (larger.per_class, larger.pairing) == (10**6, "either")
    assert larger.difficult == round(10**6 * 143 / 1797)
    assert larger.beta == digits.beta("either")


def test_cell_graph_has_the_cells_means(digits: SimilarityEstimate) -> None:
    graph = digits.cell_graph()
    assert graph.num_nodes == 1797
    assert graph.sizes[:2] == (digits.difficult_sizes[0], 178 - digits.difficult_sizes[0])
    assert graph.classes == tuple(np.repeat(range(10), 2).tolist())
    assert np.array_equal(graph.similarity, digits.cell_table)
    assert sum(graph.spectrum().multiplicities) == 1797


def test_cell_graph_copes_with_cells_of_one_and_none() -> None:
    embeddings = np.array([[1.0, 1], [2, 1], [3, 1], [1, 2], [1, 3], [2, 3]])
    labels = [0, 0, 0, 1, 1, 1]
    estimate = estimate_similarities(embeddings, labels, [True, False, False, False, False, False])
    graph = estimate.cell_graph()
    assert graph.sizes == (1, 2, 3)
    assert graph.names == ("class 0, difficult", "class 0, easy", "class 1, easy")
    assert graph.classes == (0, 0, 1)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    assert graph.adjacency()[0, 4] == pytest.approx((unit @ unit.T)[0, 3:].mean())
    assert math.isnan(estimate.gamma("both"))
    assert estimate.readings["both"].gamma.pairs == 0
    assert "no cross-class pair is difficult" in estimate.violations("both")[0]
    assert estimate.violations("either") == []
    with pytest.raises(ValueError, match="γ has no value for pairing 'both'"):
        estimate.graph()


def two_classes(alpha: float, beta: float, gamma: float) -> tuple:
    """Embeddings of two classes, easy ones first, with about these similarities.

    The Gram matrix is given, and its rows are the square root's.
    """
    size, hard = 5, 2
    block = np.full((size, size), beta)
    block[-hard:, -hard:] = gamma
    same = np.full((size, size), alpha)
    gram = np.block([[same, block], [block, same]])
    np.fill_diagonal(gram, 1.0)
    values, vectors = np.linalg.eigh(gram)
    assert values[0] > -1e-9
    labels = np.repeat([0, 1], size)
    return (
        vectors * np.sqrt(np.maximum(values, 0)),
        labels,
        np.tile(np.arange(size) >= size - hard, 2),
    )


def test_similarities_of_the_model_are_recovered() -> None:
    estimate = estimate_similarities(*two_classes(0.6, 0.2, 0.3))
    assert estimate.alpha == pytest.approx(0.6, abs=ROUNDING)
    assert estimate.beta() == pytest.approx(0.2, abs=ROUNDING)
    assert estimate.gamma() == pytest.approx(0.3, abs=ROUNDING)
    both = estimate.readings["both"]
    for value in (estimate.same_class["all"], both.beta, both.gamma):
        assert value.spread < 1e-7
    model = estimate.graph()
    assert (model.per_class, model.difficult) == (5, 2)
    cells = estimate.cell_graph().spectrum().values
    np.testing.assert_allclose(cells[:3], model.spectrum().values[:3], atol=1e-12)


@pytest.mark.parametrize(
    ("similarities", "sentence"),
    [
        ((0.5, -0.1, 0.2), r"0 ≤ β fails for pairing 'both': β = -0\.1$"),
        ((0.5, 0.3, 0.2), r"β ≤ γ fails for pairing 'both': β = 0\.3 > γ = 0\.2$"),
        ((0.2, 0.1, 0.3), r"γ ≤ α fails for pairing 'both': γ = 0\.3 > α = 0\.2$"),
    ],
)
def test_broken_order_is_named_and_no_graph_is_built(similarities: tuple, sentence: str) -> None:
    estimate = estimate_similarities(*two_classes(*similarities))
    (found,) = estimate.violations()
    assert re.search(sentence, found)
    assert found in str(estimate)
    with pytest.raises(ValueError, match=re.escape(found)):
        estimate.graph()


def test_negative_mean_of_cells_is_named() -> None:
    estimate = estimate_similarities(*two_classes(0.5, -0.1, 0.2))
    with pytest.raises(ValueError, match=r"'class 0, .*' and 'class 1, .*' is -0\.1 < 0"):
        estimate.cell_graph()


def test_matched_needs_partners(digits: SimilarityEstimate) -> None:
    with pytest.raises(ValueError, match="no partners were given"):
        digits.graph(pairing="matched")
    with pytest.raises(ValueError, match="did you mean 'either'"):
        digits.beta("eiter")


# --- Rendering


def test_rendering(digits: SimilarityEstimate) -> None:
    text = str(digits)
    assert "10 classes, 1797 samples, 143 difficult" in text
    assert "cross-class, difficult (either)" in text
    assert "softmax" in text
    assert "<table>" in digits._repr_html_()
    assert "α=0.8208" in repr(digits)
    data = json.loads(json.dumps(digits.to_dict(), allow_nan=False))
    assert data["statistics"]["both"]["gamma"]["mean"] == digits.gamma()
    assert data["statistics"]["same_class"]["all"]["pairs"] == digits.same_class["all"].pairs
    assert np.array(data["class_table"]).shape == (10, 10)
    assert data["violations"] == {"both": [], "either": []}


def test_missing_pairs_are_none_in_json() -> None:
    mask = [True, False, False, False]
    estimate = estimate_similarities([[1, 2], [2, 1], [3, 1], [1, 4]], [0, 0, 1, 1], mask)
    data = json.loads(json.dumps(estimate.to_dict(), allow_nan=False))
    assert data["statistics"]["both"]["gamma"]["mean"] is None
    assert data["cell_table"][0][0] is None


def test_results_are_read_only(digits: SimilarityEstimate) -> None:
    for array in (digits.class_table, digits.cell_table, digits.is_difficult):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
