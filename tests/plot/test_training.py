"""Figures of experiments show the numbers of their tables, and of nothing else."""

import math

import matplotlib.colors
import numpy as np
import pytest

from dctheory._table import Table
from dctheory.plot import methods, training
from dctheory.plot.style import to_svg


def points(panel):
    """(x, y) of every line, as lists."""
    return [
        tuple(np.asarray(axis, float).tolist() for axis in line.get_data()) for line in panel.lines
    ]


def accuracy(name, rows):
    columns = (name, "difference", "difference from", "difference to", "published, %")
    return Table(columns, rows)


def test_methods_stand_at_their_differences_and_the_papers():
    table = accuracy(
        "method",
        [
            ("baseline", None, None, None, 88.0),
            ("margin", 0.5, 0.1, 0.9, 89.5),
            ("margin-all", -0.2, None, None, None),
            ("mixed-10", -3.0, -4.0, -2.0, None),
        ],
    )
    (panel,) = methods.differences({"CIFAR": table}).axes
    drawn = points(panel)
    for expected in (([0.1, 0.9], [0, 0]), ([0.5], [0]), ([1.5], [0]), ([-0.2], [1])):
        assert expected in drawn
    # Kinds of images are no methods, and a single seed has no interval.
    assert [label.get_text() for label in panel.get_yticklabels()] == ["margin", "margin-all"]
    assert len([xs for xs, _ in drawn if len(xs) == 2 and xs[0] != xs[1]]) == 1
    faces = {line.get_xdata()[0]: line.get_markerfacecolor() for line in panel.lines}
    assert matplotlib.colors.same_color(faces[-0.2], "white")
    assert not matplotlib.colors.same_color(faces[0.5], "white")


def test_table_10_shows_the_eigenvalue_relative_to_no_mixing():
    names = ("accuracy", "α", "β", "γ", "γ − β", "λ")
    columns = ("ω, %", *(c for name in names for c in (name, f"{name}, published")))
    rows = [
        (0.0, *(value for name in names for value in (2.0, 4.0))),
        (10.0, *(value for name in names for value in (3.0, None))),
        (20.0, *(value for name in names for value in (1.0, 6.0))),
    ]
    figure = methods.table_10({"ours": Table(columns, rows)})
    first, last = figure.axes[0], figure.axes[-1]
    assert points(first) == [([0, 10, 20], [2, 3, 1]), ([0, 20], [4, 6])]
    assert points(last) == [([0, 10, 20], [1, 1.5, 0.5]), ([0, 20], [1, 1.5])]


def recovery_rows(pairing, losses):
    keys = ("pairing", "k", "loss", "excess", "by noise", "λ_(k+1)", "printed λ")
    eigenvalues = (0.5, 0.4, 0.3)
    return [
        dict(zip(keys, (pairing, k, loss, 1e-3, 2e-3, value, 0.35), strict=True))
        for k, loss, value in zip((2, 3, 4), losses, eigenvalues, strict=True)
    ]


def test_trained_losses_give_eigenvalues():
    losses = (-1.0, -1.25, -1.41)
    rows = recovery_rows("both", losses)
    _, axes = training.subplots(1, 1)
    training._eigenvalues(axes[0, 0], Table(tuple(rows[0]), rows))
    exact, trained, printed = points(axes[0, 0])[:3]
    assert exact == ([2, 3, 4], [0.5, 0.4, 0.3])
    # L(k) − L(k + 1) = λ_{k+1}².
    assert trained[0] == [2, 3]
    assert trained[1] == pytest.approx([0.5, 0.4])
    assert printed[1] == [0.35, 0.35]


def test_features_that_were_left_out_give_no_eigenvalue():
    rows = [row for row in recovery_rows("both", (-1.0, -1.25, -1.41)) if row["k"] != 3]
    _, axes = training.subplots(1, 1)
    training._eigenvalues(axes[0, 0], Table(tuple(rows[0]), rows))
    assert math.isnan(points(axes[0, 0])[1][1][0])


def test_errors_of_both_losses_with_their_intervals():
    columns = ("loss", "k", "γ − β", "n_d", "arm", "error", "95 % from", "to")
    rows = [
        ("spectral", 4, 0.06, 40, "margin", 0.2, 0.1, 0.3),
        ("infonce", 4, 0.06, 40, "margin", 0.3, None, None),
    ]
    (panel,) = training.transfer(Table(columns, rows)).axes
    assert [line.get_xdata()[0] for line in panel.lines if line.get_marker() in "os"] == [0.2, 0.3]
    spans = [path.vertices[:, 0] for each in panel.collections for path in each.get_paths()]
    assert [tuple(np.round(span, 9)) for span in spans] == [(0.1, 0.3), (0.3, 0.3)]


def test_the_same_tables_give_the_same_bytes():
    columns = ("method", "ω, %", "posHigh", "step", "share", "from", "to", "chance", "best")
    rows = [
        ("baseline", 0.0, 10.0, step, share, share - 1, share + 1, 90.0, 98.0)
        for step, share in ((0, 91.0), (50, 94.0))
    ]
    first, second = (to_svg(methods.selection(Table(columns, rows))) for _ in range(2))
    assert first == second
    assert "<svg" in first
