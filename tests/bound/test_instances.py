"""The model on real input: published numbers, and embeddings whose estimates break the model."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest

import dctheory
from dctheory.bound import instances
from dctheory.bound.instances import TABLE_10, digits_instance, table_10_instance


@pytest.fixture(scope="module")
def table_10():
    return table_10_instance(per_class=500)


def test_published_columns_are_consistent():
    assert [float(100 * column.alpha) for column in TABLE_10] == [47.2, 44.0, 41.2, 38.7]
    assert [float(1e5 * column.eigenvalue) for column in TABLE_10] == [2.93, 3.36, 3.58, 3.72]
    for column in TABLE_10:
        assert 0 <= column.beta < column.gamma < column.alpha < 1
        # The row γ − β is an input of its own; it must agree within the other two's rounding.
        slack = 2 * instances.TABLE_10_SIMILARITY_ROUNDING
        assert abs(column.gamma - column.beta - column.difference) <= slack


def test_every_column_has_every_reading(table_10):
    model, errors = table_10.tables
    assert len(model) == len(errors) == len(table_10.bounds) == 12
    assert {row["pairing"] for row in model} == {"both", "matched", "either"}
    assert {row["mixed"] for row in model} == {"0 %", "10 %", "20 %", "30 %"}
    assert all(table.graph.difficult == 40 for table in table_10.bounds)


def test_the_summary_agrees_with_dense_linear_algebra(table_10):
    row = next(row for row in table_10.tables[0] if row["pairing"] == "either")
    graph = dctheory.SimilarityGraph(
        classes=10,
        per_class=25,
        difficult=2,
        alpha=Fraction(row["α"]),
        beta=Fraction(row["β"]),
        gamma=Fraction(row["γ"]),
        pairing="either",
    )
    small = table_10_instance(per_class=25)
    found = next(row for row in small.tables[0] if row["pairing"] == "either")
    values = np.linalg.eigvalsh(graph.normalized_adjacency())[::-1]
    assert found["λ_k+1"] == pytest.approx(values[10], rel=1e-10)
    lowest = np.linalg.eigvalsh(graph.adjacency())[0]
    assert found["realizable"] == ("no" if lowest < -1e-9 else "yes")


def test_what_is_vacuous_is_said(table_10):
    errors = table_10.tables[1]
    numbers = [value for row in errors for value in row.values() if isinstance(value, float)]
    assert min(numbers) >= 1
    assert f"vacuous (1 or more): {len(numbers)} of {len(numbers)} bounds" in errors.notes


def test_rendering(table_10):
    document = json.loads(json.dumps(table_10.to_dict(), allow_nan=False))
    assert document["name"] == table_10.name
    assert len(document["bounds"]) == 12
    assert "the paper does not state n" in table_10.to_text(100)
    assert table_10.to_markdown().count("| --") >= 14


def test_digits_have_both_readings():
    digits = digits_instance()
    estimate, model, _ = digits.tables
    assert [row["pairing"] for row in model] == ["both", "either"]
    assert any("matched is not estimated" in note for note in model.notes)
    alpha = next(row["mean"] for row in estimate if row["symbol"] == "α")
    assert {row["α"] for row in model} == {alpha}
    assert 0.8 < alpha < 0.83


def test_estimates_that_break_the_order_have_no_graph_and_say_why():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20)
    centres = np.array([[1.0, 0.0], [-1.0, 0.0]])
    embeddings = centres[labels] + 0.05 * rng.standard_normal((40, 2))
    difficult = np.tile(np.arange(20) < 4, 2)
    estimate = dctheory.estimate_similarities(embeddings, labels, difficult=difficult)
    found = instances.estimated_instance("apart", estimate)
    assert found.bounds == ()
    assert "0 ≤ β fails for pairing 'both'" in found.to_text(100)
    assert "0 ≤ β fails" in found.to_markdown()
    assert math.isfinite(found.to_dict()["tables"][0]["rows"][0]["mean"])


def test_a_size_that_is_none_is_refused():
    with pytest.raises(ValueError, match="per_class must be at least 1"):
        table_10_instance(per_class=0)
