import csv
import itertools
import json
import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dctheory.data.subsets import load_subset
from dctheory.diagnose import _pair_shares
from dctheory.diagnose.difficulty import effective_classes, score_difficulty
from dctheory.graph._unit_rows import UnitRows
from dctheory.graph.classifier_gap import classifier_gaps, smallest_gaps


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def planted(count=600, classes=6, dimension=24, noise=0.6, seed=0):
    """Classes around random directions; the difficult samples lie between two of them."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % classes)
    difficult = rng.random(count) < 0.1
    other = (labels + rng.integers(1, classes, count)) % classes
    centres = unit(rng.normal(size=(classes, dimension)))
    own = np.where(difficult, 0.5, 1.0)[:, None]
    rows = own * centres[labels] + (1 - own) * centres[other]
    rows = rows + noise * rng.normal(size=rows.shape) / np.sqrt(dimension)
    return rows * rng.uniform(1, 3, (count, 1)), labels, difficult


def naive(embeddings, labels, pos_high, pos_low):
    """Scores by Eq. 12, pair by pair."""
    z = unit(np.asarray(embeddings, dtype=np.float64))
    count = len(z)
    selected = np.zeros((count, count), bool)
    for i in range(count):
        others = [j for j in range(count) if j != i]
        descending = sorted((z[i] @ z[j] for j in others), reverse=True)

        def at(q, descending=descending):
            rank = math.ceil(q * len(descending) / 100 - 1e-9)
            return math.inf if rank == 0 else descending[rank - 1]

        for j in others:
            selected[i, j] = at(pos_low) - 1e-9 <= z[i] @ z[j] < at(pos_high) - 1e-9
    pairs = [
        [j for j in range(count) if j != i and (labels is None or labels[i] != labels[j])]
        for i in range(count)
    ]
    return np.array(
        [
            (selected[i, pairs[i]].sum() + selected[pairs[i], i].sum()) / (2 * len(pairs[i]))
            for i in range(count)
        ]
    )


@pytest.mark.parametrize("percentiles", [(0, 20), (10, 30), (20, 100), (0, 100), (33.3, 36)])
@pytest.mark.parametrize("labelled", [False, True])
def test_scores_are_eq_12_over_all_pairs(labelled, percentiles):
    embeddings, labels, _ = planted(41, 3, 5)
    labels = labels if labelled else None
    high, low = percentiles
    found = score_difficulty(
        embeddings,
        labels,
        pos_high=high,
        pos_low=low,
        classes=None if labelled else 3,
        gaps=np.zeros(41) if labelled else None,
    )
    np.testing.assert_allclose(found.score, naive(embeddings, labels, high, low), atol=1e-12)
    assert found.references == 41
    assert found.error == 0


@pytest.mark.parametrize("labelled", [False, True])
def test_defaults_are_the_stated_percentiles(labelled):
    embeddings, labels, _ = planted(60, 4, 6)
    if labelled:
        found, expected = score_difficulty(embeddings, labels), (0, 25)
    else:
        found, expected = score_difficulty(embeddings, classes=4), (12.5, 37.5)
    assert (found.pos_high, found.pos_low) == expected
    np.testing.assert_allclose(
        found.score, naive(embeddings, labels if labelled else None, *expected), atol=1e-12
    )
    assert score_difficulty(embeddings, classes=2, pos_high=60).pos_low == 100


def test_unequal_classes_count_by_their_pairs():
    embeddings, labels, _ = planted(60, 6, 6)
    labels = np.maximum(labels, 3) - 3  # 40, 10 and 10 samples
    same = np.mean(labels[:, None] == labels)
    found = score_difficulty(embeddings, labels)
    assert (found.pos_high, found.pos_low) == (0, pytest.approx(100 * same))
    assert effective_classes(labels) == pytest.approx(1 / same)
    found = score_difficulty(embeddings, classes=effective_classes(labels))
    assert (found.pos_high, found.pos_low) == pytest.approx((50 * same, 150 * same))


def test_blocks_dask_and_short_floats_change_nothing(monkeypatch):
    embeddings, labels, _ = planted(200)
    embeddings = embeddings.astype(np.float32)
    gaps = np.random.default_rng(0).random(200)
    options = {"sample": 70, "gaps": gaps}
    whole = score_difficulty(embeddings, labels, **options)
    dask = pytest.importorskip("dask.array")
    spread = score_difficulty(dask.from_array(embeddings, chunks=(33, 24)), labels, **options)
    monkeypatch.setattr(_pair_shares, "_CHUNK_ENTRIES", 150)
    pieces = score_difficulty(embeddings, labels, **options)
    for other in (spread, pieces):
        np.testing.assert_array_equal(other.score, whole.score)
        assert [pair[:2] for pair in other.pairs] == [pair[:2] for pair in whole.pairs]


def test_ties_share_one_fate():
    # The three last are one direction: of a row's five candidates they hold the ranks 3 to 5.
    angles = np.array([0, 0.1, 0.25, 1, 1, 1])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    reference = _pair_shares.make_reference(rows, np.arange(6), None, (20, 60))
    (counts,) = _pair_shares.count_pairs(UnitRows(rows), [reference], None)
    for row in (0, 1):
        cosine = rows[row] @ rows.T
        chosen = (cosine >= reference.lower[row]) & (cosine < reference.upper[row])
        assert set(np.flatnonzero(chosen)) == {2, 3, 4, 5}
    assert counts.others[3] == counts.others[4] == counts.others[5] >= 2 / 5


@pytest.mark.parametrize("labelled", [False, True])
def test_a_reference_sample_errs_as_stated(labelled):
    embeddings, labels, _ = planted(402)
    options = {"classes": 6} if not labelled else {"labels": labels, "gaps": np.zeros(402)}
    exact = score_difficulty(embeddings, **options).score
    sampled = [score_difficulty(embeddings, sample=240, seed=seed, **options) for seed in range(30)]
    deviations = np.array([each.score - exact for each in sampled])
    stated = np.sqrt(np.mean([each.error**2 for each in sampled]))
    assert np.sqrt(np.mean(deviations.var(axis=0))) == pytest.approx(stated, rel=0.25)
    assert np.abs(np.mean(deviations)) < stated
    assert "compared with 240 random samples" in " ".join(sampled[0].sentences())


def test_the_default_percentiles_find_planted_samples_and_pos_low_100_does_not():
    embeddings, labels, difficult = planted()

    def chance(*args, **options):
        return roc_auc_score(difficult, score_difficulty(embeddings, *args, **options).score)

    zeros = np.zeros(len(labels))
    assert chance(classes=6) > 0.85
    assert chance(labels, gaps=zeros) > 0.85
    assert chance(classes=6, pos_high=100 / 6, pos_low=100) < 0.75
    assert chance(labels, gaps=zeros, pos_high=100 / 6, pos_low=100) < 0.2


def test_with_labels_the_ranking_is_by_the_held_out_gap():
    embeddings, labels, difficult = planted(300)
    found = score_difficulty(embeddings, labels.astype(str), share=0.1)
    gaps = classifier_gaps(UnitRows(embeddings), labels, 0)
    np.testing.assert_array_equal(found.gap, gaps)
    np.testing.assert_array_equal(np.diff(found.gap[found.ranking]) >= 0, True)
    mask, rule = smallest_gaps(UnitRows(embeddings), labels, 0.1, 0)
    np.testing.assert_array_equal(found.suggested, np.flatnonzero(mask))
    assert found.rule == rule
    np.testing.assert_array_equal(found.kept, np.flatnonzero(~mask))
    assert found.agreement == pytest.approx(_spearman(found.score, -gaps), abs=1e-12)
    assert found.agreement > 0.4
    assert roc_auc_score(difficult, -gaps) > 0.8


def _spearman(a, b):
    from scipy.stats import spearmanr

    return spearmanr(a, b).statistic


def test_without_labels_the_ranking_is_by_score():
    embeddings, _, _ = planted(50, 5)
    found = score_difficulty(embeddings, classes=5, share=0.1)
    assert found.gap is None
    assert math.isnan(found.agreement)
    assert sorted(found.ranking) == list(range(50))
    ranked = found.score[found.ranking]
    assert np.all(np.diff(ranked) <= 0)
    assert len(found.suggested) == 5
    assert found.score[found.suggested].min() >= found.score[found.kept].max()
    assert np.all(np.diff(found.suggested) > 0)
    assert len(score_difficulty(embeddings, classes=5, share=1e-6).suggested) == 1
    assert len(score_difficulty(embeddings, classes=5, share=0.9999).kept) == 1


def test_without_a_number_of_classes_the_spectrum_gives_one():
    embeddings, _, _ = planted(600, 4, noise=0.3)
    found = score_difficulty(embeddings)
    assert (found.pos_high, found.pos_low) == (12.5, 37.5)


def test_pairs_with_labels_are_the_most_similar_cross_class_ones():
    embeddings, labels, _ = planted(80)
    found = score_difficulty(embeddings, labels, gaps=np.zeros(80), num_pairs=10)
    cosine = unit(embeddings) @ unit(embeddings).T
    ordered = sorted(
        (
            pair
            for pair in itertools.combinations(range(80), 2)
            if labels[pair[0]] != labels[pair[1]]
        ),
        key=lambda pair: -cosine[pair],
    )
    # Of each sample only the most similar other one is looked at.
    nearest = {
        i: max((j for j in range(80) if labels[j] != labels[i]), key=lambda j: cosine[i, j])
        for i in range(80)
    }
    expected, seen = [], set()
    for i, j in ordered:
        if (nearest[i] == j or nearest[j] == i) and not {i, j} & seen:
            seen |= {i, j}
            expected.append({i, j})
    assert [set(pair[:2]) for pair in found.pairs] == expected[:10]
    for pair in found.pairs:
        assert pair.cosine == pytest.approx(cosine[pair.first, pair.second], abs=1e-6)


def test_pairs_without_labels_lead_the_most_difficult_samples():
    embeddings, _, _ = planted(60)
    found = score_difficulty(embeddings, classes=6, num_pairs=7)
    cosine = unit(embeddings) @ unit(embeddings).T
    np.fill_diagonal(cosine, -np.inf)
    assert found.pairs[0].first == found.ranking[0]
    assert len({i for pair in found.pairs for i in pair[:2]}) == 14
    for pair in found.pairs:
        # One of both rows selects the other within percentiles 8.33 to 25 of 59 candidates...
        ranks = [np.sum(cosine[i] >= cosine[i, j]) for i, j in (pair[:2], pair[1::-1])]
        assert any(math.ceil(59 / 12) < rank <= math.ceil(59 / 4) for rank in ranks)
    assert not score_difficulty(embeddings, classes=6, num_pairs=0).pairs


def test_saved_lists_are_read_back(tmp_path):
    embeddings, labels, _ = planted(60)
    found = score_difficulty(embeddings, labels, gaps=np.linspace(0, 1, 60))
    files = found.save(tmp_path / "new" / "folder")
    assert {file.name for file in files} == {
        *(
            f"{n}{s}"
            for n in ("difficult", "kept", "ranking")
            for s in (".npz", ".json", ".csv", ".pkl")
        ),
        "scores.csv",
    }
    expected = {"difficult": found.suggested, "kept": found.kept, "ranking": found.ranking}
    for file in files[:-1]:
        np.testing.assert_array_equal(load_subset(file, 60), expected[file.stem])
    with open(files[-1], newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["score"]) for row in rows] == found.score.tolist()
    assert [float(row["gap"]) for row in rows] == found.gap.tolist()
    unlabelled = score_difficulty(embeddings, classes=3).save(tmp_path)
    assert unlabelled[-1].read_text().splitlines()[1].endswith(",")


def test_tables_and_json_show_the_first_of_the_ranking():
    embeddings, labels, _ = planted(60)
    found = score_difficulty(embeddings, labels, gaps=np.linspace(1, 0, 60), share=0.1)
    assert [row["sample"] for row in found.table(3)] == [59, 58, 57]
    assert found.table(3).rows[0]["suggested"] == (59 in found.suggested)
    document = json.loads(json.dumps(found.to_dict(5), allow_nan=False))
    assert len(document["most_difficult"]) == 5
    assert document["pairs"][0].keys() == {"first", "second", "cosine"}
    assert document["num_suggested"] == len(found.suggested)
    json.dumps(score_difficulty(embeddings, classes=3).to_dict(), allow_nan=False)


def test_progress_and_seed():
    embeddings, _, _ = planted(300)
    seen = []
    first = score_difficulty(
        embeddings, classes=6, sample=50, seed=3, progress=lambda *step: seen.append(step)
    )
    assert seen[-1][:2] == (300, 300)
    again = score_difficulty(embeddings, classes=6, sample=50, seed=3)
    np.testing.assert_array_equal(first.score, again.score)
    other = score_difficulty(embeddings, classes=6, sample=50, seed=4)
    assert np.any(first.score != other.score)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 1}, "share must be below 1"),
        ({"pos_high": 30, "pos_low": 20}, "pos_high must be below pos_low, got 30 and 20"),
        ({"pos_high": 50, "pos_low": 50.01}, "select none of the 39 pairs"),
        ({"pos_low": 101}, "pos_low must lie in"),
        ({"gaps": np.zeros(40)}, "pass labels too"),
        ({"labels": np.arange(40) % 2, "gaps": np.zeros(39)}, "gaps must be 40 finite numbers"),
        ({"labels": np.arange(40) % 2, "gaps": np.full(40, np.nan)}, "gaps must be 40 finite"),
        ({"labels": np.zeros(40, int)}, "single class"),
        ({"classes": 1}, "classes must"),
        ({"sample": 5}, "sample must be at least 6"),
        ({"num_pairs": -1}, "num_pairs"),
    ],
)
def test_bad_arguments(options, message):
    embeddings = planted(40)[0]
    defaults = {} if "labels" in options else {"classes": 4}
    with pytest.raises(ValueError, match=message):
        score_difficulty(embeddings, **(defaults | options))


def test_bad_embeddings():
    with pytest.raises(ValueError, match="at least 3 samples, got 2"):
        score_difficulty(np.eye(2), classes=2)
    with pytest.raises(ValueError, match="row 5 is a zero vector"):
        score_difficulty(np.where(np.arange(40)[:, None] == 5, 0, planted(40)[0]), classes=2)
    rare = np.zeros(3000, int)
    rare[:2] = 1
    with pytest.raises(ValueError, match="are of one class; choose a larger sample"):
        score_difficulty(planted(3000)[0], rare, gaps=np.zeros(3000), sample=6)
