"""Result files: strict JSON that reads back as it was, loud warnings, damage that is noticed."""

import json
import math
import os
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from dctheory._table import Table
from dctheory.experiment import load_result
from dctheory.experiment.result import Comparison, EmpiricalVerdict, ExperimentResult, compare

NAN, INF = math.nan, math.inf


def _result(**changes):
    result = ExperimentResult(
        name="toy",
        title="A <toy>",
        question="Does it work?",
        preset="cpu",
        seeds=(0, 1, 2),
        comparisons=(
            compare("minimum", -1.0, np.float32(-1.0), 1e-6, "rounding", interval=(-1.1, -0.9)),
            compare("bound", INF, 0.25, 0.0, "exact", relation="≤", note="vacuous"),
            compare("error", 0.1, NAN, 0.1, "3 standard errors"),
            Comparison("order", "removal < margin", "margin < removal", None, "ranks", False),
        ),
        verdicts=(
            EmpiricalVerdict("A beats B", "INCONCLUSIVE", 0.1, (-INF, 0.3), 3, 12, 0.8, "on a toy"),
        ),
        tables={"curve": Table(("k", "λ"), [(1, 0.5), (2, NAN), (3, -INF)], notes=["a note"])},
        findings=("It works.",),
        settings={"seeds": 3, "rates": (0.1, 0.2)},
        manifest={"time": "2026-03-01T12:00:00+00:00"},
        seconds=1.5,
    )
    return replace(result, **changes)


# --- Comparisons


@pytest.mark.parametrize(
    ("relation", "prediction", "measured", "agrees"),
    [
        ("=", 1.0, 1.1, True),
        ("=", 1.0, 1.2, False),
        ("=", 1.0, 0.8, False),
        ("≤", 1.0, 0.0, True),
        ("≤", 1.0, 1.1, True),
        ("≤", 1.0, 1.2, False),
        ("≥", 1.0, 2.0, True),
        ("≥", 1.0, 0.8, False),
        ("=", NAN, 1.0, False),
        ("≤", 1.0, NAN, False),
        ("≤", 1.0, INF, False),
        ("≤", INF, INF, True),
        ("=", INF, INF, True),
    ],
)
def test_compare(relation, prediction, measured, agrees):
    found = compare("x", prediction, measured, 0.15, "given", relation=relation)
    assert found.agrees is agrees


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"relation": "<"}, ValueError, "relation"),
        ({"tolerance": -1.0}, ValueError, "tolerance"),
        ({"tolerance": NAN}, ValueError, "tolerance"),
        ({"agrees": "yes"}, TypeError, "agrees must be True, False or None"),
        ({"agrees": 1}, TypeError, "agrees must be True, False or None"),
        ({"name": 3}, TypeError, "name must be a string"),
        ({"interval": (1.0, 0.0)}, ValueError, "interval must be"),
    ],
)
def test_comparisons_are_checked(changes, error, message):
    with pytest.raises(error, match=message):
        replace(compare("x", 1.0, 1.0, 0.1, "given"), **changes)


def test_numpys_bool_is_a_bool():
    assert replace(compare("x", 1.0, 1.0, 0.1, "given"), agrees=np.bool_(True)).agrees is True


def test_a_verdict_is_one_of_three():
    with pytest.raises(ValueError, match="REPRODUCED, NOT REPRODUCED, INCONCLUSIVE"):
        EmpiricalVerdict("c", "PROVED", 0.1, None, 1, None)


def test_items_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="verdicts must hold EmpiricalVerdict"):
        _result(verdicts=("REPRODUCED",))
    with pytest.raises(TypeError, match="tables must be a mapping"):
        _result(tables=[])


# --- Files


def test_a_saved_result_reads_back_as_it_was(tmp_path):
    _result().save(tmp_path)
    text = (tmp_path / "result.json").read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=pytest.fail)
    assert document == _result().to_dict()
    assert document["comparisons"][1]["prediction"] == "inf"
    assert document["comparisons"][2]["measured"] is None
    for path in (tmp_path, tmp_path / "result.json", str(tmp_path)):
        loaded = load_result(path)
        assert loaded.to_dict() == document
        assert loaded.comparisons[1] == _result().comparisons[1]
        assert loaded.verdicts == _result().verdicts
        assert loaded.seeds == (0, 1, 2)
        assert loaded.tables["curve"].rows[2] == {"k": 3, "λ": -INF}
    assert sorted(os.listdir(tmp_path)) == ["result.json", "result.md"]


