"""The notebooks are what their texts say, and hold nothing that a run would leave behind."""

import importlib.util
import json
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
TEXTS = sorted(FOLDER.glob("*.py"))


def _cells_of_text(path):
    """Kind and source of each cell, by the percent format's own words and nothing else."""
    _, _, body = path.read_text(encoding="utf-8").split("# ---\n", 2)
    _, *parts = re.split(r"^# %%", f"\n{body}", flags=re.MULTILINE)
    cells = []
    for part in parts:
        head, _, source = part.partition("\n")
        kind = "markdown" if head.strip() == "[markdown]" else "code"
        assert head.strip() in ("", "[markdown]"), head
        lines = source.strip("\n").split("\n")
        if kind == "markdown":
            lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
        cells.append((kind, "\n".join(lines)))
    return cells


def _notebook(path):
    return json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))


def test_there_are_six_in_order():
    assert [path.name[0] for path in TEXTS] == list("123456")
    assert [path.stem for path in sorted(FOLDER.glob("*.ipynb"))] == [path.stem for path in TEXTS]


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)
def test_text_and_notebook_agree(text):
    cells = _notebook(text)["cells"]
    found = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    assert found == _cells_of_text(text)


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)
def test_nothing_of_a_run_is_stored(text):
    notebook = _notebook(text)
    assert set(notebook["metadata"]) == {"jupytext", "kernelspec", "language_info"}
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)
def test_the_first_code_cell_says_how_to_run_it_small(text):
    code = [source for kind, source in _cells_of_text(text) if kind == "code"]
    assert "DCTHEORY_NOTEBOOK_SIZE" in code[0]


# --- The script that writes them


@pytest.fixture(scope="module")
def script():
    pytest.importorskip("jupytext", reason="jupytext is in the extra 'notebooks'")
    spec = importlib.util.spec_from_file_location("notebooks_script", ROOT / ".ci/notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copied(tmp_path):
    for path in (TEXTS[0], TEXTS[0].with_suffix(".ipynb")):
        shutil.copy(path, tmp_path)
    return tmp_path / TEXTS[0].name


def _run(script, monkeypatch, folder, *arguments):
    monkeypatch.setattr("sys.argv", ["notebooks.py", "--folder", str(folder), *arguments])
    return script.main()


def test_check_passes_on_the_repository(script, monkeypatch, capsys):
    assert _run(script, monkeypatch, FOLDER, "--check") == 0
    assert f"{len(TEXTS)} notebooks" in capsys.readouterr().out


def test_check_finds_an_output_and_a_missing_text(script, monkeypatch, capsys, copied):
    notebook = _notebook(copied)
    code = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["stale"]}]
    copied.with_suffix(".ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    shutil.copy(copied.with_suffix(".ipynb"), copied.with_name("alone.ipynb"))
    assert _run(script, monkeypatch, copied.parent, "--check") == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == [f"{copied.stem}.ipynb", "alone.ipynb"]


def test_writing_twice_gives_the_same_bytes(script, monkeypatch, copied):
    copied.with_suffix(".ipynb").unlink()
    written = []
    for _ in range(2):
        assert _run(script, monkeypatch, copied.parent) == 0
        written.append(copied.with_suffix(".ipynb").read_bytes())
    assert written[0] == written[1] == TEXTS[0].with_suffix(".ipynb").read_bytes()
