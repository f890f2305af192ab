"""A small table that renders as text, Markdown, LaTeX and HTML."""

from __future__ import annotations

import enum
import html
import math
import numbers
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dctheory._text import display_width, fit_columns, rule, text_row, wrap

MISSING = "–"

# What Markdown would not show as it is: "_" within a word and "<" before a space are safe.
_MARKDOWN_SPECIAL = re.compile(r"[\\|*`]|(?<!\w)_|_(?!\w)|<(?=[A-Za-z/!?])")

_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
}
_LATEX_UNICODE = {
    "–": "--",
    "−": "$-$",
    "…": r"\dots{}",
    "∞": r"$\infty$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "±": r"$\pm$",
    "√": r"$\surd$",
    "→": r"$\to$",
    "⊙": r"$\odot$",
    "∈": r"$\in$",
    "‖": r"$\Vert$",
    "²": "$^2$",
    "³": "$^3$",
    "⁻": "$^-$",
}
_GREEK = {
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "δ": "delta",
    "ε": "varepsilon",
    "λ": "lambda",
    "μ": "mu",
    "π": "pi",
    "ρ": "rho",
    "σ": "sigma",
    "τ": "tau",
    "φ": "varphi",
    "ψ": "psi",
    "ω": "omega",
}
_LATEX_UNICODE |= {letter: rf"$\{name}$" for letter, name in _GREEK.items()}
_LATEX_UNICODE |= {letter: f"$_{digit}$" for digit, letter in enumerate("₀₁₂₃₄₅₆₇₈₉")}


def format_cell(value: Any, digits: int = 4) -> str:
    """One cell as plain text: None and NaN as a dash, infinity as ∞, floats to ``digits``."""
    if value is None:
        return MISSING
    if isinstance(value, enum.Enum):
        return value.name
    if _is_bool(value):
        return "yes" if value else "no"
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Rational):
        return _format_float(float(value), digits)
    return str(value)


def _is_bool(value: Any) -> bool:
    # numpy's bool is no bool, and its name depends on numpy's version.
    return type(value).__name__ in ("bool", "bool_")


def _format_float(value: float, digits: int) -> str:
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.{digits}g}"


