"""Progress: a bar on a terminal, a line now and then elsewhere."""

import io

from dctheory import _progress
from dctheory._progress import progress_on


def test_progress_on_a_terminal_is_a_bar():
    stream = io.StringIO()
    stream.isatty = lambda: True
    show = progress_on(stream, "task")
    for done in range(4):
        show(done, 3, "removal-0")
    assert "3/3" in stream.getvalue()
    assert "removal-0" in stream.getvalue()


def test_progress_elsewhere_is_a_line_now_and_then(monkeypatch):
    now = iter([0.0, 1.0, 6.0, 6.0, 7.0, 8.0, 8.0])
    monkeypatch.setattr(_progress.time, "monotonic", lambda: next(now))
    stream = io.StringIO()
    show = progress_on(stream, "task")
    for done in (1, 2, 3, 4):
        show(done, 4, "removal-0")
    assert stream.getvalue().splitlines() == [
        "dctheory: 2 of 4 tasks: removal-0",
        "dctheory: 4 of 4 tasks: removal-0",
    ]
