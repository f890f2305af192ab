"""Matrices whose entry depends only on the kind of pair: exact spectra at any N.

A kind of pair says how two nodes relate (the same node, same class, cross class) and whether each
is easy or difficult; :func:`dctheory.formulas.pair_kinds` lists them. Ā is such a matrix, and so is
Ā after every margin or temperature that treats a kind of pair alike. All of them keep the graph's
symmetry, so their spectrum falls into two 2 × 2 blocks and the bulk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from math import lcm
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dctheory._validation import check_memory, check_real
from dctheory.bound._rational import NEGLIGIBLE, difference, evaluator, square_root
from dctheory.graph.spectrum import Mode, Spectrum, quadratic_roots

if TYPE_CHECKING:
    from dctheory.formulas import PairKind
    from dctheory.graph.similarity import SimilarityGraph

_SELF, _SAME, _CROSS = "self", "same class", "cross class"
_MATCHED, _UNMATCHED = "cross class, matched", "cross class, unmatched"


class Quotient(NamedTuple):
    """Blocks (ee, ed, dd) of the two sectors, ed without its factor √(n_e n_d), and the bulk.

    ``matched`` is the bulk of difficult nodes on vectors equal on all classes, ``difficult`` on
    vectors that sum to zero over the classes; they differ for pairing "matched" only.
    """

    trivial: tuple[Any, Any, Any]
    contrast: tuple[Any, Any, Any]
    easy: Any
    difficult: Any
    matched: Any


def quotient(pairing: str, r: Any, n_e: Any, n_d: Any, entries: Mapping[str, Any]) -> Quotient:
    """The quotient of a matrix given by kinds of pair; plain arithmetic on any kind of number.

    ``entries`` maps :attr:`dctheory.formulas.PairKind.name` to the entry.
    """

    def of(relation: str, first: str, second: str) -> Any:
        return entries[f"{relation}, {first}-{second}"]

    e, d = "easy", "difficult"
    hard = (d, d)
    if pairing == "matched":
        extra = of(_MATCHED, *hard) - of(_UNMATCHED, *hard)
        cross_dd = n_d * of(_UNMATCHED, *hard) + extra
    else:
        extra = 0
        cross_dd = n_d * of(_CROSS, *hard)
    easy = of(_SELF, e, e) - of(_SAME, e, e)
    difficult = of(_SELF, d, d) - of(_SAME, d, d)
    cross_ee = n_e * of(_CROSS, e, e)
    ee, dd = easy + n_e * of(_SAME, e, e), difficult + n_d * of(_SAME, d, d)
    same, cross = of(_SAME, e, d), of(_CROSS, e, d)
    return Quotient(
        (ee + r * cross_ee, same + r * cross, dd + r * cross_dd),
        (ee - cross_ee, same - cross, dd - cross_dd),
        easy,
        difficult - extra,
        difficult + r * extra,
    )


@dataclass(frozen=True, eq=False)
class KindMatrix:
    """A symmetric (N, N) matrix with one entry for each kind of pair of ``graph``'s nodes.

    Attributes:
        graph: gives the nodes and the kinds of pair.
        entries: kind's name -> exact entry; of an easy-difficult kind in units of √mixed_square.
        mixed_square: exact square of that unit, so that 1/√(d_e d_d) needs no rounding.
    """

    graph: SimilarityGraph
    entries: Mapping[str, Fraction]
    mixed_square: Fraction = Fraction(1)

    @classmethod
    def from_entries(cls, graph: SimilarityGraph, entries: Mapping[str, Any]) -> KindMatrix:
        """From real numbers by name of kind; kinds without pairs in ``graph`` may be left out.

        Raises:
            ValueError: an unknown kind, a kind left out, an entry that is not finite.
        """
        names = {kind.name for kind in kinds(graph.pairing)}
        unknown, missing = sorted(set(entries) - names), sorted(set(present(graph)) - set(entries))
        if unknown or missing:
            raise ValueError(
                f"entries must name the kinds of pair {sorted(names)}; unknown: {unknown}, "
                f"missing: {missing}; use formulas.pair_kinds({graph.pairing!r})"
            )
        checked = {name: Fraction(check_real(name, value)) for name, value in entries.items()}
        return cls(graph, {name: checked.get(name, Fraction(0)) for name in names})

    @cached_property
    def blocks(self) -> Quotient:
        """The exact quotient, the middle terms of both blocks squared and with n_e n_d."""
        g = self.graph
        found = quotient(g.pairing, Fraction(g.r), Fraction(g.n_e), Fraction(g.n_d), self.entries)
        scale = g.n_e * g.n_d * self.mixed_square

        def squared(block: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            return block[0], scale * block[1] ** 2, block[2]

        return found._replace(trivial=squared(found.trivial), contrast=squared(found.contrast))

    def spectrum(self) -> Spectrum:
        """Exact eigenvalues with multiplicities, rounded once; the cost does not depend on N."""
        return self._spectrum

    @cached_property
    def _spectrum(self) -> Spectrum:
        from dctheory import formulas as f

        g, blocks = self.graph, self.blocks
        modes = []
        for block, sector, count, names in (
            (blocks.trivial, f.TRIVIAL, 1, (f.TRIVIAL, f.SPURIOUS)),
            (blocks.contrast, f.CLASS, g.r, (f.CLASS, f.CLASS_SPURIOUS)),
        ):
            values = self._block_values(block)
            modes += [
                Mode(name, sector, value, count) for name, value in zip(names, values, strict=False)
            ]
        matched = g.pairing == "matched"
        modes.append(Mode(f.EASY_BULK, "bulk", float(blocks.easy), g.classes * max(g.n_e - 1, 0)))
        hard = max(g.n_d - 1, 0)
        name = f.MATCHED_CONTRAST if matched else f.DIFFICULT_BULK
        count = g.r if matched else g.classes
        modes.append(Mode(name, "bulk", float(blocks.difficult), count * hard))
        if matched:
            modes.append(Mode(f.MATCHED_BULK, "bulk", float(blocks.matched), hard))
        return Spectrum.from_modes(modes)

    def _block_values(self, block: tuple[Fraction, ...]) -> tuple[float, ...]:
        first, squared, second = block
        if not self.graph.n_d:
            return (float(first),)
        if not self.graph.n_e:
            return (float(second),)
        trace, determinant = first + second, difference(first * second, squared)
        scale = lcm(trace.denominator, determinant.denominator)
        return quadratic_roots(scale, int(trace * scale), int(determinant * scale))

    def adjacency_failure(self) -> str:
        """Why this is not the normalised adjacency D^(−1/2) A D^(−1/2) of any A ≥ 0; or ""."""
        negative = [name for name in present(self.graph) if self.entries[name] < 0]
        if negative:
            return f"negative entries ({negative[0]})"
        return "" if self._fixes_a_positive_vector() else "not normalised by its own degrees"

    def graph_failure(self) -> str:
        """Why this is not the normalised adjacency of an augmentation graph; "" if it is one.

        Its weights are expected products, hence positive semidefinite as well.
        """
        smallest = float(self.spectrum().values[-1])
        indefinite = f"not positive semidefinite (smallest eigenvalue {smallest:.3g})"
        return self.adjacency_failure() or indefinite * (smallest < 0)

    def _fixes_a_positive_vector(self) -> bool:
        """Whether the vector √degree > 0 is an eigenvector of eigenvalue 1, for some degrees."""
        first, squared, second = self.blocks.trivial
        if not self.graph.n_d:
            return _is_zero(1 - first)
        if not self.graph.n_e:
            return _is_zero(1 - second)
        if squared == 0:
            return _is_zero(1 - first) and _is_zero(1 - second)
        return first < 1 and difference((1 - first) * (1 - second), squared) == 0

    def to_array(self) -> NDArray[np.float64]:
        """The (N, N) float64 matrix; refused with its size if it would not fit in memory."""
        unit = square_root(self.mixed_square)
        values = {
            kind.name: float(self.entries[kind.name] * (unit if mixed(kind) else 1))
            for kind in kinds(self.graph.pairing)
        }
        return fill(self.graph, values)


def normalized_adjacency(graph: SimilarityGraph) -> KindMatrix:
    """Ā of the graph by kind of pair, exact."""
    weights, degrees = _weights(graph.pairing)(*graph.parameters.values())
    easy, difficult = degrees
    scale = {("easy", "easy"): easy, ("difficult", "difficult"): difficult}
    entries = {
        kind.name: weight / scale.get(kind.ends, easy * difficult)
        for kind, weight in zip(kinds(graph.pairing), weights, strict=True)
    }
    return KindMatrix(graph, entries, easy * difficult)


def kinds(pairing: str) -> tuple[PairKind, ...]:
    """The kinds of pair, as :func:`dctheory.formulas.pair_kinds` (sympy is imported on use)."""
    from dctheory import formulas

    return formulas.pair_kinds(pairing)


def mixed(kind: PairKind) -> bool:
    """Whether one end is easy and the other difficult."""
    return kind.ends[0] != kind.ends[1]


def present(graph: SimilarityGraph) -> dict[str, int]:
    """Number of ordered pairs of each kind that has any in this graph; they sum to N²."""
    counts = _counts(graph.pairing)(*graph.parameters.values())
    found = zip(kinds(graph.pairing), counts, strict=True)
    return {kind.name: int(count) for kind, count in found if count}


def fill(graph: SimilarityGraph, values: Mapping[str, float]) -> NDArray[np.float64]:
    """(N, N) float64 matrix with one value for each kind of pair, by name."""
    count = graph.num_nodes
    check_memory(f"a matrix of {count} × {count} nodes", 17 * count**2)
    n, hard = graph.per_class, np.arange(graph.per_class) < graph.difficult
    ends = hard[:, None].astype(int) + hard[None, :]

    def block(relation: str, both_difficult: str) -> NDArray[np.float64]:
        first = [values[f"{relation}, {pair}"] for pair in ("easy-easy", "easy-difficult")]
        return np.array([*first, values[f"{both_difficult}, difficult-difficult"]])[ends]

    matched = graph.pairing == "matched"
    cross = block(_CROSS, _UNMATCHED if matched else _CROSS)
    if matched:
        np.fill_diagonal(cross[:, : graph.difficult], values[f"{_MATCHED}, difficult-difficult"])
    matrix = np.tile(cross, (graph.classes, graph.classes))
    same = block(_SAME, _SAME)
    own = [values[f"{_SELF}, {end}-{end}"] for end in ("easy", "difficult")]
    np.fill_diagonal(same, np.where(hard, own[1], own[0]))
    for c in range(graph.classes):
        matrix[c * n : (c + 1) * n, c * n : (c + 1) * n] = same
    return matrix


def mode_at(spectrum: Spectrum, j: int) -> Mode:
    """The family of λ_j; of tied ones the largest, which is what remains when a tie is natural."""
    value = spectrum.eigenvalue(j)
    slack = spectrum.tolerance * abs(value)
    tied = [mode for mode in spectrum.modes if abs(mode.value - value) <= slack]
    return max(tied, key=lambda mode: mode.multiplicity)


def _is_zero(value: Fraction) -> bool:
    return abs(value) <= NEGLIGIBLE


@cache
def _weights(pairing: str) -> Any:
    from dctheory import formulas

    weights = [kind.weight for kind in kinds(pairing)]
    degrees = [formulas.degree(pairing, kind).expr for kind in ("easy", "difficult")]
    return evaluator(formulas.PARAMETERS, (weights, degrees))


@cache
def _counts(pairing: str) -> Any:
    from dctheory import formulas

    return evaluator(formulas.PARAMETERS, [kind.count for kind in kinds(pairing)])
