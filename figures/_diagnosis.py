"""Figures of a diagnosis: the pictures of its report, for the pixels of handwritten digits."""

from __future__ import annotations

from functools import cache

from _registry import Drawing, figure

from dctheory.diagnose import Diagnosis
from dctheory.diagnose.sections import Picture, Section, sections

_DATA = (
    "Pixels of the 1,797 handwritten digits of scikit-learn (8 × 8), 8 % of each class difficult"
)
# Classifiers are fitted to a tolerance, and choose which samples are difficult.
_TOLERANCE = 1e-3


@cache
def _report() -> dict[str, Section]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return {each.name: each for each in sections(Diagnosis().fit(digits.data, digits.target))}


def _drawing(name: str, picture: int = 0) -> Drawing:
    section = _report()[name]
    shown: Picture = section.pictures[picture]
    return Drawing(
        shown.make(),
        {table.title or section.title: table for table in section.tables},
        f"{_DATA}. {shown.caption}",
        tolerance=_TOLERANCE,
    )


@figure("diagnosis-similarities")
def similarities() -> Drawing:
    """The distribution of similarities by kind of pair."""
    return _drawing("distribution")


@figure("diagnosis-classes")
def classes() -> Drawing:
    """The mean similarity of each pair of classes."""
    return _drawing("estimate", -1)


@figure("diagnosis-spectrum")
def spectrum() -> Drawing:
    """The fitted graph's spectrum, with the modes named."""
    return _drawing("theory")


@figure("diagnosis-bounds")
def bounds() -> Drawing:
    """Bounds of each setting beside the measured error."""
    return _drawing("theory", -1)


@figure("diagnosis-difficulty")
def difficulty() -> Drawing:
    """The measure of difficulty over all samples."""
    return _drawing("difficulty")
