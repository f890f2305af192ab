"""The table: what each rendering must keep, and what it must escape."""

import enum
import html.parser
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dctheory._table import Table, escape_latex, format_cell, plain
from dctheory._text import display_width

Colour = enum.Enum("Colour", ["RED"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (np.float64("nan"), "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (Fraction(1, 3), "1/3"),
        (1 / 3, "0.3333"),
        (np.float32(0.5), "0.5"),
        (10**12, "1000000000000"),
        (True, "yes"),
        (np.False_, "no"),
        (Colour.RED, "RED"),
        ("λ", "λ"),
    ],
)
def test_format_cell(value, text):
    assert format_cell(value) == text


def test_digits_are_the_significant_digits_of_floats():
    table = Table(["x"], [(1 / 3,), (2e-9 / 3,)], digits=10)
    assert [line.strip() for line in table.to_text().splitlines()[2:]] == [
        "0.3333333333",
        "6.666666667e-10",
    ]


def test_text_aligns_numbers_right_and_words_left():
    table = Table(["mode", "λ"], [("trivial", 1), ("bulk", 1000)], title="Modes", notes=["note"])
    assert table.to_text().splitlines() == [
        "Modes",
        "mode        λ",
        "───────  ────",
        "trivial     1",
        "bulk     1000",
        "note",
    ]
    assert str(table) == table.to_text()


def test_missing_keys_are_empty_cells_and_rows_feed_a_data_frame():
    table = Table(["a", "b"], [{"a": 1}, (2, 3)])
    assert table.rows == [{"a": 1, "b": None}, {"a": 2, "b": 3}]
    assert list(table) == table.rows
    assert len(table) == 2


@pytest.mark.parametrize("width", [20, 40, 60])
def test_wrapping_keeps_every_word_and_fits(width):
    words = [f"word{i}" for i in range(30)]
    table = Table(["k", "condition"], [("x", " ".join(words))], notes=[" ".join(words)])
    lines = table.to_text(width).splitlines()
    assert max(display_width(line) for line in lines) <= width
    for word in words:
        assert sum(word in line.split() for line in lines) == 2


def test_wrapping_cuts_a_word_that_is_too_long():
    table = Table(["k"], [("x" * 25,)])
    assert [line for line in table.to_text(10).splitlines() if "x" in line] == [
        "x" * 10,
        "x" * 10,
        "x" * 5,
    ]


def test_columns_without_room_follow_in_blocks_led_by_the_first():
    columns = [f"column {i}" for i in range(9)]
    rows = [[f"{name} {i}" for i in range(9)] for name in ("first", "second")]
    text = Table(columns, rows, title="title " * 10).to_text(40)
    assert max(len(line) for line in text.splitlines()) <= 40
    blocks = text.split("\n\n")
    assert len(blocks) > 1
    for block in blocks:
        assert "column 0" in block
        assert "second 0" in block
    for row in rows:
        for cell in row[1:]:
            assert text.count(cell) == 1


def test_wide_and_combining_characters():
    assert display_width("αβγ") == 3
    assert display_width("漢字") == 4
    assert display_width("Ā") == display_width("A\u0304") == 1


def test_an_empty_table_still_renders():
    table = Table(["a"])
    assert table.to_text().splitlines() == ["a", "─"]
    assert "| a |" in table.to_markdown()
    assert "<th>a</th>" in table.to_html()


def test_markdown_escapes_what_would_break_a_cell():
    markdown = Table(["a|b"], [("x|y\nz_*`<i>\\",), ("n_d <= n < 3",)]).to_markdown()
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert rows == [r"| a\|b |", "| --- |", r"| x\|y<br>z\_\*\`\<i>\\ |", "| n_d <= n < 3 |"]


def test_latex_escapes_and_uses_booktabs():
    latex = Table(["n_d", "α"], [("50% & {x}", math.inf)]).to_latex()
    assert r"\toprule" in latex
    assert r"n\_d & $\alpha$ \\" in latex
    assert r"50\% \& \{x\} & $\infty$ \\" in latex
    assert escape_latex("a\\b") == r"a\textbackslash{}b"
    assert escape_latex("λ₁ ≤ γ²") == r"$\lambda$$_1$ $\leq$ $\gamma$$^2$"


class _Texts(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []
        self.texts = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_html_escapes_and_is_what_a_notebook_shows():
    table = Table(["<script>"], [("a < b & c",)], title="<t>", notes=["<n>"])
    parser = _Texts()
    parser.feed(table._repr_html_())
    assert "script" not in parser.tags
    assert {"<script>", "a < b & c", "<t>", "<n>"} <= set(parser.texts)


def test_to_dict_survives_strict_json():
    row = (math.nan, math.inf, Fraction(1, 3), np.int64(3), np.arange(2), Colour.RED, np.True_)
    table = Table("abcdefg", [row])
    document = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    assert list(document["rows"][0].values()) == [None, "inf", "1/3", 3, [0, 1], "RED", True]
    assert plain({"x": (1, None)}) == {"x": [1, None]}


@pytest.mark.parametrize(
    ("columns", "rows", "message"),
    [
        ([], [], "at least one"),
        (["a", "a"], [], "distinct"),
        (["a"], [(1, 2)], "1 cells"),
        (["a"], ["x"], "1 cells"),
        (["a"], [{"b": 1}], "unknown columns"),
    ],
)
def test_bad_input(columns, rows, message):
    with pytest.raises(ValueError, match=message):
        Table(columns, rows)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4), st.integers(38, 80))
def test_no_line_is_wider_than_asked(cells, width):
    table = Table([f"c{i}" for i in range(len(cells))], [cells], title=cells[0])
    assert all(display_width(line) <= width for line in table.to_text(width).splitlines())
