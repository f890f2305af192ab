"""What a figure is: a function without arguments that returns a :class:`Drawing`, under a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from dctheory._table import Table

FOLDER = Path(__file__).resolve().parent
# Published results of experiments, which `dctheory experiment --publish` writes.
RESULTS = FOLDER / "data" / "experiments"
# What rounding on another processor may change, relative and absolute.
EXACT = 1e-6


@dataclass(frozen=True)
class Drawing:
    """A figure and what is told with it.

    Attributes:
        figure: drawn by a function of ``dctheory.plot``.
        tables: name -> the numbers behind the picture; they are what ``--check`` compares.
        caption: sentences, with the numbers that matter.
        tolerance: how far, relative and absolute, numbers may be from the stored ones: more than
            :data:`EXACT` only where something is sampled or solved to a tolerance.
    """

    figure: Figure
    tables: Mapping[str, Table]
    caption: str
    tolerance: float = EXACT


@dataclass(frozen=True)
class Entry:
    """A registered figure.

    Attributes:
        name: of its files.
        draw: makes it.
        quick: whether CI makes it anew.
        needs: files in :data:`RESULTS` without which it is still to be measured.
    """

    name: str
    draw: Callable[[], Drawing]
    quick: bool
    needs: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The published results that are not there."""
        return tuple(name for name in self.needs if not (RESULTS / name).is_file())


FIGURES: dict[str, Entry] = {}


def figure(
    name: str, *, quick: bool = True, needs: tuple[str, ...] = ()
) -> Callable[[Callable[[], Drawing]], Callable[[], Drawing]]:
    """Register a function under a name; names are the order of the captions."""

    def register(draw: Callable[[], Drawing]) -> Callable[[], Drawing]:
        if name in FIGURES:
            raise ValueError(f"there are two figures {name!r}")
        FIGURES[name] = Entry(name, draw, quick, needs)
        return draw

    return register
