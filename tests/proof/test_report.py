from __future__ import annotations

import html.parser
import json

import pytest

from dctheory.proof.report import Report, summary
from dctheory.proof.verdict import Outcome, Verdict

LONG = " or ".join(f"n_d == n - {i}" for i in range(30))


@pytest.fixture
def report() -> Report:
    witness = {"r": 1, "n": 2, "n_d": 1, "k": 2, "alpha": "2/3", "beta": "0", "gamma": "1/3"}
    return Report(
        (
            Verdict("eq-2", None, Outcome.PROVED, method="symbolic identity", seconds=0.25),
            Verdict(
                *("thm-3.4/valid", "both", Outcome.CONDITIONAL),
                condition="n_d < n and k <= r + 1",
                method="SMT & search",
                seconds=1.5,
            ),
            Verdict("thm-3.4/valid", "either", Outcome.CONDITIONAL, condition=LONG, seconds=1.0),
            Verdict("thm-3.4/equal", "both", Outcome.REFUTED, witness=witness, seconds=0.5),
        )
    )


def test_a_report_is_an_ordered_collection(report):
    assert len(report) == 4
    assert [v.claim for v in report] == [
        *("eq-2", "thm-3.4/valid", "thm-3.4/valid", "thm-3.4/equal")
    ]
    assert report.seconds == 3.25


def test_look_up_by_claim_and_pairing(report):
    assert report["eq-2"].outcome is Outcome.PROVED
    assert report["eq-2", None] is report["eq-2"]
    assert report["thm-3.4/valid", "either"].condition == LONG


@pytest.mark.parametrize("key", ["thm-3.4/valid", "eq-3", ("eq-2", "both"), ("thm-3.4/equal", "x")])
def test_a_missing_verdict_is_a_key_error_that_names_it(report, key):
    claim = key if isinstance(key, str) else key[0]
    with pytest.raises(KeyError, match=claim):
        report[key]


def test_summary_is_the_condition_or_the_counterexample(report):
    assert summary(report["eq-2"]) == ""
    assert summary(report["thm-3.4/valid", "both"]) == "n_d < n and k <= r + 1"
    long = summary(report["thm-3.4/valid", "either"])
    assert LONG.startswith(long.removesuffix(" …"))
    assert long.endswith(" …")
    assert len(long) <= 90
    assert summary(report["thm-3.4/equal", "both"]) == (
        "fails at r=1, n=2, n_d=1, k=2, α=2/3, β=0, γ=1/3"
    )


@pytest.mark.parametrize("width", [None, 80, 200])
def test_text_shows_every_verdict_and_the_counts(report, width):
    text = report.to_text(width)
    for verdict in report:
        assert verdict.claim in text
        assert verdict.outcome.name in text
    assert "4 verdicts: 1 PROVED, 2 CONDITIONAL, 1 REFUTED" in text
    assert "seconds" in text
    if width:
        assert max(map(len, text.splitlines())) <= width


def test_str_and_notebook_renderings(report):
    assert str(report) == report.to_text()
    assert report._repr_html_() == report.to_html()


def test_markdown_is_a_table_and_without_timings_always_the_same(report):
    lines = [line for line in report.to_markdown(timings=False).splitlines() if line[:1] == "|"]
    assert len(lines) == 2 + len(report)
    widths = {line.replace(r"\|", "").count("|") for line in lines}
    assert widths == {6}
    assert "seconds" not in report.to_markdown(timings=False)
    slower = Report(tuple(Verdict(**{**vars(v), "seconds": v.seconds + 9}) for v in report))
    assert slower.to_markdown(timings=False) == report.to_markdown(timings=False)
    assert slower.to_markdown() != report.to_markdown()


def test_markdown_has_what_the_table_leaves_out(report):
    verdict = Verdict(
        *("disc-a", "both", Outcome.CONDITIONAL),
        condition=LONG,
        witness={"holds": {"r": 1, "n": 3}, "fails": {"n_d": 2, "alpha": "1/2"}},
        where="Discussion",
        statement="a*b > c",
        details=("it is *not* always so",),
    )
    text = Report((*report.verdicts, verdict)).to_markdown()
    section = text[text.index("## disc-a") :]
    assert "Discussion: a\\*b > c." in section
    assert f"- both: **CONDITIONAL**, if and only if `{LONG}`" in section
    for remark in ("it is \\*not\\* always so", "holds at r=1, n=3", "fails at n_d=2, α=1/2"):
        assert f"  - {remark}\n" in f"{section}\n"
    assert text.count("  - fails at r=1, n=2, n_d=1, k=2, α=2/3, β=0, γ=1/3") == 1
    assert text.count("## thm-3.4/valid") == 1


class _Cells(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag) -> None:
        while self.open.pop() != tag:
            pass

    def handle_data(self, data) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def test_html_holds_the_same_cells_escaped(report):
    text = report.to_html()
    assert "n_d < n" not in text
    parser = _Cells()
    parser.feed(text)
    rows = [row for row in parser.rows if len(row) == 6]
    assert len(rows) == 1 + len(report)
    assert rows[2][:5] == [
        *("thm-3.4/valid", "both", "CONDITIONAL", "n_d < n and k <= r + 1", "SMT & search")
    ]
    assert "<" in rows[2][3]


def test_latex_is_a_booktabs_table_with_special_characters_escaped(report):
    text = report.to_latex()
    assert r"\toprule" in text
    assert r"\bottomrule" in text
    assert r"SMT \& search" in text
    assert text.count("{") == text.count("}")
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0]
    rows = [line for line in body.splitlines() if line.rstrip().endswith(r"\\")]
    assert len(rows) == len(report)
    assert {row.replace(r"\&", "").count("&") for row in rows} == {5}
    # An underscore outside mathematics stops LaTeX.
    assert "n_d" not in body


def test_json_is_the_verdicts(report):
    data = json.loads(report.to_json())
    assert data == {"verdicts": [verdict.to_dict() for verdict in report]}
    assert [Verdict.from_dict(each) for each in data["verdicts"]] == list(report)
    assert "α" in report.to_text()


def test_an_empty_report():
    empty = Report(())
    assert len(empty) == 0
    assert empty.seconds == 0
    assert "0 verdicts" in empty.to_text(80)
    assert json.loads(empty.to_json()) == {"verdicts": []}
