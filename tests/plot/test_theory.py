"""Figures of the model show the numbers that they are given, and nothing is cut off."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from dctheory._table import Table
from dctheory.plot import bounds, claims, graph, noise, phase, spectrum, style


def _texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def _is_whole(figure):
    """Whether the outermost pixels are white, as they are not when something is cut."""
    with Image.open(io.BytesIO(style.to_png(figure, dpi=100))) as picture:
        grey = np.asarray(picture.convert("L"))
    return min(edge.min() for edge in (grey[0], grey[-1], grey[:, 0], grey[:, -1])) == 255


def _curve(axes, label):
    return next(line for line in axes.lines if line.get_label() == label)


def test_the_graph_has_an_edge_for_each_pair_and_the_matrix_all_entries():
    code = np.array([0, 0, 1, 1])
    levels = np.array([[0, 1, 2, 3], [1, 0, 3, 3], [2, 3, 0, 1], [3, 3, 1, 0]])
    figure = graph.similarity_graphs({"both": levels}, code, np.array([True, False, True, False]))
    above, below = figure.axes
    edges = {to_hex(each.get_colors()[0]): len(each.get_segments()) for each in above.collections}
    expected = {"alpha": 2, "gamma": 1, "beta": 3}
    assert edges == {to_hex(style.COLOURS[name]): count for name, count in expected.items()}
    np.testing.assert_array_equal(below.collections[0].get_array(), levels)
    assert _is_whole(figure)


def test_bars_of_modes_reach_from_their_first_to_their_last_place():
    columns = ("mode", "first", "last", "value")
    table = Table(columns, [("trivial", 1, 1, 1.0), ("class", 2, 4, 0.5), ("easy bulk", 5, 9, 0.1)])
    clean = Table(columns, [("trivial", 1, 1, 1.0), ("easy bulk", 2, 9, 0.2)])
    figure = spectrum.modes({"both": table}, clean)
    bar = _curve(figure.axes[0], "class")
    np.testing.assert_allclose(bar.get_xdata(), [1.6, 4.4])
    np.testing.assert_allclose(bar.get_ydata(), 0.5)
    assert set(_texts(figure)) == {"trivial", "class", "bulk", "without difficult examples"}
    assert _is_whole(figure)


def test_eigenvalues_by_k_end_where_the_theorem_does():
    rows = [(1, 0.5, None, 0.5), (2, 0.3, 0.25, 0.2), (3, 0.2, None, 0.2)]
    table = Table(("k", "exact", "printed", "without"), rows)
    figure = spectrum.eigenvalue_by_k({"both": table}, (2, 2))
    axes = figure.axes[0]
    np.testing.assert_allclose(_curve(axes, "exact, with them").get_ydata(), [0.5, 0.3, 0.2])
    printed = _curve(axes, "as printed (Theorem 3.4)").get_ydata()
    np.testing.assert_array_equal(printed, [np.nan, 0.25, np.nan])
    assert _is_whole(figure)


def test_bounds_are_lines_where_exact_and_markers_where_printed():
    rows = [
        (x, setting, x + place, None if setting == "removal" else 2 * x)
        for place, setting in enumerate(("with difficult", "removal"))
        for x in (0.1, 0.2)
    ]
    table = Table(("value", "setting", "exact", "printed"), rows)
    figure = bounds.bounds_by_parameter({("bound", "gap"): table})
    axes = figure.axes[0]
    np.testing.assert_allclose(_curve(axes, "removal").get_ydata(), [1.1, 1.2])
    assert np.isnan(_curve(axes, "removal, printed").get_ydata()).all()
    marks = _curve(axes, "with difficult, printed")
    np.testing.assert_allclose(marks.get_ydata(), [0.2, 0.4])
    assert marks.get_linestyle() == "None"
    assert axes.get_xlabel() == style.SYMBOLS["gap"]
    assert _is_whole(figure)


@pytest.mark.parametrize(("lowest", "named"), [(0, ["a", "b"]), (-1, ["no graph", "a", "b"])])
def test_maps_have_the_colours_of_their_categories(lowest, named):
    values = np.array([[lowest, 1], [1, 0]])
    roles = {"a": "yes", "b": "no"}
    maps = {("row", "both"): values, ("row", "either"): values.T}
    figure = phase.category_maps(maps, [1, 2], [3, 4], ("k", "n_d"), roles)
    mesh = figure.axes[0].collections[0]
    figure.canvas.draw()
    shown = [to_hex(colour) for colour in mesh.to_rgba(values.ravel())]
    colours = {-1: "#ffffff", 0: to_hex(style.COLOURS["yes"]), 1: to_hex(style.COLOURS["no"])}
    assert shown == [colours[value] for value in values.ravel()]
    assert _texts(figure) == named
    assert [axes.get_title("left") for axes in figure.axes] == ["(a) both", "(b) either"]
    assert _is_whole(figure)


def test_noise_shows_each_outlier_and_the_thresholds_in_reach():
    curve = Table(("x", "density"), [(-0.1, 0.0), (0.0, 5.0), (0.1, 0.0)])
    outliers = Table(("mode", "predicted", "sampled"), [("class", 0.5, 0.51), ("class", 0.5, 0.48)])
    rows = [(0.1, "class", 0.5, 0.5), (0.4, "class", None, None), (0.1, "bulk edge", 0.1, 0.1)]
    path = Table(("epsilon", "mode", "predicted", "sampled"), rows)
    thresholds = {"class": 0.3, "difficult-against-easy": 9.0}
    arguments = [[-0.1, 0.0, 0.1], [4, 5], curve, outliers, path, thresholds, 0.2]
    figure = noise.noisy_spectrum(*arguments)
    left, right = figure.axes
    np.testing.assert_allclose(_curve(left, "class").get_xdata(), [0.51, 0.48])
    np.testing.assert_allclose(_curve(right, "its threshold").get_xdata(), 0.3)
    assert sum(line.get_label() == "its threshold" for line in right.lines) == 1
    assert _is_whole(figure)


def test_a_verdict_for_no_reading_spans_them_all():
    rows = [("eq-2", None, "PROVED"), ("thm", "both", "REFUTED"), ("thm", "either", "EVIDENCE")]
    table = Table(("claim", "reading", "outcome"), rows)
    figure = claims.verdict_matrix(table, ("both", "matched", "either"))
    cells = [each.get_bbox().bounds for each in figure.axes[0].patches]
    assert cells == [(0, 0, 3, 1), (0, 1, 1, 1), (2, 1, 1, 1)]
    assert [text.get_text() for text in figure.axes[0].texts] == ["proved", "refuted", "evidence"]
    assert _is_whole(figure)
