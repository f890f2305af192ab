"""Tables under noise: the sample's noise, exact minimisers, and what is concluded from both."""

from dataclasses import replace

import numpy as np
import pytest

from dctheory.bound.delta import smallest_delta
from dctheory.data.empirical import EmpiricalGraph
from dctheory.experiment import _noise
from dctheory.experiment._effects import LARGER, SAME
from dctheory.experiment._noise import (
    ARMS,
    CLEAN,
    MARGIN,
    NOISY,
    TEMPERATURE,
    NoisyPoint,
    noisy_task,
    train_noisy,
)
from dctheory.experiment._noise_analysis import NoiseResult, analyse_noise
from dctheory.experiment._pair_loss import PairLoss
from dctheory.train.problem import make_problem

POINT = NoisyPoint(
    classes=3,
    per_class=8,
    difficult=4,
    alpha=0.6,
    beta=0.4,
    gamma=0.5,
    epsilon=0.1,
    images=5000,
    steps=2,
    batch_size=8,
    learning_rate=0.01,
)


# --- The sample


def test_a_sample_adds_the_noise_that_is_predicted():
    graph = POINT.graph(CLEAN)
    weights = graph.adjacency()
    rng, images = np.random.default_rng(0), 3000
    point = replace(POINT, gamma=POINT.beta, images=images)
    drawn = []
    for _ in range(200):
        counts = rng.multinomial(images, (weights / weights.sum()).ravel()).reshape(weights.shape)
        drawn.append((counts + counts.T) / (2 * images) * weights.sum())
    above = np.triu_indices(len(weights), 1)
    deviation = np.array(drawn).std(axis=0, ddof=1)[above]
    measured = np.sqrt((deviation**2).mean())
    assert measured == pytest.approx(point.sample_noise, rel=0.05)
    assert point.total_noise == pytest.approx(np.hypot(0.1, point.sample_noise))


def test_the_loss_is_that_of_the_pairs_that_are_drawn():
    config = POINT.config(NOISY, 3)
    loss, graph = _noise._sampled_loss(config)
    ends = np.asarray(make_problem(config).source.sampler.ends)
    empirical = EmpiricalGraph(24, ends[:, 0].astype(np.int64), ends[:, 1].astype(np.int64))
    np.testing.assert_allclose(loss.pairs, empirical.adjacency.toarray(), atol=1e-15)
    np.testing.assert_allclose(loss.target, empirical.normalized_adjacency().toarray(), atol=1e-12)
    assert graph == POINT.graph(NOISY)


def test_arms_of_a_seed_share_their_noise():
    pairs = [make_problem(POINT.config(arm, 3)).source.sampler.ends for arm in (NOISY, MARGIN)]
    np.testing.assert_array_equal(*pairs)
    assert POINT.config(CLEAN, 3).data == replace(POINT.config(NOISY, 3).data, gamma=0.4)


def test_the_bound_is_the_graph_s_where_the_sample_is_the_population():
    graph = POINT.graph(NOISY)
    found = _noise._bound(PairLoss.of_graph(graph), graph, 3, "none")
    assert found["δ"] == pytest.approx(float(smallest_delta(graph).class_label))
    assert found["λ_(k+1)"] == pytest.approx(float(graph.spectrum().eigenvalue(4)))
    by_hand = 4 * found["δ"] / (1 - found["λ_(k+1)"]) + 8 * found["δ"]
    assert found["bound"] == pytest.approx(by_hand)
    assert found["bound status"] == "follows"
    assert _noise._bound(PairLoss.of_graph(graph), graph, 3, TEMPERATURE)[
        "bound status"
    ].startswith("assumes")


def test_held_out_errors_of_perfect_and_useless_features():
    graph = POINT.graph(NOISY)
    labels, weights = graph.labels, np.ones(24)
    half = np.tile(np.arange(8) % 2 == 0, 3)
    perfect = np.eye(3)[labels]
    assert _noise._held_out_error(perfect, labels, weights, half) == 0
    assert _noise._held_out_error(np.ones((24, 3)), labels, weights, half) == pytest.approx(2 / 3)
    # Only the other half is tested: there the two classes have changed places.
    swapped = perfect.copy()
    swapped[~half] = perfect[~half][:, [1, 0, 2]]
    assert _noise._held_out_error(swapped, labels, weights, half) == pytest.approx(2 / 3)


