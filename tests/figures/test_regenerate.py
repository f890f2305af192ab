"""Figures are made anew from the same data, byte for byte, and drift is seen."""

import importlib
import json
import math
from pathlib import Path

import pytest

FIGURES = Path(__file__).resolve().parents[2] / "figures"


@pytest.fixture
def regenerate(monkeypatch):
    monkeypatch.syspath_prepend(FIGURES)
    return importlib.import_module("regenerate")


def test_every_figure_that_can_be_made_is_stored_with_its_numbers(regenerate):
    for name, entry in regenerate.FIGURES.items():
        if entry.missing:
            assert not (FIGURES / f"{name}.svg").exists(), name
            continue
        for file in (f"{name}.svg", f"{name}.png", f"data/{name}.json"):
            assert (FIGURES / file).is_file(), file
        assert (FIGURES / f"{name}.png").stat().st_size <= 150_000, name
        stored = json.loads((FIGURES / "data" / f"{name}.json").read_text())
        assert all(table["rows"] for table in stored["tables"].values()), name
        assert f"## {name}\n" in (FIGURES / "captions.md").read_text()
        assert stored["caption"] in (FIGURES / "captions.md").read_text()


def test_the_same_bytes_twice(regenerate, tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        assert regenerate.main(["graph", "--out", str(folder)]) == 0
    made = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert [path.name for path in made] == ["captions.md", "graph.json", "graph.png", "graph.svg"]
    for path in made:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()


def test_drift_fails_and_names_the_number(regenerate, tmp_path, monkeypatch, capsys):
    assert regenerate.main(["graph", "--out", str(tmp_path)]) == 0
    monkeypatch.setattr(regenerate, "FOLDER", tmp_path)
    assert regenerate.main(["graph", "--check", "--bytes"]) == 0
    file = tmp_path / "data" / "graph.json"
    document = json.loads(file.read_text())
    document["tables"]["entries"]["rows"][2]["entries"] += 1
    document["caption"] = "An older one."
    file.write_text(json.dumps(document))
    (tmp_path / "graph.svg").write_text("<svg/>")
    capsys.readouterr()
    assert regenerate.main(["graph", "--check", "--bytes"]) == 1
    out, err = capsys.readouterr()
    assert "data.entries.rows[2].entries is 24, stored is 25" in err
    assert "stored is 'An older one.'" in err
    assert "graph.svg has other bytes" in err
    assert out == "1 made anew, 1 differ from what is stored\n"
    file.unlink()
    assert regenerate.main(["graph", "--check"]) == 1
    assert "graph.json is not stored" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "now", "count"),
    [
        (1.0, 1.0 + 1e-9, 0),
        (1.0, 1.001, 1),
        (1e6, 1e6 + 0.1, 0),
        ({"a": [1, "x", None]}, {"a": [1, "x", None]}, 0),
        ({"a": [1, "x", None]}, {"a": [2, "y", 0]}, 3),
        ([1], [1, 2], 1),
        ({"a": 1}, {"b": 1}, 2),
        ({"a": 1, "b": 2}, {"a": 1}, 1),
        ([{"a": 1.0}, 2], [{"a": 1.5}], 2),
        ({"a": True}, {"a": False}, 1),
        (0.0, math.pi, 1),
    ],
)
def test_what_counts_as_a_difference(before, now, count, regenerate):
    assert len(list(regenerate.differences(before, now, 1e-6))) == count


def test_an_unknown_name_is_one_line(regenerate, capsys):
    with pytest.raises(SystemExit) as stopped:
        regenerate.main(["grpah"])
    assert stopped.value.code == 2
    assert "no figure 'grpah'" in capsys.readouterr().err


def test_what_is_not_measured_is_said_and_not_drawn(regenerate, tmp_path, monkeypatch, capsys):
    registry = importlib.import_module("_registry")
    entry = registry.Entry("unmeasured", lambda: pytest.fail("drawn"), True, ("absent-gpu.json",))
    monkeypatch.setitem(regenerate.FIGURES, "unmeasured", entry)
    assert regenerate.main(["unmeasured", "--out", str(tmp_path)]) == 0
    assert "still to be measured (absent-gpu.json)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["captions.md"]
    assert regenerate.main(["--list"]) == 0
    assert "unmeasured: still to be measured" in capsys.readouterr().out


def test_two_figures_of_one_name_are_refused(regenerate):
    registry = importlib.import_module("_registry")
    with pytest.raises(ValueError, match="two figures 'graph'"):
        registry.figure("graph")(lambda: None)
