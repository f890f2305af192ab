"""``dctheory train``: what it prints, and how it ends."""

import json

import pytest

from dctheory.cli import main

RUN = """
steps = 2
batch_size = 8
[data]
kind = "sphere"
classes = 3
per_class = 6
difficult = 2
dimension = 5
[model]
features = 3
width = 4
depth = 1
[evaluation]
neighbours = 0
iterations = 5
"""


@pytest.fixture
def command(tmp_path, capsys):
    """Run ``dctheory train`` on RUN; its exit code and what it prints."""
    path = tmp_path / "run.toml"
    path.write_text(RUN)

    def call(*arguments):
        out = str(tmp_path / "out")
        code = main(["train", str(path), "--out", out, *arguments])
        return code, *capsys.readouterr()

    call.out = tmp_path / "out"
    return call


def test_a_run_its_resume_and_its_divergence(command):
    code, output, _ = command("--max-seconds", "0")
    assert (code, output) == (3, "")
    code, output, _ = command("--resume", "--json")
    assert code == 0
    document = json.loads(output)
    (run,) = document["runs"]
    assert run["step"] == 2
    assert run["evaluation"]["probe_error"] == pytest.approx(
        1 - run["evaluation"]["probe_accuracy"]
    )
    code, output, _ = command("--resume")
    assert "probe_accuracy" in output
    assert document["folder"] in output
    code, output, errors = command("--set", "optimizer.learning_rate=1e38")
    assert (code, output) == (1, "")
    assert "not finite at step 2" in errors


def test_a_dry_run_writes_nothing(command):
    code, output, _ = command("--dry-run", "--set", "model.depth=3")
    assert code == 0
    assert json.loads(output)["model"]["depth"] == 3
    assert not command.out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "model.deph=3"], "did you mean 'model.depth'?"),
        (["--set", "batch_size=1"], "batch_size must be at least 2"),
        (["--set", "batch_size=19"], "larger than the 18 training samples"),
        (["--devices", "99"], "99 devices were asked for"),
        (["--resume"], "there is no run of 'train' to resume"),
        (["--processes", "2"], "need --coordinator HOST:PORT"),
        (["--process", "1"], "need --coordinator HOST:PORT"),
        (["--coordinator", "here", "--processes", "2"], "must be HOST:PORT"),
    ],
)
def test_bad_input_is_one_line_before_there_is_a_folder(command, arguments, message):
    code, output, errors = command(*arguments)
    assert (code, output) == (2, "")
    assert errors.startswith("dctheory: error: ")
    assert errors.count("\n") == 1
    assert message in errors
    assert not command.out.exists()
