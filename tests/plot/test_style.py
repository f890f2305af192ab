"""The style: readable without colour, the right size, the same bytes, and no global state."""

import io
import itertools
import re
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from dctheory.plot import style

_METHODS = ("baseline", "removal", "margin", "temperature", "combined")
# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB.
_VISION = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
_XYZ = np.array(
    [[0.41239, 0.35758, 0.18048], [0.21264, 0.71517, 0.07219], [0.01933, 0.1192, 0.95053]]
)


def _lab(colour, vision="normal"):
    """CIE L*a*b* (D65) of a colour as somebody sees it."""
    part = np.array(to_rgb(colour))
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(_VISION[vision]) @ linear, 0, 1)
    x, y, z = (_XYZ @ seen) / [0.95047, 1, 1.08883]
    f = [np.cbrt(v) if v > 216 / 24389 else (24389 / 27 * v + 16) / 116 for v in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@style.styled()
def _drawn():
    figure, axes = style.subplots(1, 2, width=style.PAGE)
    for place, name in enumerate(_METHODS):
        axes[0, 0].plot([0, 1], [0, place], color=style.COLOURS[name], label=name)
    axes[0, 0].set(xlabel=style.SYMBOLS["gap"], ylabel=style.SYMBOLS["lambda"], title="lines")
    axes[0, 1].axis("off")
    style.label_panels(axes)
    style.legend_below(figure, axes[0, 0], 5)
    return figure


@pytest.mark.parametrize("vision", _VISION)
def test_methods_are_told_apart_by_everybody(vision):
    for first, second in itertools.combinations(_METHODS, 2):
        seen = [_lab(style.COLOURS[name], vision) for name in (first, second)]
        assert np.linalg.norm(seen[0] - seen[1]) > 15, (first, second)


def test_methods_and_similarities_are_told_apart_in_grey():
    for group in (_METHODS, ("self", "alpha", "gamma", "beta")):
        lightness = sorted(_lab(style.COLOURS[name])[0] for name in group)
        assert min(np.diff(lightness)) > 10, group
        # On white paper the palest still shows.
        assert lightness[-1] < 80


def test_every_method_has_a_line_and_a_marker_of_its_own():
    assert set(_METHODS) <= set(style.LINES) & set(style.MARKERS) & set(style.COLOURS)
    assert len({style.MARKERS[name] for name in _METHODS}) == len(_METHODS)


def test_letters_are_large_enough_in_print():
    sizes = [
        value for key, value in style.RC.items() if re.search(r"font.size|(label|title)size", key)
    ]
    assert sizes
    assert min(sizes) >= 6.5


def test_sizes_are_those_of_the_paper():
    figure = _drawn()
    with Image.open(io.BytesIO(style.to_png(figure))) as picture:
        assert picture.width == pytest.approx(200 * style.PAGE, abs=1)
    width = float(re.search(r'<svg[^>]* width="([\d.]+)pt"', style.to_svg(figure), re.DOTALL)[1])
    assert width == pytest.approx(72 * style.PAGE)


def test_the_same_figure_has_the_same_bytes():
    first, second = _drawn(), _drawn()
    vector, picture = style.to_svg(first), style.to_png(first)
    # In the other order, and once more.
    assert style.to_png(second) == picture
    assert style.to_svg(second) == vector == style.to_svg(first)
    assert style.to_png(first) == picture


def test_letters_are_paths_and_nothing_dates_the_file():
    text = style.to_svg(_drawn())
    assert "<text" not in text
    assert "<dc:date>" not in text
    assert mpl.__version__ not in text


def test_nothing_is_cut_off_at_the_edges():
    with Image.open(io.BytesIO(style.to_png(_drawn()))) as picture:
        grey = np.asarray(picture.convert("L"))
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    assert border.min() == 255


def test_the_users_settings_are_neither_read_nor_changed():
    before = style.to_svg(_drawn())
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 20, "svg.hashsalt": "other"}):
        kept = dict(mpl.rcParams)
        assert style.to_svg(_drawn()) == before
        assert dict(mpl.rcParams) == kept


def test_colours_survive_the_small_palette():
    with Image.open(io.BytesIO(style.to_png(_drawn()))) as picture:
        seen = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20)}
    for name in _METHODS:
        expected = tuple(round(255 * part) for part in to_rgb(style.COLOURS[name]))
        assert expected in seen, name


def test_write_figure_leaves_two_files_and_no_other(tmp_path):
    vector, picture = style.write_figure(_drawn(), tmp_path / "a.b")
    assert sorted(tmp_path.iterdir()) == [picture, vector]
    assert (picture.name, vector.name) == ("a.b.png", "a.b.svg")
    with Image.open(picture) as opened:
        opened.verify()


def test_a_notebook_shows_it_as_svg():
    assert _drawn()._repr_svg_().startswith("<?xml")


def test_plotting_needs_no_pyplot_and_the_package_no_matplotlib():
    code = (
        "import sys, dctheory.plot; assert 'matplotlib' not in sys.modules; "
        "from dctheory.plot import graph, spectrum, bounds, phase, noise; "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_an_unknown_name_is_an_attribute_error():
    import dctheory.plot

    with pytest.raises(AttributeError, match="no attribute 'subplotz'"):
        _ = dctheory.plot.subplotz
    assert set(dctheory.plot.__all__) == set(dir(dctheory.plot))
