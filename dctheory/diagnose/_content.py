"""What sections of a report consist of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dctheory._table import Table


@dataclass(frozen=True)
class Picture:
    """A picture that is made when it is wanted.

    Attributes:
        alt: what is to be seen, for who does not see it.
        caption: stands below it.
        make: a matplotlib ``Figure``, or the bytes of a PNG.
    """

    alt: str
    caption: str
    make: Callable[[], Any]

    def data(self) -> tuple[str, bytes]:
        """Its media type and content."""
        made = self.make()
        if isinstance(made, bytes):
            return "image/png", made
        from dctheory.plot.style import to_svg

        return "image/svg+xml", to_svg(made).encode()


@dataclass(frozen=True)
class Section:
    """One part of the report.

    Attributes:
        name: for links, of letters.
        title: its heading.
        sentences: what it says.
        tables: shown everywhere; ``details`` only where there is room.
        pictures: where there can be any.
        missing: why there is nothing of it; None if there is.
    """

    name: str
    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    details: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    missing: str | None = None
