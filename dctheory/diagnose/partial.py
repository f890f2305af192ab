"""Sums and a random sample of embeddings that come in parts, in any order, on any machine.

The sums give α, β and γ over all pairs of all rows exactly. The sample, for what needs rows, is
uniform and does not depend on how the rows were cut into parts or in which order these came.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dctheory._table import plain
from dctheory._validation import check_integer
from dctheory.diagnose._row_sample import Kept, RowSample, row_keys, smallest
from dctheory.graph._from_sums import estimate_from_sums
from dctheory.graph._sample_checks import check_mask, unique_labels
from dctheory.graph._unit_rows import UnitRows
from dctheory.graph.estimate import cell_groups, sample_pairs
from dctheory.graph.pair_moments import sums_by_code
from dctheory.graph.similarity_estimate import AS_GIVEN, SimilarityEstimate

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

# What stands for the label of a row that came without one.
_NO_LABEL = None


class PartialSums:
    """Counts and sums of unit rows by label and difficulty, and a uniform sample of the rows.

    Args:
        sample: rows to keep at most.
        seed: of the sample and of the pairs for the spreads.

    Attributes:
        count: rows seen.
        num_columns: d; 0 before the first part.
    """

    def __init__(self, *, sample: int = 20_000, seed: int = 0) -> None:
        self._size = check_integer("sample", sample, 1)
        self._seed = check_integer("seed", seed, 0)
        self.count, self.num_columns = 0, 0
        # What came with the parts so far: None before the first.
        self._labelled: type | None = None
        self._has_difficult = False
        # Label to (2, d) sums and (2,) counts of its difficult and easy rows.
        self._sums: dict[Any, Array] = {}
        self._counts: dict[Any, Indices] = {}
        # Number of a part's first row to its mask, whose length is the part's.
        self._masks: dict[int, NDArray[np.bool_]] = {}
        self._kept = Kept.none()

    def update(
        self,
        embeddings: Any,
        labels: Any = None,
        difficult: Any = None,
        first_row: int | None = None,
    ) -> PartialSums:
        """Add rows, in one pass over them; if this fails, nothing is added.

        Args:
            embeddings: (m, d), as in :func:`dctheory.estimate_similarities`; one row will do.
            labels: (m,) integers or strings; with every part or with none.
            difficult: (m,) bool; with every part or with none.
            first_row: number of the first row among all, by default that after the last so far.
                Parts that are merged later, or come in another order, must be given theirs.

        Returns:
            This object.

        Raises:
            TypeError, ValueError: as in :func:`dctheory.estimate_similarities`; parts of another
                width or with other things than the earlier ones; rows that were seen already.
        """
        rows = UnitRows(embeddings)
        first = self._end() if first_row is None else check_integer("first_row", first_row, 0)
        kind, names, codes = _labels(labels, rows.num_rows)
        mask = _mask(difficult, rows.num_rows)
        self._check_alike(rows.num_columns, kind, difficult is not None)
        self._check_unseen({first: mask})
        cells = 2 * codes + ~mask
        index = np.arange(first, first + rows.num_rows)
        keys = row_keys(index, self._seed)
        wanted = smallest(np.concatenate([self._kept.keys, keys]), self._size)[-rows.num_rows :]
        sums = np.zeros((2 * len(names), rows.num_columns))
        kept = []
        for _, (present, added, chosen) in rows.map(_block_sums, cells, wanted):
            sums[present] += added
            kept.append(chosen)
        counts = np.bincount(cells, minlength=2 * len(names))
        self._add(names, sums.reshape(len(names), 2, -1), counts.reshape(-1, 2), {first: mask})
        labels_kept = np.array(names, dtype=object)[codes[wanted]]
        fresh = Kept(keys[wanted], index[wanted], np.concatenate(kept), labels_kept, mask[wanted])
        self._kept = self._kept.merged(fresh, self._size)
        self.num_columns, self._labelled = rows.num_columns, kind
        self._has_difficult = difficult is not None
        return self

    def merge(self, other: PartialSums) -> PartialSums:
        """Add what ``other`` has seen, which stays as it is.

        Returns:
            This object.

        Raises:
            TypeError: ``other`` is something else.
            ValueError: it has another seed, sample size, width or other things with its rows, or
                has seen the same rows: give ``first_row`` where parts are made separately.
        """
        if not isinstance(other, PartialSums):
            raise TypeError(f"only PartialSums can be merged, got {type(other).__name__}")
        if (other._size, other._seed) != (self._size, self._seed):
            raise ValueError(
                f"parts must have one sample size and seed, got {self._size} and {self._seed}, "
                f"and {other._size} and {other._seed}; construct them alike"
            )
        if not other.count:
            return self
        self._check_alike(other.num_columns, other._labelled, other._has_difficult)
        self._check_unseen(other._masks)
        names = list(other._sums)
        self._add(
            names,
            np.stack([other._sums[name] for name in names]),
            np.stack([other._counts[name] for name in names]),
            other._masks,
        )
        self._kept = self._kept.merged(other._kept, self._size)
        self.num_columns, self._labelled = other.num_columns, other._labelled
        self._has_difficult = other._has_difficult
        return self

    # --- What is known

    @property
    def seed(self) -> int:
        """Of the sample and of the pairs for the spreads."""
        return self._seed

    @property
    def classes(self) -> tuple[Any, ...]:
        """The C labels so far, sorted; empty without labels."""
        return () if self._labelled is type(None) else tuple(sorted(self._sums))

    def sample(self) -> RowSample:
        """The rows that were kept."""
        kept, names = self._kept, sorted(self._sums) if self.classes else [_NO_LABEL]
        place = {name: code for code, name in enumerate(names)}
        codes = np.array([place[name] for name in kept.labels], dtype=np.int64)
        return RowSample(kept.rows, kept.index, codes, kept.difficult, self.count)

    def means(self) -> dict[str, float]:
        """Mean cosine over all unordered pairs of distinct rows, by kind of pair.

        ``"all"``; with labels ``"same class"`` and ``"cross-class"``; with difficult samples too
        ``"difficult"``, the cross-class pairs with both ends difficult. NaN where there is none.
        """
        cells, sizes = self._cells()
        by_class, class_sizes = cells.sum(axis=1), sizes.sum(axis=1)
        sums = {"all": _pairs_of(by_class.sum(axis=0), class_sizes.sum())}
        if self.classes:
            same = _pairs_of(by_class, class_sizes)
            sums |= {"same class": same, "cross-class": sums["all"] - same}
        if self.classes and self._has_difficult:
            hard, hard_sizes = cells[:, 0], sizes[:, 0]
            every = _pairs_of(hard.sum(axis=0), hard_sizes.sum())
            sums["difficult"] = every - _pairs_of(hard, hard_sizes)
        return {
            kind: float(np.clip(total / pairs, -1, 1)) if pairs else np.nan
            for kind, (total, pairs) in sums.items()
        }

    @property
    def alpha(self) -> float:
        """Mean cosine of distinct same-class rows over all that were seen; NaN if there is none.

        Raises:
            ValueError: no part had labels.
        """
        if not self.classes:
            raise ValueError("α needs labels, and none were given; pass labels with every part")
        return self.means()["same class"]

    def estimate(self, *, spread_pairs: int = 2048) -> SimilarityEstimate:
        """α, β, γ of all rows that were seen, as :func:`dctheory.estimate_similarities` gives them.

        Means and tables are exact; spreads are over random pairs of the rows that were kept.
        ``is_difficult`` is in the order of the rows' numbers.

        Args:
            spread_pairs: pairs of each kind for the spreads, at least 2.

        Raises:
            ValueError: parts without labels or without difficult samples; a single class, a class
                of one sample or without easy ones.
        """
        spread_pairs = check_integer("spread_pairs", spread_pairs, 2)
        cells, sizes = self._cells()
        self._check_estimable(sizes)
        sample = self.sample()
        groups = cell_groups(sample.codes, sample.difficult, len(sizes))
        pairs = sample_pairs(np.random.default_rng(self._seed), groups, None, spread_pairs)
        rows = sample.rows.astype(np.float64)
        return estimate_from_sums(
            self.classes,
            cells.reshape(-1, self.num_columns),
            sizes.reshape(-1),
            {kind: np.einsum("ij,ij->i", rows[i], rows[j]) for kind, (i, j) in pairs.items()},
            is_difficult=np.concatenate([self._masks[first] for first in sorted(self._masks)]),
            difficult_rule=AS_GIVEN,
            seed=self._seed,
        )

    def to_dict(self) -> dict[str, Any]:
        """What was seen and the means, as strict JSON can hold it."""
        return {
            "samples": self.count,
            "features": self.num_columns,
            "classes": plain(self.classes),
            "sampled": len(self._kept.keys),
            "seed": self._seed,
            "means": plain(self.means()) if self.count else {},
        }

    # --- Parts

    def _cells(self) -> tuple[Array, Indices]:
        """(C, 2, d) sums and (C, 2) counts, in the order of the sorted labels."""
        if not self.count:
            raise ValueError("no rows were seen; call update with some first")
        names = self.classes or (_NO_LABEL,)
        return (
            np.stack([self._sums[name] for name in names]),
            np.stack([self._counts[name] for name in names]),
        )

    def _end(self) -> int:
        return max((first + len(mask) for first, mask in self._masks.items()), default=0)

    def _add(
        self, names: Any, sums: Array, counts: Indices, masks: dict[int, NDArray[np.bool_]]
    ) -> None:
        for name, added, number in zip(names, sums, counts, strict=True):
            # Not in place: another object may hold the same array since a merge.
            self._sums[name] = self._sums.get(name, 0) + added
            self._counts[name] = self._counts.get(name, 0) + number
        self._masks |= masks
        self.count += int(counts.sum())

    def _check_alike(self, num_columns: int, labelled: type | None, has_difficult: bool) -> None:
        if not self.count:
            return
        if num_columns != self.num_columns:
            raise ValueError(
                f"all parts must have {self.num_columns} features as the first, got {num_columns}"
            )
        if labelled is not self._labelled:
            raise ValueError(
                f"labels must be {_KINDS[self._labelled]} in every part, as in the first, got "
                f"{_KINDS[labelled]}"
            )
        if has_difficult != self._has_difficult:
            raise ValueError("difficult must be given with every part or with none")

    def _check_unseen(self, masks: dict[int, NDArray[np.bool_]]) -> None:
        spans = sorted(
            (first, first + len(mask))
            for each in (self._masks, masks)
            for first, mask in each.items()
        )
        for (_, stop), (start, _) in itertools.pairwise(spans):
            if start < stop:
                raise ValueError(
                    f"row {start} was seen already; give first_row, the number of a part's first "
                    "row among all, where parts are made separately"
                )

    def _check_estimable(self, sizes: Indices) -> None:
        if not self.classes or not self._has_difficult:
            missing = "labels" if not self.classes else "difficult samples"
            raise ValueError(f"an estimate needs {missing}; pass them with every part")
        if len(sizes) < 2:
            raise ValueError(
                f"all labels are {self.classes[0]!r}; cross-class similarities need two classes"
            )
        for name, (hard, easy) in zip(self.classes, sizes.tolist(), strict=True):
            if hard + easy < 2 or not easy:
                problem = "a single sample" if hard + easy < 2 else "no easy sample"
                raise ValueError(f"class {name!r} has {problem}; drop it or add samples")
        if not sizes[:, 0].any():
            raise ValueError("no sample is difficult, so γ has no pairs; mark some")


# --- Blocks, pairs and arguments


def _block_sums(
    block: Array, cells: Indices, wanted: NDArray[np.bool_]
) -> tuple[Indices, Array, NDArray[np.float32]]:
    return *sums_by_code(cells, block), block[wanted].astype(np.float32)


def _pairs_of(sums: Array, sizes: Any) -> Array:
    """Total cosine and number of the ordered pairs of distinct rows within groups."""
    sizes = np.asarray(sizes, dtype=np.float64)
    return np.array([(sums**2).sum() - sizes.sum(), (sizes * (sizes - 1)).sum()])


def _labels(labels: Any, num_rows: int) -> tuple[type, list[Any], Indices]:
    """Their kind, the distinct ones, and the index of each row's."""
    if labels is None:
        return type(None), [_NO_LABEL], np.zeros(num_rows, dtype=np.int64)
    names, codes = unique_labels(labels, num_rows)
    return str if isinstance(names[0], str) else int, list(names), codes


def _mask(difficult: Any, num_rows: int) -> NDArray[np.bool_]:
    none = np.zeros(num_rows, dtype=bool)
    return none if difficult is None else check_mask(difficult, num_rows).copy()


_KINDS = {type(None): "absent", int: "integers", str: "strings", None: "absent"}
