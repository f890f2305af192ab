"""What the documentation shows runs, prints what it says, and leads somewhere."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

import dctheory
from dctheory._arguments import make_parser
from dctheory.claims.registry import all_claims, select_claims
from dctheory.train.config_file import from_dict

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md"))
# These train or diagnose.
SLOW = {"howto/train", "howto/diagnose"}
EXTENSION = DOCS / "_ext"


def _pages_with(language):
    fence = f"```{language}\n"
    return [page for page in PAGES if fence in (DOCS / f"{page}.md").read_text(encoding="utf-8")]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(page, marks=pytest.mark.slow) if page in SLOW else page
        for page in _pages_with("python")
    ],
)
def test_the_python_runs_and_prints_what_is_shown(name, fenced, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names, printed = {}, ""
    for language, text in fenced(name):
        if language == "python":
            exec(text, names)
            printed = capsys.readouterr().out
        elif language == "text" and printed:
            for line in filter(None, map(str.rstrip, text.splitlines())):
                assert line in printed
            printed = ""


@pytest.mark.parametrize("name", _pages_with("bash"))
def test_the_commands_parse(name, fenced):
    commands = 0
    for language, text in fenced(name):
        lines = text.replace("\\\n", " ").splitlines() if language == "bash" else []
        for line in (line for line in lines if re.search(r"(^| )dctheory ", line)):
            words = shlex.split(line, comments=True)
            arguments = words[words.index("dctheory") + 1 :]
            make_parser().parse_args(arguments)
            if arguments[0] == "verify" and "--claims" in arguments:
                chosen = arguments[arguments.index("--claims") + 1]
                assert select_claims(chosen.split(","))
            commands += 1
    assert commands


@pytest.mark.parametrize("name", PAGES)
def test_generated_parts_and_citations_exist(name, page):
    text = page(name)
    generators = _extension("generated").GENERATORS
    for mark in re.findall(r"^% generate: (\S+)", text, flags=re.M):
        assert mark in generators
    keys = set(re.findall(r"^@\w+\{(\w+),", (DOCS / "references.bib").read_text(), flags=re.M))
    for cited in re.findall(r"\{cite:[pt]\}`([^`]+)`", text):
        assert set(cited.split(",")) <= keys


def test_every_public_name_has_a_place():
    generated = _extension("generated")
    shown = set()
    for path in (DOCS / "reference").glob("*.md"):
        for package in re.findall(r"^% generate: api (\S+)", path.read_text(), flags=re.M):
            shown |= {name.rpartition(".")[2] for name in generated.public_names(package)}
    assert set(dctheory._EXPORTS) - {"__version__"} <= shown
    packages = {name for name in generated.PACKAGES if "." not in name}
    expected = {name for name in dctheory._SUBPACKAGES if _lists_its_names(name)}
    assert expected <= packages
    for package in packages & set(dctheory._SUBPACKAGES):
        assert {*getattr(dctheory, package).__all__} <= shown


def _lists_its_names(package):
    return hasattr(getattr(dctheory, package), "__all__")


def test_the_table_of_claims_knows_every_claim():
    verdicts = json.loads((DOCS / "_data" / "verdicts.json").read_text(encoding="utf-8"))
    kept = [(each["claim"], each["pairing"]) for each in verdicts]
    assert kept == [
        (claim.id, reading) for claim in all_claims().values() for reading in claim.pairings
    ]
    text = _extension("claims_page").sections()
    assert text.count("\n## ") + text.startswith("## ") >= len(all_claims())
    for verdict in verdicts:
        if verdict["outcome"] == "CONDITIONAL":
            condition = re.sub(r"\s+", "", verdict["condition"])
            assert condition in re.sub(r"\s+", "", text)


def test_a_claim_that_is_linked_has_a_section():
    claims = _extension("claims_page")
    anchors = {claims.anchor(claim) for claim in all_claims()}
    linked = {
        found
        for name in PAGES
        for found in re.findall(r"\(#(claim-[\w-]+)\)", (DOCS / f"{name}.md").read_text())
    }
    assert linked
    assert linked <= anchors


def test_a_row_without_a_measurement_says_so(monkeypatch, tmp_path):
    results = _extension("results_page")
    monkeypatch.setattr(results, "_PUBLISHED", tmp_path)
    assert "still to be measured" in results.result("digits")
    rows = [row for row in results.paper_tables().splitlines()[2:] if row.startswith("|")]
    assert rows
    assert all("still to be measured" in row for row in rows)
    monkeypatch.setattr(results, "_FIGURES", tmp_path)
    assert "still to be drawn" in results.figure("graph")


def _extension(name):
    """A module of docs/_ext, as Sphinx imports it; skipped where it needs Sphinx and has none."""
    if name == "generated":
        pytest.importorskip("sphinx", reason="needs the extra docs")
    if str(EXTENSION) not in sys.path:
        sys.path.insert(0, str(EXTENSION))
    return importlib.import_module(name)


def test_the_configuration_is_one(fenced):
    (text,) = [text for language, text in fenced("howto/train") if language == "toml"]
    assert from_dict(tomllib.loads(text)).objective.method == "margin"
