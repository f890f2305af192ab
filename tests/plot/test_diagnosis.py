"""Plates of a diagnosis: what is drawn, that it can be drawn, and that it is the same twice."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from dctheory.plot import diagnosis as plates
from dctheory.plot.style import COLOURS, to_svg

EDGES = np.linspace(-1, 1, 5)
PLATES = {
    "similarities": lambda: plates.similarity_histogram(
        EDGES, {"all": [0, 1, 0.5, 0.5], "same class": [0, 0, 0, 2]}, {"α": 0.7, "β": 0.1}
    ),
    "intervals": lambda: plates.similarity_intervals(
        [("α", "", 0.5, 0.4, 0.6), ("β", "both", 0.1, np.nan, np.nan), ("γ", "both", 0.2, 0.1, 0.3)]
    ),
    "classes": lambda: plates.class_table(np.eye(3), ["cat", r"$\x^$", "z" * 40]),
    "many classes": lambda: plates.class_table(np.eye(60), [str(i) for i in range(60)]),
    "modes": lambda: plates.modes(
        [("trivial", "trivial", 1.0, 1), ("class", "class", 0.5, 2), ("bulk", "bulk", 0.0, 40)], 3
    ),
    "bounds": lambda: plates.bounds_and_errors(
        [("with difficult", 4.0, 4.5), ("removal", None, 0.3), ("margin", np.inf, 0.0)],
        (0.05, 0.02, 0.08),
    ),
    "no error": lambda: plates.bounds_and_errors([("with difficult", 4.0, 4.5)]),
    "difficulty": lambda: plates.difficulty_curve([0.1, 0.5, 1], [0.9, 0.4, 0], 0.08),
    "eigenvalues": lambda: plates.class_spectrum([0.5, 0.3, 0.01], 3),
}


@pytest.mark.parametrize("name", PLATES)
def test_plates_are_svg_and_the_same_twice(name):
    first, second = PLATES[name](), PLATES[name]()
    assert isinstance(first, Figure)
    text = to_svg(first)
    assert ElementTree.fromstring(text.encode()).tag.endswith("svg")
    assert to_svg(second) == text


def test_levels_stand_where_they_are():
    (axes,) = PLATES["similarities"]().axes
    drawn = {to_hex(line.get_color()).lower(): line.get_xdata()[0] for line in axes.lines}
    assert drawn == {COLOURS["alpha"].lower(): 0.7, COLOURS["beta"].lower(): 0.1}
    # No line of a kind covers less than its share: heights times widths.
    for patch, area in zip(axes.patches, (1, 1), strict=True):
        heights, edges, _ = patch.get_data()
        assert np.sum(heights * np.diff(edges)) == pytest.approx(area)


def test_families_take_their_places():
    figure = plates.modes(
        [("class", "class", 0.5, 2), ("bulk", "bulk", 0.1, 40), ("class", "class", 0.0, 1)], 3
    )
    *families, here = figure.axes[0].lines
    spans = {line.get_label(): line.get_xdata()[~np.isnan(line.get_xdata())] for line in families}
    assert list(spans["class"]) == [1, 2, 43, 43]
    assert list(spans["bulk"]) == [3, 42]
    assert here.get_xdata()[0] == 4  # λ_{k+1}


def test_bounds_that_do_not_exist_are_not_drawn():
    (axes,) = PLATES["bounds"]().axes
    points = [tuple(line.get_xydata()[0]) for line in axes.lines if len(line.get_xdata()) == 1]
    assert points == [(4.0, 0.0), (4.5, 0.0), (0.3, 1.0)]
    assert axes.get_legend_handles_labels()[1] == [
        *("printed", "exact", "vacuous from 1", "measured error")
    ]


def test_names_of_classes_are_shown_where_there_is_room():
    few, many = PLATES["classes"]().axes[0], PLATES["many classes"]().axes[0]
    assert [text.get_text() for text in few.get_xticklabels()] == ["cat", r"$\x^$", "z" * 16 + "…"]
    assert len(many.get_xticks()) < 60
