"""Bad input of `estimate_similarities`: what was given, what is expected, which row."""

from __future__ import annotations

import numpy as np
import pytest

from dctheory import estimate_similarities
from dctheory.graph import _unit_rows

EMBEDDINGS = np.random.default_rng(12).normal(size=(60, 5)) + 2
LABELS = np.arange(60) % 3
# Each class has both kinds of sample, and the difficult ones of a row of three are partners.
DIFFICULT = np.arange(60) < 18
PARTNERS = np.where(DIFFICULT, np.arange(60) // 3, -1)


def mutated(**changes: object) -> dict[str, object]:
    good = {"embeddings": EMBEDDINGS, "labels": LABELS, "difficult": DIFFICULT}
    return good | {"partners": PARTNERS} | changes


def with_row(row: int, value: float) -> np.ndarray:
    embeddings = EMBEDDINGS.copy()
    embeddings[row] = value
    return embeddings


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"embeddings": np.empty((0, 5))}, ValueError, r"empty, got shape \(0, 5\)"),
        ({"embeddings": np.empty((60, 0))}, ValueError, r"empty, got shape \(60, 0\)"),
        ({"embeddings": np.ones(60)}, ValueError, r"two-dimensional.*\(60,\)"),
        ({"embeddings": [[1, 2], [3]]}, ValueError, "rows of different lengths"),
        ({"embeddings": np.ones((60, 5))}, ValueError, "embeddings are constant"),
        ({"embeddings": np.outer(1 + np.arange(60), [1, 2, 3])}, ValueError, "are constant"),
        ({"embeddings": with_row(41, 0.0)}, ValueError, "row 41 is a zero vector"),
        ({"embeddings": with_row(17, np.nan)}, ValueError, "row 17 holds NaN or infinity"),
        ({"embeddings": with_row(59, np.inf)}, ValueError, "row 59 holds NaN or infinity"),
        ({"embeddings": np.ones((60, 5), dtype=complex)}, TypeError, "dtype complex128"),
        ({"embeddings": np.ones((60, 5), dtype=bool)}, TypeError, "dtype bool"),
        ({"embeddings": np.full((60, 5), "a")}, TypeError, "real numbers"),
        ({"labels": LABELS[:-1]}, ValueError, r"labels must have the shape \(60,\).*\(59,\)"),
        ({"labels": LABELS[:, None]}, ValueError, r"labels must have the shape \(60,\)"),
        ({"labels": LABELS.astype(float)}, TypeError, "labels must be integers or strings"),
        ({"labels": np.zeros(60, int)}, ValueError, "single class, 0"),
        ({"labels": [*([0] * 59), 7]}, ValueError, "class 7 has a single sample"),
        ({"labels": np.array([0, "a"] * 30, dtype=object)}, TypeError, "of one kind"),
        ({"difficult": np.zeros(60, bool)}, ValueError, "marks no sample"),
        ({"difficult": np.ones(60, bool)}, ValueError, "leaves class 0 empty"),
        ({"difficult": LABELS == 2}, ValueError, "leaves class 2 empty"),
        ({"difficult": np.ones(59, bool)}, ValueError, r"difficult must have the shape \(60,\)"),
        ({"difficult": np.ones(60, int)}, TypeError, "mask of bools"),
        ({"partners": np.full(60, -1)}, ValueError, "match no two difficult samples"),
        ({"partners": np.full(60, -2)}, ValueError, "got -2"),
        ({"partners": np.zeros(60)}, TypeError, "partners must be integers"),
        ({"partners": np.zeros(59, int)}, ValueError, r"partners must have the shape \(60,\)"),
        ({"share": 1.0}, ValueError, "share must be below 1"),
        ({"share": 0}, ValueError, "share must lie in"),
        ({"share": "8 %"}, TypeError, "share must be a real number"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"seed": None}, TypeError, "seed must be an integer"),
        ({"spread_pairs": 1}, ValueError, "spread_pairs must be at least 2"),
    ],
)
def test_bad_input(changes: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        estimate_similarities(**mutated(**changes))


def test_sparse_matrices_are_refused_with_advice() -> None:
    from scipy import sparse

    with pytest.raises(TypeError, match=r"\.toarray\(\)"):
        estimate_similarities(sparse.csr_array(EMBEDDINGS), LABELS)


def test_first_bad_row_is_named_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_unit_rows, "_BLOCK_BYTES", 7 * 5 * 8)
    embeddings = with_row(30, np.nan)
    embeddings[33] = 0
    with pytest.raises(ValueError, match="row 30 holds NaN"):
        estimate_similarities(**mutated(embeddings=embeddings))