def test_a_loaded_result_is_shown_as_it_was(tmp_path):
    result = _result(warnings=("error above a valid bound",))
    result.save(tmp_path)
    loaded = load_result(tmp_path)
    assert loaded.to_text(80) == result.to_text(80)
    assert loaded.to_markdown() == result.to_markdown()
    assert loaded.to_markdown() + "\n" == (tmp_path / "result.md").read_text(encoding="utf-8")


def _set(*path, value):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


def _without(*path):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return change


@pytest.mark.parametrize(
    "change",
    [
        _without("title"),
        _without("comparisons"),
        _without("tables"),
        _without("comparisons", 0, "agrees"),
        _set("frobnicate", value=1),
        _set("comparisons", value=3),
        _set("comparisons", 0, value="x"),
        _set("comparisons", 0, "agrees", value="yes"),
        _set("comparisons", 0, "tolerance", value="small"),
        _set("comparisons", 0, "interval", value=[1]),
        _set("comparisons", 0, "interval", value="ab"),
        _set("comparisons", 0, "relation", value=[]),
        _set("verdicts", 0, "verdict", value="PROVED"),
        _set("verdicts", 0, "seeds", value=1.5),
        _set("tables", value=[]),
        _set("tables", "curve", value=None),
        _set("tables", "curve", "columns", value=["k"]),
        _set("tables", "curve", "rows", value=[1]),
        _set("seeds", value=None),
        _set("seeds", value=["0"]),
        _set("findings", value=[1]),
        _set("name", value=None),
        _set("seconds", value="long"),
    ],
)
def test_a_damaged_result_is_refused(change, tmp_path):
    document = _result().to_dict()
    change(document)
    path = tmp_path / "result.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ValueError, match=r"result\.json: the result is damaged: "):
        load_result(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no JSON document"),
        (b'{"version": 1, "na', "no JSON document"),
        (b"[" * 100_000, "no JSON document"),
        (b"\xff\xfe", "no JSON document"),
        (b'{"version": NaN}', "NaN is not JSON"),
        (b"[]", "no result of an experiment"),
        (b"{}", "no result of an experiment"),
        (b'{"version": 2}', "is of format 2, this version of dctheory reads 1"),
    ],
)
def test_what_is_no_result_is_refused(content, message, tmp_path):
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_result(path)


def test_an_unfinished_run_and_a_missing_file(tmp_path):
    with pytest.raises(
        ValueError, match=r"holds no result\.json; give the folder of a finished run"
    ):
        load_result(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_result(tmp_path / "missing.json")


# --- How it is shown


def test_text_has_the_warnings_first_and_says_what_disagrees():
    text = _result(warnings=("error 0.4 > bound 0.3",)).to_text(100)
    lines = text.splitlines()
    assert lines[0] == "WARNING: error 0.4 > bound 0.3"
    assert lines[1] == "toy: A <toy>"
    assert "preset cpu, 3 seeds, 1.5 s" in text
    assert "DISAGREEMENT" in text
    assert "• It works." in text
    assert lines[-1] == "4 comparisons: 2 agreement, 2 DISAGREEMENT; 1 verdict: 1 INCONCLUSIVE"
    assert max(map(len, lines)) <= 100


def test_columns_that_say_nothing_are_left_out():
    plain = compare("x", 1.0, 1.0, 0.1, "given")
    text = _result(comparisons=(plain,), verdicts=(), tables={}).to_text()
    heads = "comparison prediction measured tolerance outcome tolerance from"
    assert heads in [" ".join(line.split()) for line in text.splitlines()]


def test_a_smoke_says_that_it_decides_nothing():
    text = _result(preset="smoke", comparisons=(), verdicts=(), seeds=(0,)).to_text()
    assert "preset smoke, 1 seed, 1.5 s; too small to decide anything" in text
    assert text.endswith("nothing was compared")


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], set()

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_escapes_every_text():
    hostile = "<script>alert(1)</script>"
    result = _result(
        name=hostile,
        question=hostile,
        findings=(hostile,),
        warnings=(hostile,),
        tables={hostile: Table((hostile,), [(hostile,)])},
    )
    parser = _Tags()
    parser.feed(result._repr_html_())
    assert parser.open == []
    assert "script" not in parser.seen
    assert {"table", "strong", "ul"} <= parser.seen


def test_markdown_has_a_heading_warnings_and_tables():
    text = _result(warnings=("error 0.4 > bound 0.3",)).to_markdown()
    assert text.startswith("# toy: A <toy>\n\n> **WARNING: error 0.4 > bound 0.3**\n\n")
    assert text.count("\n| --") == 3
    assert "- It works." in text
