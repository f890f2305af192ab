"""What the README shows runs as it stands."""

import functools
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import dctheory
from dctheory._arguments import make_parser
from dctheory.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_python_examples_run(capsys, monkeypatch, tmp_path):
    # At the size of a test; what is printed has the same form.
    small = functools.partial(dctheory.run_experiment, preset="smoke")
    monkeypatch.setattr(dctheory, "run_experiment", small, raising=False)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 30)
    embeddings = rng.standard_normal((60, 4)) + 2 * np.eye(4)[labels]
    names = {"embeddings": embeddings, "labels": labels}
    blocks = _blocks("python")
    assert blocks
    for block in blocks:
        exec(block, names)
    out = capsys.readouterr().out
    assert "Error bounds at k = 10" in out
    assert str(names["diagnosis"].alpha_) in out
    assert "Advice(" in out
    assert "margin-recovers-clean" in out
    assert list(tmp_path.glob("results/margin-recovers-clean-*/result.json"))


def test_the_commands_run(capsys):
    lines = "".join(_blocks("bash")).replace("\\\n", " ").splitlines()
    commands = [shlex.split(line, comments=True) for line in lines if "dctheory" in line]
    quick = [words[1:] for words in commands if words[1] in ("bounds", "spectrum")]
    assert len(quick) == 2
    trained = [words[1:] for words in commands if words[1] in ("train", "experiment")]
    assert len(trained) == 5
    # Those of CIFAR need its data, and the second of them a run to continue.
    dry = [
        [*words, "--dry-run"]
        for words in trained
        if words[-1] != "--list" and "--data-dir" not in words
    ]
    assert len(dry) == 2
    for arguments in [*quick, ["experiment", "--list"], *dry]:
        assert main(arguments) == 0
        assert capsys.readouterr().out
    for words in commands:
        make_parser().parse_args(words[1:])


def test_the_diagnosis_runs(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 30)
    np.save("embeddings.npy", rng.standard_normal((60, 4)) + 2 * np.eye(4)[labels])
    np.save("labels.npy", labels)
    np.save("images.npy", rng.integers(0, 256, (60, 8, 8), dtype=np.uint8))
    (command,) = (line for line in "".join(_blocks("bash")).splitlines() if "diagnose" in line)
    assert main(shlex.split(command)[1:]) == 0
    assert "What to do" in capsys.readouterr().out
    assert list(tmp_path.glob("results/diagnose-*/report.html"))


@pytest.mark.parametrize(
    "target", ["verify", "test", "readme", "figures", "check-notebooks", "docs"]
)
def test_the_makefile_has_what_the_readme_names(target):
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_links_lead_to_files():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target
