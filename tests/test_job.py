"""The main job: folders that are never reused, one JSON document."""

import json
import os
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

import dctheory
from dctheory import _job
from dctheory._table import Table
from dctheory.bound import instances
from dctheory.bound.instances import Instance
from dctheory.cli import main
from dctheory.experiment import registry


@dataclass(frozen=True)
class _Report:
    claims: tuple[str, ...]

    def _table(self):
        return Table(["claim", "outcome"], [(claim, "PROVED") for claim in self.claims])

    def to_text(self, width=None):
        return self._table().to_text(width)

    def to_markdown(self):
        return self._table().to_markdown()

    def to_json(self):
        return json.dumps({"verdicts": [{"claim": claim} for claim in self.claims]})


def _verify(claims=None, pairings=None, progress=None):
    if progress is not None:
        progress(1, 1, "eq-2")
    return _Report(tuple(claims or ("eq-2",)))


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """The command line with a stand-in for the proofs and the real input, in an empty folder."""
    instance = Instance("real input", (Table(["α"], [(0.5,)]),), ())
    monkeypatch.setattr(dctheory, "verify", _verify, raising=False)
    monkeypatch.setattr(instances, "table_10_instance", lambda: instance)
    monkeypatch.setattr(instances, "digits_instance", lambda: instance)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


def test_results_are_json_and_markdown_in_a_new_folder(quick, capsys):
    assert main(["verify", "--claims", "eq-2,thm-3.3", "--claims", "disc-a"]) == 0
    (folder,) = (quick / "results").iterdir()
    assert {path.name for path in folder.iterdir()} == {
        "report.json",
        "report.md",
        "instances.json",
        "instances.md",
        "manifest.json",
    }
    verdicts = json.loads((folder / "report.json").read_text())["verdicts"]
    assert [verdict["claim"] for verdict in verdicts] == ["eq-2", "thm-3.3", "disc-a"]
    assert json.loads((folder / "manifest.json").read_text())["seconds"] >= 0
    assert json.loads((folder / "instances.json").read_text())[0]["name"] == "real input"
    out, err = capsys.readouterr()
    assert "thm-3.3" in out
    assert "real input" not in out
    assert out.rstrip().endswith(f"Results: {folder.relative_to(quick)}")
    assert err == "dctheory: 1 of 1 verdicts: eq-2\n"


def test_quick_experiments_join_in(quick, capsys, monkeypatch):
    class Experiment:
        name = "of-chance"

        def to_dict(self):
            return {"name": self.name}

        def to_text(self, width=None):
            return "chance agrees"

        def save(self, folder):
            (folder / "result.json").write_text(json.dumps(self.to_dict()))

    def run_experiment(name, progress):
        progress(1, 1, name)
        return Experiment()

    monkeypatch.setattr(dctheory, "run_experiment", run_experiment, raising=False)
    monkeypatch.setattr(registry, "quick_experiments", lambda: ["of-chance"])
    assert main(["verify", "--with-training", "--out", "here"]) == 0
    out, err = capsys.readouterr()
    assert "chance agrees" in out
    assert "1 of 1 tasks: of-chance" in err
    assert len(list(quick.glob("here/*/experiments/of-chance/result.json"))) == 1
    assert main(["verify", "--with-training", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["experiments"] == [{"name": "of-chance"}]


def test_a_second_run_leaves_the_first_as_it_was(quick, capsys):
    assert main(["verify", "--out", "here"]) == 0
    first = _tree(quick)
    assert main(["verify", "--out", "here"]) == 0
    both = _tree(quick)
    assert len(both) == 2 * len(first)
    assert {name: both[name] for name in first} == first


def test_real_input_is_shown_where_no_claims_were_asked_for(quick, capsys):
    assert main(["verify"]) == 0
    assert "real input" in capsys.readouterr().out


def test_json_is_one_document_on_stdout(quick, capsys):
    assert main(["verify", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["verdicts"] == [{"claim": "eq-2"}]
    assert document["manifest"]["dctheory"] == dctheory.__version__
    assert document["instances"][0]["tables"][0]["rows"] == [{"α": 0.5}]
    assert os.path.isdir(document["folder"])


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_run_that_fails_leaves_no_folder(error, quick, monkeypatch, capsys):
    def fail(**options):
        raise error

    monkeypatch.setattr(dctheory, "verify", fail)
    if error is KeyboardInterrupt:
        assert main(["verify"]) == 130
    else:
        with pytest.raises(error):
            main(["verify"])
    assert os.listdir(quick / "results") == []


def test_an_out_that_is_a_file_fails_before_the_work(quick, monkeypatch, capsys):
    (quick / "file").write_text("")
    monkeypatch.setattr(dctheory, "verify", None)
    assert main(["verify", "--out", "file"]) == 2
    assert "cannot write results to 'file'" in capsys.readouterr().err


def test_a_full_disk_is_one_line(quick, monkeypatch, capsys):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_job, "write_atomic", full)
    assert main(["verify"]) == 2
    assert capsys.readouterr().err.endswith("error: No space left on device\n")
    assert os.listdir(quick / "results") == []


@pytest.mark.parametrize(
    ("document", "count"), [({"verdicts": [{"ok": True}, {"ok": False}]}, 2), ({"ok": False}, 1)]
)
def test_recheck_of_a_report_or_of_one_verdict(document, count, tmp_path, monkeypatch, capsys):
    def recheck(data):
        problems = () if data["ok"] else ("query altered",)
        return SimpleNamespace(ok=data["ok"], problems=problems, claim="eq-2", outcome="PROVED")

    monkeypatch.setattr(dctheory, "recheck", recheck, raising=False)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(document))
    assert main(["recheck", str(path)]) == 1
    out = capsys.readouterr().out
    assert out.count("eq-2") == count
    assert "FAILED  PROVED  eq-2; query altered" in out
    assert out.endswith(f"{count} rechecked, 1 failed\n")
    assert main(["recheck", str(path), str(path)]) == 1
    assert capsys.readouterr().out.endswith(f"{2 * count} rechecked, 2 failed\n")


# --- The real thing


@pytest.fixture(scope="module")
def real_report(tmp_path_factory):
    out = tmp_path_factory.mktemp("results")
    selection = ["--claims", "eq-2,thm-3.3,thm-4.5/match", "--pairings", "matched"]
    assert main(["verify", *selection, "--out", str(out)]) == 0
    (folder,) = out.iterdir()
    return folder / "report.json"


def test_a_report_of_the_real_claims_passes_its_recheck(real_report, capsys):
    verdicts = json.loads(real_report.read_text())["verdicts"]
    found = [(verdict["claim"], verdict["pairing"]) for verdict in verdicts]
    assert found == [("eq-2", None), ("thm-3.3", None), ("thm-4.5/match", "matched")]
    assert main(["recheck", str(real_report)]) == 0
    assert capsys.readouterr().out.endswith("3 rechecked, 0 failed\n")
    markdown = (real_report.parent / "instances.md").read_text()
    assert "Table 10" in markdown
    assert "handwritten digits" in markdown


def test_an_altered_condition_fails_its_recheck(real_report, tmp_path, capsys):
    text = real_report.read_text()
    assert '"k >= r + 1"' in text
    altered = tmp_path / "report.json"
    altered.write_text(text.replace('"k >= r + 1"', '"k >= r + 2"'))
    assert main(["recheck", str(altered)]) == 1
    assert "FAILED  CONDITIONAL  thm-3.3" in capsys.readouterr().out
    altered.write_text(text[: len(text) // 2])
    assert main(["recheck", str(altered)]) == 2