class Table:
    """Rows under named columns.

    ``rows`` may be given as mappings (a missing key is an empty cell) or as sequences as long
    as ``columns``. ``.rows`` is a list of dicts, as ``pandas.DataFrame`` takes it; ``digits``
    are the significant digits of floats where they are rendered. Raises ValueError for repeated
    columns, a row of another length or an unknown key.
    """

    def __init__(
        self,
        columns: Sequence[str],
        rows: Iterable[Mapping[str, Any] | Sequence[Any]] = (),
        title: str | None = None,
        notes: Sequence[str] = (),
        digits: int = 4,
    ) -> None:
        self.columns = tuple(columns)
        if not self.columns or len(set(self.columns)) != len(self.columns):
            raise ValueError(
                f"columns must be distinct and at least one, got {list(columns)}; rename them"
            )
        self.title = title
        self.notes = tuple(notes)
        self.digits = digits
        self.rows = [self._as_dict(row) for row in rows]

    def _as_dict(self, row: Mapping[str, Any] | Sequence[Any]) -> dict[str, Any]:
        if isinstance(row, Mapping):
            unknown = [key for key in row if key not in self.columns]
            if unknown:
                raise ValueError(
                    f"row has unknown columns {unknown}; the columns are {list(self.columns)}"
                )
            return {column: row.get(column) for column in self.columns}
        if isinstance(row, str) or len(row) != len(self.columns):
            raise ValueError(
                f"row {row!r} does not have {len(self.columns)} cells; "
                f"give one for each of {list(self.columns)}"
            )
        return dict(zip(self.columns, row, strict=True))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<Table {self.title!r}: {len(self.rows)} rows × {len(self.columns)} columns>"

    def _cells(self) -> list[list[str]]:
        return [
            [format_cell(row[column], self.digits) for column in self.columns] for row in self.rows
        ]

    def _is_numeric(self, column: str) -> bool:
        values = [row[column] for row in self.rows if row[column] is not None]
        return bool(values) and all(
            isinstance(value, numbers.Real) and not _is_bool(value) for value in values
        )

    def to_text(self, width: int | None = None) -> str:
        """Aligned plain text.

        With ``width`` (terminal columns) long cells are wrapped to fit; where there are too many
        columns for that, blocks of columns follow each other, each led by the first column.
        """
        cells = [list(self.columns), *self._cells()]
        natural = [
            max([display_width(line) for cell in column for line in cell.splitlines()] or [1])
            for column in zip(*cells, strict=True)
        ]
        right = [self._is_numeric(column) for column in self.columns]
        lines = _paragraph(self.title, width) if self.title else []
        for number, (indices, widths) in enumerate(fit_columns(natural, width)):
            lines += [""] if number else []
            for position, row in enumerate(cells):
                picked = [row[index] for index in indices]
                lines += text_row(picked, widths, [right[index] for index in indices])
                if position == 0:
                    lines.append(rule(widths))
        for note in self.notes:
            lines += _paragraph(note, width)
        return "\n".join(lines)

    def to_markdown(self) -> str:
        """A GitHub-flavoured Markdown table, the title above it and the notes below."""
        lines = [f"**{escape_markdown(self.title)}**", ""] if self.title else []
        lines.append(_markdown_row(self.columns))
        rules = ["---:" if self._is_numeric(column) else "---" for column in self.columns]
        lines.append("| " + " | ".join(rules) + " |")
        lines += [_markdown_row(row) for row in self._cells()]
        for note in self.notes:
            lines += ["", escape_markdown(note)]
        return "\n".join(lines)

    def to_latex(self) -> str:
        """A LaTeX ``tabular`` with booktabs rules (needs ``\\usepackage{booktabs}``)."""
        kinds = "".join("r" if self._is_numeric(column) else "l" for column in self.columns)
        lines = [f"% {' '.join(self.title.split())}"] if self.title else []
        lines += [rf"\begin{{tabular}}{{{kinds}}}", r"\toprule", _latex_row(self.columns)]
        lines += [r"\midrule", *(_latex_row(row) for row in self._cells())]
        lines += [r"\bottomrule", r"\end{tabular}"]
        lines += [r"\par\footnotesize " + escape_latex(note) for note in self.notes]
        return "\n".join(lines)

    def to_html(self) -> str:
        """An HTML ``table`` with every text escaped."""
        parts = ["<table>"]
        if self.title:
            parts.append(f"<caption>{_html(self.title)}</caption>")
        heads = "".join(f"<th>{_html(column)}</th>" for column in self.columns)
        parts.append(f"<thead><tr>{heads}</tr></thead>")
        parts.append("<tbody>")
        for row in self._cells():
            parts.append("<tr>" + "".join(f"<td>{_html(cell)}</td>" for cell in row) + "</tr>")
        parts += ["</tbody>", "</table>", *(f"<p>{_html(note)}</p>" for note in self.notes)]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_dict(self) -> dict[str, Any]:
        """Title, columns, rows and notes as values that strict JSON can hold."""
        rows = [{column: plain(value) for column, value in row.items()} for row in self.rows]
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": rows,
            "notes": list(self.notes),
        }


def plain(value: Any) -> Any:
    """``value`` as strict JSON can hold it: fractions and infinities as strings, NaN as None."""
    if value is None or isinstance(value, str):
        return value
    if _is_bool(value):
        return bool(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Rational):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, numbers.Real):
        number = float(value)
        if math.isnan(number):
            return None
        return number if math.isfinite(number) else ("inf" if number > 0 else "-inf")
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return str(value)


def _paragraph(text: str, width: int | None) -> list[str]:
    return [text] if width is None else wrap(text, width)


def escape_markdown(text: str) -> str:
    """``text`` without any meaning to Markdown."""
    return _MARKDOWN_SPECIAL.sub(r"\\\g<0>", text).replace("\n", "<br>")


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(escape_markdown(cell) for cell in cells) + " |"


def escape_latex(text: str) -> str:
    """``text`` for LaTeX: special characters escaped, Greek letters and signs as mathematics."""
    table = _LATEX_SPECIAL | _LATEX_UNICODE
    return " ".join("".join(table.get(character, character) for character in text).split())


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(escape_latex(cell) for cell in cells) + r" \\"


def _html(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")
