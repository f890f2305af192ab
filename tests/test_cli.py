"""The command line: one line and exit code 2 for bad input, documents that others can read."""

import json
import os
import subprocess
import sys
from fractions import Fraction

import pytest

import dctheory
from dctheory.cli import main

GRAPH = (
    "--classes 3 --per-class 4 --difficult 1 --alpha 1/2 --beta 1/8 --gamma 1/4 --pairing both"
).split()


def _replaced(option, value):
    arguments = list(GRAPH)
    arguments[arguments.index(option) + 1] = value
    return arguments


def _python(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "dctheory", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
        **options,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a command is required"),
        (["verfy"], "invalid choice: 'verfy'"),
        (["verify", "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["verify", "--claims"], "expected one argument"),
        (["verify", "--claims", "thm-3.4,,disc-a"], "expected names between the commas"),
        (["verify", "--claims", "thm-34"], "thm-3.4"),
        (["verify", "--pairings", "bth"], "did you mean 'both'"),
        (["recheck"], "required: FILE"),
        (["recheck", "missing.json"], "No such file or directory: missing.json"),
        (["spectrum"], "required: --classes"),
        (["spectrum", *_replaced("--classes", "3.5")], "whole number, got '3.5'"),
        (["spectrum", *_replaced("--classes", "True")], "whole number, got 'True'"),
        (["spectrum", *_replaced("--classes", "1")], "classes must be at least 2"),
        (["spectrum", *_replaced("--difficult", "5")], "difficult must be between 0 and 4"),
        (["spectrum", *_replaced("--alpha", "nan")], "finite number"),
        (["spectrum", *_replaced("--alpha", "1e-999999999")], "beyond what is reasonable"),
        (["spectrum", *_replaced("--alpha", "1/0")], "divide by zero"),
        (["spectrum", *_replaced("--alpha", "1/2/3")], "finite number"),
        (["spectrum", *_replaced("--alpha", "2")], "alpha"),
        (["spectrum", *_replaced("--gamma", "1/16")], "order"),
        (["spectrum", *_replaced("--pairing", "matchd")], "did you mean 'matched'"),
        (["spectrum", *GRAPH, "--k", "12"], "k must be between 1 and 11"),
        (["spectrum", *GRAPH, "--k", "0"], "k must be between 1 and 11"),
        (["spectrum", *GRAPH, "--format", "pdf"], "invalid choice: 'pdf'"),
        (["bounds", *GRAPH, "--k", "0"], "k must be"),
        (["bounds", *GRAPH, "--delta", "0"], "delta"),
        (["bounds", *GRAPH, "--delta", "1.5"], "delta"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("dctheory: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert os.listdir(tmp_path) == []


def test_help_and_version(capsys):
    for arguments in (["--help"], *([name, "--help"] for name in _COMMANDS)):
        with pytest.raises(SystemExit) as exit_:
            main(arguments)
        assert exit_.value.code == 0
        assert "usage: dctheory" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"dctheory {dctheory.__version__}\n"


_COMMANDS = ("verify", "bounds", "spectrum", "recheck")


def test_help_names_every_command_and_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    for word in (*_COMMANDS, "exit codes", "examples"):
        assert word in out


# --- spectrum and bounds


def test_spectrum_as_json_holds_exact_input_and_full_precision(capsys):
    assert main(["spectrum", *GRAPH, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["graph"]["alpha"] == "1/2"
    graph = dctheory.SimilarityGraph(
        classes=3,
        per_class=4,
        difficult=1,
        alpha=Fraction(1, 2),
        beta=Fraction(1, 8),
        gamma=Fraction(1, 4),
    )
    values = [row["λ_j"] for row in document["table"]["rows"]]
    assert values == [mode.value for mode in graph.spectrum().modes]


def test_spectrum_names_the_next_mode_and_the_gap(capsys):
    assert main(["spectrum", *GRAPH, "--k", "3"]) == 0
    out = capsys.readouterr().out
    assert "k = 3: λ_4 = " in out
    assert "gap λ_3 − λ_4 = " in out


def test_decimals_are_exact(capsys):
    outputs = []
    for text in ("0.125", "1/8", "1.25e-1"):
        assert main(["spectrum", *_replaced("--beta", text)]) == 0
        outputs.append(capsys.readouterr().out)
    assert len(set(outputs)) == 1


@pytest.mark.parametrize(
    ("form", "sign"),
    [("text", "─"), ("markdown", "| --"), ("latex", r"\toprule"), ("html", "<table>")],
)
@pytest.mark.parametrize("command", ["spectrum", "bounds"])
def test_formats(command, form, sign, capsys):
    assert main([command, *GRAPH, "--format", form]) == 0
    assert sign in capsys.readouterr().out


def test_a_spectrum_of_huge_graphs_is_no_work(capsys):
    arguments = _replaced("--per-class", str(10**12))
    assert main(["spectrum", *arguments]) == 0
    assert str(3 * (10**12 - 2)) in capsys.readouterr().out.replace(" ", "")


# --- recheck


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON document"),
        ('{"verdicts": [{"claim": "thm', "no JSON document"),
        ("[" * 100_000, "no JSON document"),
        ("[]", "holds no verdict"),
        ('{"verdicts": []}', "holds no verdict"),
        ('{"verdicts": 3}', "holds no verdict"),
        ("{}", ""),
        ('{"verdicts": [3]}', ""),
    ],
)
def test_recheck_of_what_is_no_verdict(text, message, tmp_path, capsys):
    path = tmp_path / "report.json"
    path.write_text(text)
    assert main(["recheck", str(path)]) == 2
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert message in err
    assert out == ""


def test_recheck_of_bytes_that_are_no_text(tmp_path, capsys):
    path = tmp_path / "report.json"
    path.write_bytes(b"\xff\xfe\x00")
    assert main(["recheck", str(path)]) == 2
    assert main(["recheck", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("dctheory: error: ") == 2


# --- processes


def test_output_to_a_closed_pipe_is_quiet():
    command = [sys.executable, "-m", "dctheory", "spectrum", *GRAPH]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as out:
        done = subprocess.run(
            command, stdout=out, stderr=subprocess.PIPE, text=True, timeout=120, check=False
        )
    assert done.stderr == ""
    assert done.returncode == 141


def test_an_ascii_terminal_is_no_failure():
    done = _python("spectrum", *GRAPH, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "?_4" in done.stdout


def test_an_interrupt_is_exit_code_130(monkeypatch, capsys):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("dctheory.cli.make_parser", interrupt)
    assert main(["spectrum"]) == 130
    assert capsys.readouterr().err == "dctheory: interrupted\n"


def test_an_internal_error_is_not_taken_for_bad_input(monkeypatch):
    def fail(*args, **kwargs):
        raise ValueError("a bug")

    monkeypatch.setattr("dctheory.cli._print_table", fail)
    with pytest.raises(ValueError, match="a bug"):
        main(["spectrum", *GRAPH])
