"""What the similarities of real embeddings are, and the graphs that can be made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dctheory._table import Table, plain
from dctheory._validation import check_choice, check_integer
from dctheory.graph.cells import CellGraph, cell_name
from dctheory.graph.pair_moments import PairMoments

if TYPE_CHECKING:
    from dctheory.graph.similarity import SimilarityGraph

# The rule of difficult samples that came with the embeddings.
AS_GIVEN = "as given"

_TABLE_COLUMNS = ("pairs", "symbol", "mean", "spread", "number", "sampled")


@dataclass(frozen=True)
class Reading:
    """β and γ under one reading of which cross-class pairs are difficult.

    Attributes:
        beta: statistics over the cross-class pairs that are not difficult.
        gamma: statistics over the difficult ones.
    """

    beta: PairMoments
    gamma: PairMoments


@dataclass(frozen=True, eq=False, repr=False)
class SimilarityEstimate:
    """α, β, γ of labelled embeddings, as they are, whether or not the model allows them.

    Statistics have ``.mean`` (exact), ``.pairs`` (ordered pairs of distinct samples, an exact
    int) and ``.spread`` (standard deviation over pairs, from ``.sampled`` random ones).

    Attributes:
        classes: the C labels, sorted.
        class_sizes, difficult_sizes: samples and difficult samples of each class.
        same_class: α's statistics over ``"all"`` same-class pairs, and over those with both ends
            ``"difficult"``, ``"mixed"`` ends, both ends ``"easy"``.
        readings: β and γ for ``"both"``, ``"either"`` and, if partners were given, ``"matched"``.
        class_table: (C, C) mean similarity of distinct samples of two classes.
        cell_table: (2C, 2C) the same for cells, in the order difficult, easy within each class;
            NaN where there is no pair.
        is_difficult: (N,) bool.
        difficult_rule: how the difficult samples were chosen, or AS_GIVEN.
        seed: of all that is random: the sampled pairs, and the choice of difficult samples.
    """

    classes: tuple[Any, ...]
    class_sizes: tuple[int, ...]
    difficult_sizes: tuple[int, ...]
    same_class: Mapping[str, PairMoments]
    readings: Mapping[str, Reading]
    class_table: NDArray[np.float64]
    cell_table: NDArray[np.float64]
    is_difficult: NDArray[np.bool_]
    difficult_rule: str
    seed: int

    @property
    def num_samples(self) -> int:
        """N."""
        return sum(self.class_sizes)

    @property
    def alpha(self) -> float:
        """Mean cosine similarity of distinct same-class samples."""
        return self.same_class["all"].mean

    def beta(self, pairing: str = "both") -> float:
        """Mean cosine similarity of the cross-class pairs that are not difficult."""
        return self._reading(pairing).beta.mean

    def gamma(self, pairing: str = "both") -> float:
        """Mean cosine similarity of difficult cross-class pairs; NaN if there is none."""
        return self._reading(pairing).gamma.mean

    def _reading(self, pairing: str) -> Reading:
        if pairing == "matched" and "matched" not in self.readings:
            raise ValueError(
                "pairing 'matched' was not estimated, as no partners were given; pass partners to "
                "estimate_similarities, or use 'both' or 'either'"
            )
        return self.readings[check_choice("pairing", pairing, self.readings)]

    # --- The model

    def violations(self, pairing: str = "both") -> list[str]:
        """The inequalities of 0 ≤ β ≤ γ ≤ α ≤ 1 that fail, as sentences; empty if none does."""
        alpha, beta, gamma = self.alpha, self.beta(pairing), self.gamma(pairing)
        if np.isnan(gamma):
            return [f"γ has no value for pairing {pairing!r}: no cross-class pair is difficult"]
        failed = []
        if beta < 0:
            failed.append(f"0 ≤ β fails for pairing {pairing!r}: β = {beta:.6g}")
        if beta > gamma:
            failed.append(f"β ≤ γ fails for pairing {pairing!r}: β = {beta:.6g} > γ = {gamma:.6g}")
        if gamma > alpha:
            failed.append(f"γ ≤ α fails for pairing {pairing!r}: γ = {gamma:.6g} > α = {alpha:.6g}")
        return failed

    def graph(self, per_class: int | None = None, pairing: str = "both") -> SimilarityGraph:
        """The paper's graph with these α, β, γ.

        Args:
            per_class: n; by default the mean class size, rounded. n_d is n times the share of
                difficult samples among all, rounded: the paper's classes are balanced.
            pairing: "both", "either", or "matched" if partners were given.

        Raises:
            ValueError: naming every inequality of 0 ≤ β ≤ γ ≤ α ≤ 1 that fails.
        """
        from dctheory.graph.similarity import SimilarityGraph

        failed = self.violations(pairing)
        if failed:
            raise ValueError(
                f"no similarity graph has these estimates: {'; '.join(failed)}; report the "
                "estimates as they are, try another pairing, or see cell_graph()"
            )
        if per_class is None:
            per_class = _rounded(self.num_samples, len(self.classes))
        n = check_integer("per_class", per_class, 1)
        return SimilarityGraph(
            classes=len(self.classes),
            per_class=n,
            difficult=_rounded(n * sum(self.difficult_sizes), self.num_samples),
            alpha=self.alpha,
            beta=self.beta(pairing),
            gamma=self.gamma(pairing),
            pairing=pairing,
        )

    def cell_graph(self) -> CellGraph:
        """The difficult and the easy samples of each class as cells with their mean similarities.

        Raises:
            ValueError: naming the pair of cells with the lowest mean, if that is negative.
        """
        easy_sizes = np.subtract(self.class_sizes, self.difficult_sizes).tolist()
        sizes = [m for pair in zip(self.difficult_sizes, easy_sizes, strict=True) for m in pair]
        kept = [i for i, size in enumerate(sizes) if size]
        names = [cell_name(self.classes[i // 2], i % 2 == 0) for i in kept]
        table = self.cell_table[np.ix_(kept, kept)]
        # The similarity within a cell of one sample concerns no pair: any value does.
        table = np.where(np.isnan(table), 1.0, table)
        i, j = np.unravel_index(table.argmin(), table.shape)
        if table[i, j] < 0:
            raise ValueError(
                f"no cell graph has these estimates: the mean similarity of {names[i]!r} and "
                f"{names[j]!r} is {table[i, j]:.6g} < 0, and edge weights are not negative; "
                "merge cells, or make a CellGraph from an edited cell_table"
            )
        return CellGraph(
            [sizes[i] for i in kept], table, names=names, classes=[i // 2 for i in kept]
        )

    # --- Rendering

    def table(self) -> Table:
        """One row for each kind of pair, and what is wrong with the estimates."""
        rows = [_row("same class", "α", self.same_class["all"])]
        rows += [
            _row(f"same class, {kind}", "", self.same_class[kind])
            for kind in ("easy", "mixed", "difficult")
        ]
        notes = [f"difficult: {self.difficult_rule}", f"seed: {self.seed}"]
        for pairing, reading in self.readings.items():
            rows.append(_row(f"cross-class, easy ({pairing})", "β", reading.beta))
            rows.append(_row(f"cross-class, difficult ({pairing})", "γ", reading.gamma))
            notes += self.violations(pairing)
        title = (
            f"Cosine similarities: {len(self.classes)} classes, {self.num_samples} samples, "
            f"{sum(self.difficult_sizes)} difficult"
        )
        return Table(_TABLE_COLUMNS, rows, title, notes)

    def to_dict(self) -> dict[str, Any]:
        """All estimates and tables as values that strict JSON can hold (NaN as None)."""
        statistics = {"same_class": self.same_class}
        statistics |= {
            pairing: {"beta": reading.beta, "gamma": reading.gamma}
            for pairing, reading in self.readings.items()
        }
        return {
            "classes": plain(self.classes),
            "class_sizes": list(self.class_sizes),
            "difficult_sizes": list(self.difficult_sizes),
            "difficult_rule": self.difficult_rule,
            "seed": self.seed,
            "statistics": {
                group: {name: _as_dict(value) for name, value in members.items()}
                for group, members in statistics.items()
            },
            "violations": {pairing: self.violations(pairing) for pairing in self.readings},
            "class_table": plain(self.class_table),
            "cell_table": plain(self.cell_table),
        }

    def __str__(self) -> str:
        return self.table().to_text()

    def _repr_html_(self) -> str:
        return self.table().to_html()

    def __repr__(self) -> str:
        return (
            f"<SimilarityEstimate: {len(self.classes)} classes, {self.num_samples} samples, "
            f"α={self.alpha:.4g}, β={self.beta():.4g}, γ={self.gamma():.4g} (both)>"
        )


def _rounded(numerator: int, denominator: int) -> int:
    """numerator / denominator to the nearest integer, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)


def _row(pairs: str, symbol: str, value: PairMoments) -> tuple[Any, ...]:
    return pairs, symbol, value.mean, value.spread, value.pairs, value.sampled


def _as_dict(value: PairMoments) -> dict[str, Any]:
    return {
        "mean": plain(value.mean),
        "spread": plain(value.spread),
        "pairs": value.pairs,
        "sampled": value.sampled,
    }
