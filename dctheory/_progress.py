"""Progress of long work on a stream: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

# Seconds between two lines where there is no terminal.
_LINE_INTERVAL = 5.0

Progress = Callable[[int, int, str], None]


def progress_on(stream: TextIO, unit: str) -> Progress:
    """A function of (done, total, label) that shows how far work in ``unit``s is."""
    return _bar(stream, unit) if stream.isatty() else _lines(stream, unit)


def _bar(stream: TextIO, unit: str) -> Progress:
    from tqdm import tqdm

    bar = tqdm(file=stream, unit=unit, leave=False, dynamic_ncols=True, mininterval=0)

    def show(done: int, total: int, label: str) -> None:
        bar.total = total
        bar.set_description_str(label, refresh=False)
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return show


def _lines(stream: TextIO, unit: str) -> Progress:
    last = time.monotonic()

    def show(done: int, total: int, label: str) -> None:
        nonlocal last
        if done == total or time.monotonic() - last >= _LINE_INTERVAL:
            print(f"dctheory: {done} of {total} {unit}s: {label}", file=stream, flush=True)
            last = time.monotonic()

    return show
