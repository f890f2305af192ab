"""Checks of what comes with embeddings: labels, a difficult mask, partners."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def check_labels(labels: Any, num_rows: int) -> tuple[tuple[Any, ...], Indices]:
    """The sorted classes, and the index of each sample's class."""
    names, codes = unique_labels(labels, num_rows)
    if len(names) < 2:
        raise ValueError(
            f"labels hold a single class, {names[0]!r}; cross-class similarities need at least two"
        )
    sizes = np.bincount(codes)
    if sizes.min() < 2:
        raise ValueError(
            f"class {names[sizes.argmin()]!r} has a single sample, so it has no same-class pair; "
            "drop it or add samples"
        )
    return names, codes


def unique_labels(labels: Any, num_rows: int) -> tuple[tuple[Any, ...], Indices]:
    """The sorted distinct labels, one or more, and the index of each sample's."""
    array = np.asarray(labels)
    if array.dtype.kind not in "biuUSO":
        raise TypeError(
            f"labels must be integers or strings, got dtype {array.dtype}; convert them, e.g. "
            "with .astype(int)"
        )
    check_length("labels", array, num_rows)
    try:
        classes, codes = np.unique(array, return_inverse=True)
    except TypeError as error:
        raise TypeError(f"labels must be of one kind, integers or strings: {error}") from error
    return tuple(classes.tolist()), codes.astype(np.int64)


def check_difficult(difficult: Any, codes: Indices, classes: tuple[Any, ...]) -> NDArray[np.bool_]:
    """The mask, if it leaves easy samples in every class and is not empty."""
    mask = check_mask(difficult, len(codes))
    if not mask.any():
        raise ValueError(
            "difficult marks no sample, so γ has no pairs; mark some, or pass None to choose them "
            "by a classifier"
        )
    easy = np.bincount(codes[~mask], minlength=len(classes))
    if easy.min() == 0:
        raise ValueError(
            f"difficult leaves class {classes[easy.argmin()]!r} empty: all of its samples are "
            "marked; leave at least one easy sample in each class"
        )
    return mask


def check_mask(difficult: Any, num_rows: int) -> NDArray[np.bool_]:
    """A mask with one bool for each row."""
    mask = np.asarray(difficult)
    if mask.dtype != bool:
        raise TypeError(
            f"difficult must be a mask of bools, got dtype {mask.dtype}; from indices, make one by "
            "mask = numpy.zeros(N, dtype=bool); mask[indices] = True"
        )
    check_length("difficult", mask, num_rows)
    return mask


def check_partners(partners: Any, num_rows: int) -> Indices:
    """Partner ids, −1 for none."""
    ids = np.asarray(partners)
    if ids.dtype.kind not in "iu":
        raise TypeError(
            f"partners must be integers, one id for each sample (−1 for none), got dtype "
            f"{ids.dtype}"
        )
    check_length("partners", ids, num_rows)
    if ids.min() < -1:
        raise ValueError(f"partners must be ids of at least 0, or −1 for none, got {ids.min()}")
    return ids.astype(np.int64)


def check_length(name: str, array: NDArray[Any], num_rows: int) -> None:
    """ValueError unless there is one entry for each row."""
    if array.shape != (num_rows,):
        raise ValueError(
            f"{name} must have the shape ({num_rows},), one entry for each row of embeddings, got "
            f"{array.shape}"
        )
