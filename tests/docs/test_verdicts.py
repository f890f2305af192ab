"""The documentation's verdicts are written from a report, and drift is found."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

import dctheory

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "verdicts.py"


@pytest.fixture
def run(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("docs_verdicts", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "DATA", tmp_path / "verdicts.json")

    def call(report, *options):
        (tmp_path / "report.json").write_text(json.dumps(report), encoding="utf-8")
        arguments = ["verdicts.py", "--report", str(tmp_path / "report.json"), *options]
        monkeypatch.setattr("sys.argv", arguments)
        return script.main()

    return call


@pytest.fixture(scope="module")
def report():
    return dctheory.verify(["thm-4.4", "disc-a", "table-10"]).to_dict()


def _changed(report, **fields):
    verdicts = [dict(verdict) for verdict in report["verdicts"]]
    verdicts[0] |= fields
    return {"verdicts": verdicts}


def test_what_was_written_is_current(run, report, capsys):
    assert run(report) == 0
    assert run(report, "--check") == 0
    assert run(_changed(report, seconds=99.0), "--check") == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    "fields", [{"outcome": "REFUTED"}, {"digest": "0"}, {"details": ["another"]}, {"steps": []}]
)
def test_drift_is_named(run, report, capsys, fields):
    assert run(report) == 0
    assert run(_changed(report, **fields), "--check") == 1
    assert report["verdicts"][0]["claim"] in capsys.readouterr().err


def test_a_missing_verdict_is_drift(run, report, capsys):
    assert run(report) == 0
    assert run({"verdicts": report["verdicts"][1:]}, "--check") == 1
    assert report["verdicts"][0]["claim"] in capsys.readouterr().err


def test_sampled_figures_may_differ_in_their_digits(run, report, capsys):
    sampled = _changed(report, outcome="EVIDENCE")
    assert run(sampled) == 0
    other = _changed(report, outcome="EVIDENCE", details=["2.1 %"], digest="1")
    assert run(other, "--check") == 0
    capsys.readouterr()
