"""The actual errors of a linear probe and of k nearest neighbours, beside the predicted bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dctheory._table import Table

FOLDS = 5


@dataclass(frozen=True)
class ErrorRate:
    """Errors of one classifier on one group of samples.

    Attributes:
        classifier: "linear probe" or "nearest neighbours".
        samples: "all", "easy" or "difficult".
        errors, count: samples predicted wrongly, and all that were predicted.
        low, high: 95 % interval of the rate (Wilson).
    """

    classifier: str
    samples: str
    errors: int
    count: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Share of errors."""
        return self.errors / self.count


@dataclass(frozen=True)
class MeasuredErrors:
    """Held-out errors of both classifiers.

    Attributes:
        rates: one for each classifier and group of samples.
        count, num_samples: samples used, and N.
        method: in words.
    """

    rates: tuple[ErrorRate, ...]
    count: int
    num_samples: int
    method: str

    def __getitem__(self, key: tuple[str, str]) -> ErrorRate:
        raise NotImplementedError

    def beside(self, bound: float | None) -> str:
        """The linear probe's error beside a bound, as a sentence."""
        raise NotImplementedError

    def table(self) -> Table:
        """One row for each rate."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Everything as strict JSON can hold it."""
        raise NotImplementedError


def measured_errors(
    embeddings: Any,
    labels: Any,
    difficult: Any = None,
    *,
    neighbours: int = 20,
    temperature: float = 0.1,
    seed: int = 0,
    sample: int = 10_000,
) -> MeasuredErrors:
    """Errors of a linear probe and of k-NN by five-fold cross-validation, with intervals.

    Args:
        embeddings: (N, d); directions only count, as everywhere in the theory.
        labels: (N,).
        difficult: (N,) bool, to tell errors on difficult and on easy samples apart.
        neighbours, temperature: of the k-NN classifier.
        seed: of the folds and the sample.
        sample: of larger data so many random rows are used, the same share of each cell.
    """
    raise NotImplementedError