def test_the_margin_s_minimiser_is_that_of_the_clean_graph_without_noise():
    graph = POINT.graph(NOISY)
    from dctheory.bound.edits import margin_matrix

    edited = PairLoss.of_graph(graph, margin=margin_matrix(graph, normalized=True))
    clean = PairLoss.of_graph(POINT.graph(CLEAN))
    np.testing.assert_allclose(edited.target, clean.target, atol=1e-12)


def test_a_task_has_every_arm_with_every_seed():
    point = replace(POINT, remedies=False)
    found = train_noisy(**noisy_task([point], 2).arguments)["runs"]
    assert [(run["arm"], run["seed"]) for run in found] == [
        (arm, seed) for arm in (CLEAN, NOISY) for seed in (0, 1)
    ]
    assert all(run["excess"] > 0 for run in found)
    assert all(0 <= run[name] <= 1 for run in found for name in ("error", "exact"))
    # Two steps do not train: the minimiser is far better.
    assert np.mean([run["exact"] for run in found]) < np.mean([run["error"] for run in found])


@pytest.mark.parametrize(
    ("wrong", "message"), [({"gamma": 0.7}, "gamma"), ({"difficult": 1}, "halves")]
)
def test_points_that_cannot_be_judged_are_refused_before_anything_runs(wrong, message):
    with pytest.raises(ValueError, match=message):
        noisy_task([POINT, replace(POINT, **wrong)], 2)


# --- What is concluded


def results(errors, exact=None, point=POINT, seeds=6):
    """Records with a little scatter that all arms share."""
    runs = []
    for arm in point.arms:
        for seed in range(seeds):
            own = (exact or errors)[arm] + 0.001 * seed
            record = {"arm": arm, "seed": seed, "error": errors[arm] + 0.001 * seed, "exact": own}
            runs.append(
                record
                | {"excess": 0.1, "δ": 0.1, "λ_(k+1)": 0.2, "bound": 1.3}
                | {"bound status": "follows"}
            )
    return NoiseResult(point, 0.01, runs)


HARMED = {CLEAN: 0.1, NOISY: 0.3, MARGIN: 0.15, TEMPERATURE: 0.3}


def test_trained_effects_agree_with_equal_exact_ones():
    found = results(HARMED)
    harm, margin, temperature = (found._compare_exact(*each) for each in found.effects)
    assert all(each.agrees for each in (harm, margin, temperature))
    assert harm.prediction == pytest.approx(0.2)
    assert margin.measured == pytest.approx(-0.15)
    assert temperature.measured == pytest.approx(0)


def test_trained_effects_disagree_with_other_exact_ones():
    found = results(HARMED, exact={**HARMED, NOISY: 0.2})
    assert found._compare_exact(*found.effects[0]).agrees is False


@pytest.mark.parametrize(("noise", "expected"), [(0.01, None), ("between", LARGER), (1.0, SAME)])
def test_the_law_of_noise_predicts_harm_between_the_thresholds(noise, expected):
    quiet = replace(POINT, images=10**9)
    found = results(HARMED, point=quiet)
    low, high = found.threshold(NOISY), found.threshold(CLEAN)
    assert low < high
    level = (low + high) / 2 if noise == "between" else noise
    assert results(HARMED, point=replace(quiet, epsilon=level)).expected_harm == expected


def test_hidden_harm_that_is_measured_disagrees():
    loud = replace(POINT, epsilon=1.0)
    assert [each.agrees for each in results(HARMED, point=loud).compare()][-1] is False
    equal = dict.fromkeys(ARMS, 0.6)
    assert [each.agrees for each in results(equal, point=loud).compare()][-1] is True


def test_findings_say_what_a_remedy_takes_away():
    found = analyse_noise([results(HARMED)])
    (margin,) = [each for each in found.findings if "margin" in each]
    assert ": 75%" in margin
    assert len(found.tables["noise"]) == 4
    assert not found.warnings


def test_an_error_above_the_bound_and_divergence_are_shown():
    found = results({**HARMED, CLEAN: 1.4})
    found.runs[-1]["error"] = None
    warnings = found.warnings()
    assert "1 runs diverged" in warnings[0]
    assert len(warnings) == 7
    assert "exceeds the bound 1.3" in warnings[1]


def test_without_points_there_is_nothing_to_say():
    found = analyse_noise([])
    assert (found.comparisons, found.tables, found.findings) == ([], {}, [])
