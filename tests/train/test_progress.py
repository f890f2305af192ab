"""Progress of training: what is shown, when, and without a terminal or tqdm."""

import io
import sys

import pytest

from dctheory.train import progress as module
from dctheory.train.progress import progress

NAN = float("nan")


@pytest.fixture
def clock(monkeypatch):
    """A list with the time; setting its entry moves the clock."""
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def _lines(clock, moments):
    """The lines that are written when (time, done, total, loss) happen one after the other."""
    stream = io.StringIO()
    with progress(stream, "train") as show:
        for moment in moments:
            clock[0] = moment[0]
            show(*moment[1:])
    return stream.getvalue().splitlines()


def test_a_line_every_five_seconds_and_at_the_end(clock):
    # 100 steps/s for ten seconds, 200 steps/s after.
    moments = [(1.0 + t, 100 * t, 2000, 1 / (t + 1)) for t in range(11)]
    moments += [(11 + t, 1000 + 200 * t, 2000, 0.0625) for t in range(1, 6)]
    assert _lines(clock, moments) == [
        "dctheory: train step 400/2000 loss 0.2 100 steps/s 16 s left",
        "dctheory: train step 900/2000 loss 0.1 100 steps/s 11 s left",
        "dctheory: train step 1800/2000 loss 0.0625 180 steps/s 1 s left",
        "dctheory: train step 2000/2000 loss 0.0625 200 steps/s 0 s left",
    ]


@pytest.mark.parametrize(
    ("moments", "line"),
    [
        # The first steps tell no rate: how long compilation took is no measure.
        ([(9.0, 500, 900, 1.5)], "step 500/900 loss 1.5"),
        ([(9.0, 500, 900, NAN)], "step 500/900"),
        ([(1.0, 1, 5, 2.0), (1.0, 5, 5, 2.0)], "step 5/5 loss 2"),
        ([(0.0, 0, 9, 1.0), (90.0, 1, 9, 1e9)], "step 1/9 loss 1e+09 0.0111 steps/s 12 min left"),
        ([(0.0, 0, 999, 1.0), (90.0, 1, 999, -1)], "step 1/999 loss -1 0.0111 steps/s 24.9 h left"),
        # Another run begins.
        (
            [(0.0, 80, 90, 1.0), (1, 10, 90, 1.0), (6, 20, 90, 1)],
            "step 20/90 loss 1 2 steps/s 35 s left",
        ),
    ],
)
def test_what_a_line_says(moments, line, clock):
    assert _lines(clock, moments) == [f"dctheory: train {line}"]


def _terminal():
    stream = io.StringIO()
    stream.isatty = lambda: True
    return stream


def test_a_bar_on_a_terminal_has_loss_rate_and_time_left():
    stream = _terminal()
    with progress(stream, "train") as show:
        show(0, 40, NAN)
        assert "loss" not in stream.getvalue()
        for done in (10, 20, 30, 40):
            module.time.sleep(0.11)
            show(done, 40, 1 / done)
    shown = stream.getvalue()
    assert "train:  50%" in shown
    assert "20/40" in shown
    assert "loss 0.05" in shown
    assert " steps/s" in shown
    assert "<00:00" in shown


def _fail(stream):
    with progress(stream, "train") as show:
        show(1, 4, 2.0)
        raise RuntimeError


def test_a_bar_goes_away_when_the_body_fails():
    stream = _terminal()
    with pytest.raises(RuntimeError) as caught:
        _fail(stream)
    # The error keeps the frames of the body, as it does while it is on its way.
    assert caught.tb is not None
    shown = stream.getvalue()
    assert "1/4" in shown
    # What stands on the terminal's line is what follows the last return to its beginning.
    assert shown.endswith("\r")
    assert shown.split("\r")[-2].strip() == ""


def test_a_second_run_has_a_bar_of_its_own():
    stream = _terminal()
    with progress(stream, "train") as show:
        for done, total in ((5, 10), (10, 10), (5, 10), (5, 20)):
            show(done, total, 1.0)
    shown = stream.getvalue()
    assert shown.count("| 5/10") == 2
    assert shown.count("| 5/20") == 1


def test_without_tqdm_a_terminal_has_lines(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    stream = _terminal()
    with progress(stream, "train") as show:
        show(4, 4, 0.5)
    assert stream.getvalue() == "dctheory: train step 4/4 loss 0.5\n"
