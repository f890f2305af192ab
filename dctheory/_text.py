"""Plain text in columns of a terminal: widths, wrapping, and columns that do not fit."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_GAP = "  "
# A column is not made narrower than this, and not wider where others would have no room.
_NARROWEST = 8
_WIDE = 24


def display_width(text: str) -> int:
    """Terminal columns that ``text`` takes: wide characters two, combining marks none."""
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit_columns(natural: Sequence[int], width: int | None) -> list[tuple[list[int], list[int]]]:
    """Blocks of columns, (indices, widths), that fit into ``width``; the first leads each.

    ``natural`` are the widths that the columns would like. None as ``width`` is no limit.
    """
    indices = list(range(len(natural)))
    if width is None:
        return [(indices, list(natural))]
    wanted = [min(size, _WIDE) for size in natural]
    blocks: list[list[int]] = [[0]]
    for index in indices[1:]:
        if len(blocks[-1]) > 1 and _total([wanted[i] for i in (*blocks[-1], index)]) > width:
            blocks.append([0])
        blocks[-1].append(index)
    return [(block, _shrink([natural[i] for i in block], width)) for block in blocks]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _shrink(widths: list[int], width: int) -> list[int]:
    """Take columns off the widest ones until they fit, none below a readable minimum."""
    while _total(widths) > width and max(widths) > _NARROWEST:
        widths[max(range(len(widths)), key=widths.__getitem__)] -= 1
    return widths


def rule(widths: Sequence[int]) -> str:
    """The line under the columns' names."""
    return _GAP.join("─" * size for size in widths)


def wrap(text: str, width: int) -> list[str]:
    """Break ``text`` into lines of at most ``width`` columns, at spaces where there are any."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for word in paragraph.split(" "):
            joined = f"{line} {word}" if line else word
            if display_width(joined) <= width:
                line = joined
                continue
            if line:
                lines.append(line)
            *full, line = _chop(word, width)
            lines += full
        lines.append(line)
    return lines


def _chop(word: str, width: int) -> list[str]:
    """Cut one word into pieces of at most ``width`` columns (one character at the least)."""
    pieces = [""]
    for character in word:
        if pieces[-1] and display_width(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def text_row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    """The lines of one row, its cells wrapped to ``widths`` and aligned."""
    wrapped = [wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines = []
    for index in range(max(len(cell) for cell in wrapped)):
        parts = []
        for cell, width, to_right in zip(wrapped, widths, right, strict=True):
            piece = cell[index] if index < len(cell) else ""
            space = " " * (width - display_width(piece))
            parts.append(space + piece if to_right else piece + space)
        lines.append(_GAP.join(parts).rstrip())
    return lines
