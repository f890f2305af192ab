"""Advice: nothing where nothing follows, else the order of the bounds, and two directions."""

import json
from dataclasses import replace

import numpy as np
import pytest

import dctheory
from dctheory.bound.haochen import bound_of
from dctheory.diagnose.advice import advice_table, advise
from dctheory.diagnose.distribution import similarity_distribution
from dctheory.diagnose.errors import ErrorRate, MeasuredErrors
from dctheory.diagnose.intervals import similarity_intervals
from dctheory.diagnose.levels import fit_levels
from dctheory.diagnose.theory import NoiseReading, read_theory

# Bounds are vacuous for the first, below 1 for the second.
VACUOUS = {"classes": 4, "per_class": 10, "difficult": 3, "alpha": 0.6, "beta": 0.2, "gamma": 0.3}
TELLING = {"classes": 2, "per_class": 20, "difficult": 4, "alpha": 0.8, "beta": 0.02, "gamma": 0.06}


def of_graph(parameters, pairing="both"):
    """Embeddings whose cosines are exactly the graph's similarities, labels and marks."""
    graph = dctheory.SimilarityGraph(**parameters, pairing=pairing)
    values, vectors = np.linalg.eigh(graph.adjacency())
    return vectors * np.sqrt(np.maximum(values, 0)), graph.labels, graph.is_difficult


def estimated(parameters, pairing="both"):
    return dctheory.estimate_similarities(*of_graph(parameters, pairing), spread_pairs=50)


def only(advice):
    (found,) = advice
    return found


def test_without_labels():
    found = only(advise())
    assert (found.action, found.certainty, found.strength) == ("nothing", "none", None)
    assert "Without labels" in found.text
    assert "stops pushing them apart" in found.text


def test_a_bound_below_one_speaks_for_a_remedy():
    estimate = estimated(TELLING)
    theory = read_theory(estimate)
    assert float(theory.bounds["with difficult"].exact) < 1
    found = advise(estimate, theory, levels=fit_levels(estimate))
    assert "nothing" not in [each.action for each in found]
    assert found[0].certainty == "bound"
    bounds = {name: theory.bounds[name] for name in ("removal", "margin", "temperature")}
    expected = sorted(bounds, key=lambda name: float(bounds[name].exact))
    named = {"removal": "remove"}
    assert [each.action for each in found] == [named.get(name, name) for name in expected]
    # The minimiser of the temperature's loss is not the eigen-factor: no bound follows.
    certainties = {each.action: each.certainty for each in found}
    assert certainties == {
        "remove": "bound",
        "margin": "bound",
        "temperature": "order of bounds",
    }


def test_vacuous_bounds_say_to_do_nothing_first():
    estimate = estimated(VACUOUS)
    found = advise(estimate, read_theory(estimate))
    assert found[0].action == "nothing"
    assert "because of δ" in found[0].ground
    assert {each.certainty for each in found[1:]} == {"order of bounds"}
    assert {each.action for each in found[1:]} == {"remove", "margin", "temperature"}
    assert "What follows could be tried all the same" in found[0].text
    assert all("vacuous" in each.ground for each in found[1:])


def test_strengths_are_those_of_the_model():
    estimate = estimated(VACUOUS)
    found = {each.action: each for each in advise(estimate, read_theory(estimate))}
    assert found["margin"].strength == pytest.approx(0.1)
    # τ = (c1/c2)(β/γ) of Theorem 4.5, with c2 = (1 − α) + nα + nrβ and c1 = c2 + n_d r (γ − β).
    c2 = 0.4 + 6 + 6
    c1 = c2 + 3 * 3 * 0.1
    assert found["temperature"].strength == pytest.approx(c1 / c2 * 0.2 / 0.3)
    assert found["remove"].strength is None


def test_removal_goes_the_other_way_and_owes_part_to_its_own_delta():
    estimate = estimated(VACUOUS)
    theory = read_theory(estimate)
    found = {each.action: each for each in advise(estimate, theory)}
    for action in ("margin", "temperature"):
        assert "pushes the selected pairs apart harder" in found[action].text
    text = found["remove"].text
    assert "stops pushing them apart" in text
    assert "its own δ" in text
    assert f"{float(theory.random_removal):.6g}" in text
    assert "12 difficult samples (30.0%)" in text


def test_an_interval_of_the_gap_with_zero_ends_it():
    rng = np.random.default_rng(0)
    rows, labels, marks = of_graph(VACUOUS)
    noisy = rows + 0.05 * rng.normal(size=rows.shape)
    estimate = dctheory.estimate_similarities(noisy, labels, marks)
    intervals = similarity_intervals(noisy, labels, estimate)
    theory = read_theory(estimate)
    reading = intervals.readings["both"]
    assert not reading.gap.contains_zero
    assert len(advise(estimate, theory, intervals=intervals)) > 1
    for low, message in [(-0.01, "may be no more similar"), (float("nan"), "has no interval")]:
        gap = replace(reading.gap, low=low)
        wide = replace(intervals, readings={"both": replace(reading, gap=gap)})
        found = only(advise(estimate, theory, intervals=wide))
        assert (found.action, found.certainty) == ("nothing", "none")
        assert message in found.ground
    # The interval of another reading is no obstacle.
    other = replace(intervals, readings={"either": replace(reading, gap=gap)})
    assert len(advise(estimate, theory, intervals=other)) > 1


