"""What a diagnosis is given, checked as a whole before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory.diagnose._images import Images
from dctheory.diagnose.reading import (
    load_difficult,
    load_embeddings,
    load_images,
    load_labels,
    load_partners,
)
from dctheory.graph._sample_checks import check_difficult, check_labels, check_partners
from dctheory.graph._unit_rows import UnitRows

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Inputs:
    """N samples.

    Attributes:
        embeddings: (N, d) source of rows.
        shape: (N, d).
        labels: (N,), or None.
        difficult: (N,) bool, or None.
        partners: (N,) ids, or None.
        views: (N, d) source of a second view's rows, or None.
        images: the images behind the rows, or None.
    """

    embeddings: Any
    shape: tuple[int, int]
    labels: NDArray[Any] | None = None
    difficult: NDArray[np.bool_] | None = None
    partners: Indices | None = None
    views: Any = None
    images: Images | None = None


def read_inputs(
    embeddings: Any,
    labels: Any = None,
    difficult: Any = None,
    partners: Any = None,
    views: Any = None,
    images: Any = None,
) -> Inputs:
    """Read and check everything, in one pass over the rows of each view.

    Args:
        embeddings, views: as for :func:`dctheory.diagnose.load_embeddings`.
        labels, difficult, partners, images: None, or as for the reader of each.

    Raises:
        OSError, TypeError, ValueError: whatever is wrong with one of them, or does not fit the
            others; rows that have no direction, and embeddings that all have the same.
    """
    source, shape = _rows(embeddings)
    count = shape[0]
    names = None if labels is None else load_labels(labels, count)
    mask = None if difficult is None else load_difficult(difficult, count)
    ids = None if partners is None else check_partners(load_partners(partners, count), count)
    if names is not None:
        classes, codes = check_labels(names, count)
        if mask is not None:
            check_difficult(mask, codes, classes)
    second = None if views is None else _second_view(views, shape)
    pictures = None if images is None else load_images(images, count)
    return Inputs(source, shape, names, mask, ids, second, pictures)


def _rows(embeddings: Any) -> tuple[Any, tuple[int, int]]:
    source = load_embeddings(embeddings)
    rows = UnitRows(source)
    if rows.num_rows < 2:
        raise ValueError("embeddings have a single row; similarities need at least two samples")
    for _ in rows.map(len):
        pass  # each block's rows have been checked
    rows.check_directions_differ()
    return source, (rows.num_rows, rows.num_columns)


def _second_view(views: Any, shape: tuple[int, int]) -> Any:
    try:
        source, other = _rows(views)
    except (TypeError, ValueError) as error:
        raise type(error)(f"views: {error}") from error
    if other != shape:
        raise ValueError(
            f"views must have the shape {shape} of the embeddings, got {other}; pass a second view "
            "of the same samples by the same encoder, in the same order"
        )
    return source
