"""The paper's tables: measured rows come from files, all others say that they are missing."""

import json

import pytest

from dctheory._table import Table
from dctheory.experiment._publish import NotMeasured, publish_result, published_result
from dctheory.experiment._published_table import MISSING, paper_table
from dctheory.experiment.registry import load_experiment
from dctheory.experiment.result import EmpiricalVerdict, ExperimentResult


def result(preset, dataset="cifar10"):
    name = "cifar-removal"
    columns = ("method", "probe, %", "probe, % from", "probe, % to", "published, %")
    rows = [("baseline", 88.0, None, None, 88.26), ("removal", 88.5, 88.1, 88.9, None)]
    settings = load_experiment(name).presets[preset].to_dict()
    return ExperimentResult(
        name=name,
        title="",
        question="",
        preset=preset,
        seeds=(0, 1, 2),
        verdicts=(EmpiricalVerdict("removal helps", "INCONCLUSIVE", 0.5, (-0.1, 1.1), 3, 7, 0.71),),
        tables={"accuracy": Table(columns, rows)},
        settings=settings | {"dataset": dataset},
        manifest={"devices": ["NVIDIA H200"], "commit": "abc"},
        seconds=400.0,
    )


def rows_of(table, name, data="CIFAR-10"):
    return [r for r in table.rows if name in r["command"] and r["data"] == data]


def test_without_files_every_row_is_missing(tmp_path):
    table = paper_table(tmp_path)
    assert {row["verdict"] for row in table.rows} == {MISSING}
    assert all(row["ours"] is row["cost"] is None for row in table.rows)
    assert len(table.rows) == 12 + 4
    (row,) = rows_of(table, "cifar-removal", "CIFAR-100")
    assert row["command"] == (
        "dctheory experiment cifar-removal --preset gpu --set dataset=cifar100"
    )
    assert row["in the paper"] == "Table 1"
    # The paper's own numbers are known: 0.6 % of 59.95.
    assert row["paper's"] == "+0.36"
    assert any("computed from these" in note for note in table.notes)
    assert rows_of(table, "cifar-baseline")[0]["paper's"] == "88.26"


def test_a_trial_decides_nothing(tmp_path):
    publish_result(result("cpu"), tmp_path)
    (row,) = rows_of(paper_table(tmp_path), "cifar-removal")
    assert (row["verdict"], row["ours"]) == (MISSING, None)


def test_a_measured_table(tmp_path):
    publish_result(result("gpu"), tmp_path)
    rows = rows_of(paper_table(tmp_path), "cifar-removal")
    assert [(r["what"], r["ours"], r["paper's"], r["verdict"]) for r in rows] == [
        ("baseline", "88.00", "88.26", None),
        ("removal", "88.50 [88.10, 88.90]", None, None),
        *[
            (
                "removal helps",
                "+0.50 [-0.10, +1.10]",
                "+0.71",
                "INCONCLUSIVE (7 seeds would decide)",
            )
        ],
    ]
    assert {row["cost"] for row in rows} == {"about 6.7 min, 3 seeds, NVIDIA H200"}
    # That of the other data set is still missing.
    (row,) = rows_of(paper_table(tmp_path), "cifar-removal", "CIFAR-100")
    assert row["verdict"] == MISSING


def test_the_largest_preset_counts(tmp_path):
    for preset in ("gpu", "paper", "cpu"):
        publish_result(result(preset), tmp_path)
    found = published_result("cifar-removal", folder=tmp_path)
    assert found["result"].preset == "paper"
    with pytest.raises(NotMeasured, match=r"^dctheory experiment \S+ --preset cpu --set"):
        published_result("cifar-removal", dataset="cifar100", folder=tmp_path)
    json.dumps(paper_table(tmp_path).to_dict(), allow_nan=False)