def test_a_broken_order_ends_it():
    rows, labels, marks = of_graph(VACUOUS)
    estimate = dctheory.estimate_similarities(rows, labels, ~marks)
    assert estimate.violations()
    found = only(advise(estimate, read_theory(estimate)))
    assert found.action == "nothing"
    assert "β ≤ γ fails" in found.ground
    assert "What follows" not in found.text


def test_a_broken_order_within_the_interval_is_no_sign_of_one():
    rows, labels, marks = of_graph(VACUOUS)
    estimate = dctheory.estimate_similarities(rows, labels, ~marks)
    intervals = similarity_intervals(rows, labels, estimate)
    reading = intervals.readings["both"]
    for high, message in [(0.01, "may be no more similar"), (-0.01, "β ≤ γ fails")]:
        gap = replace(reading.gap, low=-0.3, high=high)
        wide = replace(intervals, readings={"both": replace(reading, gap=gap)})
        assert message in only(advise(estimate, read_theory(estimate), intervals=wide)).ground


def test_many_features_see_no_difficult_pairs():
    estimate = estimated(VACUOUS)
    found = only(advise(estimate, read_theory(estimate, k=8)))
    assert "do not raise λ_9" in found.ground


def test_doubts_take_the_certainty_away():
    estimate = estimated(TELLING)
    theory, fit = read_theory(estimate), fit_levels(estimate)
    poor = replace(fit, three_levels=0.1)
    found = advise(estimate, theory, levels=poor)
    assert found[0].action == "nothing"
    assert "explain 10.0%" in found[0].ground
    assert all(each.certainty == "order of bounds" for each in found[1:])
    assert "could be tried all the same" in found[0].text


@pytest.mark.parametrize("gamma", [0.06, 0.1])
def test_noise_and_levels_that_no_augmentation_has_are_doubts(gamma):
    estimate = estimated(TELLING | {"gamma": gamma})
    theory = read_theory(estimate)
    ground = advise(estimate, theory)[0].ground
    assert ("no augmentation has these" in ground.lower()) == (gamma == 0.1)
    assert "drowns" not in ground
    noise = NoiseReading("three levels", 0.5, theory.levels.graph.noise_prediction(0.5))
    found = advise(estimate, replace(theory, noise=noise))
    assert "about their levels, 0.5, is above" in found[0].ground


def test_the_smallest_bound_comes_first():
    estimate = estimated(TELLING)
    theory = read_theory(estimate)
    rows = {row.setting: row for row in theory.bounds}
    rows["margin"] = replace(rows["margin"], exact=bound_of(0.0, 0.001))
    table = replace(theory.bounds, settings=tuple(rows.values()))
    found = advise(estimate, replace(theory, bounds=table))
    assert [each.action for each in found] == ["margin", "remove", "temperature"]


def test_clusters_are_no_labels():
    estimate = estimated(TELLING)
    found = advise(estimate, read_theory(estimate), labels_are="clusters")
    assert found[0].action == "nothing"
    assert {each.certainty for each in found} == {"none"}
    assert "clusters" in found[0].ground.lower()


def rate(samples, errors, count):
    share = errors / count
    return ErrorRate("linear probe", samples, errors, count, share - 0.02, share + 0.02)


def test_errors_are_set_beside_the_bound():
    estimate = estimated(TELLING)
    theory = read_theory(estimate)

    def measured(hard):
        rates = (rate("all", 12, 100), rate("easy", 5, 50), rate("difficult", hard, 50))
        return MeasuredErrors(rates, 100, 100, "")

    alike = advise(estimate, theory, errors=measured(6))
    assert alike[0].action == "nothing"
    assert "cannot be told apart" in alike[0].ground
    assert "Measured: linear probe: 12.00% errors" in alike[0].text
    worse = advise(estimate, theory, errors=measured(20))
    assert worse[0].certainty == "bound"


def test_selected_pairs_are_counted():
    rows, labels, marks = of_graph(VACUOUS)
    estimate = dctheory.estimate_similarities(rows, labels, marks)
    theory = read_theory(estimate)
    distribution = similarity_distribution(rows, labels, marks)
    found = {each.action: each for each in advise(estimate, theory, distribution=distribution)}
    # Same-class pairs are 4 · 10 · 9 of 40 · 39 ordered ones, difficult ones 4 · 3 · 3 · 3.
    high, low = 100 * 360 / 1560, 100 * (360 + 108) / 1560
    assert f"posHigh = {high:.3g} and posLow = {low:.3g}" in found["margin"].pairs
    # Here similarity alone tells the levels apart.
    assert "100% are cross-class" in found["margin"].pairs


def test_every_reading():
    for pairing in ("both", "either"):
        estimate = estimated(VACUOUS | {"gamma": 0.25}, pairing)
        found = advise(estimate, read_theory(estimate, pairing=pairing))
        assert f"({pairing})" in found[-1].pairs


def test_rendering_and_bad_arguments():
    estimate = estimated(VACUOUS)
    found = advise(estimate, read_theory(estimate))
    record = json.loads(json.dumps([each.to_dict() for each in found], allow_nan=False))
    assert record[0]["action"] == "nothing"
    assert len(advice_table(found)) == len(found)
    assert not any("Α" in each.text + each.ground for each in found)
    with pytest.raises(ValueError, match="unknown labels_are"):
        advise(labels_are="guessed")
