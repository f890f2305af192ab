"""Progress of training: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

# Seconds between two lines where there is no bar.
_LINE_INTERVAL = 5.0


@contextmanager
def progress(stream: TextIO, label: str) -> Iterator[Callable[[int, int, float], None]]:
    """A function of (steps done, steps in all, loss) that shows them, the rate and the time left.

    A loss of NaN is not shown. Steps done that are fewer than before are those of another run.
    Without tqdm there are lines on a terminal too. At the end of the body the bar goes away.
    """
    tqdm = _tqdm() if stream.isatty() else None
    display = _Lines(stream, label) if tqdm is None else _Bar(tqdm, stream, label)
    try:
        yield display.show
    finally:
        display.close()


def _tqdm() -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm


class _Bar:
    def __init__(self, tqdm: Any, stream: TextIO, label: str) -> None:
        options = {"unit": " steps", "leave": False, "dynamic_ncols": True, "miniters": 1}
        self._new = lambda **of_run: tqdm(file=stream, desc=label, **options, **of_run)
        self._bar: Any = None

    def show(self, done: int, total: int, loss: float) -> None:
        if self._bar is None or done < self._bar.n or total != self._bar.total:
            self.close()
            self._bar = self._new(total=total, initial=done)
        if not math.isnan(loss):
            self._bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


class _Lines:
    def __init__(self, stream: TextIO, label: str) -> None:
        self._stream, self._label = stream, label
        self._written = time.monotonic()
        # Steps and time that the rate counts from.
        self._since: tuple[int, float] | None = None

    def show(self, done: int, total: int, loss: float) -> None:
        now = time.monotonic()
        if self._since is None or done < self._since[0]:
            self._since = (done, now)
        if done < total and now - self._written < _LINE_INTERVAL:
            return
        words = [f"dctheory: {self._label} step {done}/{total}"]
        if not math.isnan(loss):
            words.append(f"loss {loss:.4g}")
        steps, seconds = done - self._since[0], now - self._since[1]
        if steps > 0 and seconds > 0:
            words.append(f"{steps / seconds:.3g} steps/s")
            words.append(f"{_duration((total - done) * seconds / steps)} left")
        self._stream.write(" ".join(words) + "\n")
        self._stream.flush()
        self._written, self._since = now, (done, now)

    def close(self) -> None:
        """Lines leave nothing behind."""


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
