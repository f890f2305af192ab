"""The model on real input: the paper's Table 10 and scikit-learn's handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Table10Column:
    """One column of the paper's Table 10 (mixed CIFAR-10), as exact rationals.

    Similarities are shares of 1 (the paper prints per cent); ``difference`` is the row γ − β,
    which the paper prints with more digits than γ and β themselves.
    """

    mixing: Fraction
    accuracy: Fraction
    alpha: Fraction
    beta: Fraction
    gamma: Fraction
    difference: Fraction
    eigenvalue: Fraction


def _column(*printed: str) -> Table10Column:
    *percents, eigenvalue = (Fraction(number) for number in printed)
    return Table10Column(*(number / 100 for number in percents), eigenvalue / 10**5)


# Mean cosine similarities of features trained on mixed CIFAR-10; the n behind the last row
# is not stated in the paper.
TABLE_10 = (
    _column("0", "88.3", "47.2", "19.1", "20.9", "1.80", "2.93"),
    _column("10", "88.0", "44.0", "19.5", "22.1", "2.60", "3.36"),
    _column("20", "87.7", "41.2", "20.1", "23.1", "3.00", "3.58"),
    _column("30", "86.2", "38.7", "20.8", "24.1", "3.30", "3.72"),
)
TABLE_10_CLASSES = 10
# The paper calls difficult the 8 % of each class with the smallest gap between the two
# largest softmax outputs.
TABLE_10_DIFFICULT_SHARE = Fraction(8, 100)
# Half a unit of the last printed digit: α, β and γ; the row γ − β; the eigenvalue.
TABLE_10_SIMILARITY_ROUNDING = Fraction(5, 10**4)
TABLE_10_DIFFERENCE_ROUNDING = Fraction(5, 10**5)
TABLE_10_EIGENVALUE_ROUNDING = Fraction(5, 10**8)
