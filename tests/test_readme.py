"""What the README shows runs as it stands."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from dctheory.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_python_examples_run(capsys):
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
    assert "Cosine similarities: 2 classes, 60 samples" in out


def test_the_commands_run(capsys):
    lines = "".join(_blocks("bash")).replace("\\\n", " ").splitlines()
    commands = [shlex.split(line, comments=True) for line in lines if "dctheory" in line]
    ours = [words[1:] for words in commands if words[1] in ("bounds", "spectrum")]
    assert len(ours) == 2
    for arguments in ours:
        assert main(arguments) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("target", ["verify", "test", "readme"])
def test_the_makefile_has_what_the_readme_names(target):
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_links_lead_to_files():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target
