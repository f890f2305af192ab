"""Non-negative factors A = B Bᵀ of the similarity graph, as orbits of columns.

Edge weights are w_xx' = E[A(x|x̄) A(x'|x̄)]: a column of B is one natural sample x̄ with the
augmentations that it reaches. The graph looks the same from every node of a kind, so whole orbits
of columns stand for one, and a factor of any size is a handful of exact numbers.

In all three pairings positive semidefinite implies such a factor. A column is made of an easy and
a difficult part, each spread over all nodes of its kind, over those of one class, or put on one
node. The Gram matrix of the parts' mean heights, 2 × 2 and positive semidefinite with the sector
that decides the graph's, gives the heights; the shares of the spreads give the within-kind
entries; and how often both parts stand in the same class gives the entries between the kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import isqrt, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dctheory.graph.similarity import SimilarityGraph

# Where a part of a column stands.
NONE, ALL, CLASS, NODE, INDEX = "none", "all", "class", "node", "index"
EASY, DIFFICULT = 0, 1
_WORDS = {
    ALL: "all {kind} nodes",
    CLASS: "the {kind} nodes of one class",
    NODE: "one {kind} node",
    INDEX: "the {kind} nodes of one index, in all classes",
}


@dataclass(frozen=True)
class Orbit:
    """Columns that the graph's symmetries carry into each other.

    Attributes:
        easy, difficult: where each part stands: "none", "all", "class", "node" or "index".
        same_class: whether the parts stand in the same class (else in every pair of classes).
        columns: number of columns in the orbit.
        easy_squared, difficult_squared: squares of the two heights, exact.
    """

    easy: str
    difficult: str
    same_class: bool
    columns: int
    easy_squared: Fraction
    difficult_squared: Fraction

    @property
    def product(self) -> Fraction:
        """Product of the two heights, exact: by construction a rational number."""
        square = self.easy_squared * self.difficult_squared
        return Fraction(isqrt(square.numerator), isqrt(square.denominator))

    def squared(self, kind: int) -> Fraction:
        """The square of the height of one part (``EASY`` or ``DIFFICULT``)."""
        return self.difficult_squared if kind else self.easy_squared

    def __str__(self) -> str:
        parts = [
            f"height {sqrt(squared):.6g} on {_WORDS[place].format(kind=kind)}"
            for kind, place, squared in (
                ("easy", self.easy, self.easy_squared),
                ("difficult", self.difficult, self.difficult_squared),
            )
            if place != NONE
        ]
        joint = " of the same class" if self.same_class and len(parts) == 2 else ""
        return f"{self.columns} × ({' and '.join(parts)}{joint})"


def orbits(graph: SimilarityGraph) -> tuple[Orbit, ...]:
    """The factor of a positive semidefinite graph, at a cost that does not depend on N."""
    q, gaps = graph._gaps
    u, beta, g, h = (Fraction(gap, q) for gap in gaps[:4])
    b, zero = g + h, Fraction(0)
    if graph.n_e == 0 or graph.n_d == 0:
        found = _of_one_kind(graph, u, beta, g, h)
    elif graph.pairing == "either":
        easy, difficult = (
            _spreads(graph, EASY, beta, b, u),
            _spreads(graph, DIFFICULT, beta + g, h, u),
        )
        found = _mixture(graph, easy, difficult, beta + g, h / graph.classes)
    elif graph.pairing == "matched" and graph.n_d > 1:
        found = [
            _orbit(graph, (ALL, ALL), beta, beta),
            _orbit(graph, (NONE, INDEX), zero, g),
            _orbit(graph, (CLASS, CLASS), b, b, same_class=True),
            _orbit(graph, (NODE, NONE), u, zero),
            _orbit(graph, (NONE, NODE), zero, u - g),
        ]
    else:
        easy, difficult = _spreads(graph, EASY, zero, b, u), _spreads(graph, DIFFICULT, zero, h, u)
        found = [
            _orbit(graph, (ALL, ALL), beta, beta),
            _orbit(graph, (NONE, ALL), zero, g),
            *_mixture(graph, easy, difficult, zero, b / graph.classes),
        ]
    return tuple(orbit for orbit in found if orbit.easy_squared or orbit.difficult_squared)


def _of_one_kind(
    graph: SimilarityGraph, u: Fraction, beta: Fraction, g: Fraction, h: Fraction
) -> list[Orbit]:
    """All nodes easy, or all difficult: A = x 11ᵀ + (α − x) ⊕ 11ᵀ + (1 − α) I, x across classes."""
    zero = Fraction(0)
    if graph.n_d == 0:
        easy = ((ALL, beta), (CLASS, g + h), (NODE, u))
        return [_orbit(graph, (place, NONE), squared, zero) for place, squared in easy]
    difficult = [(ALL, beta + g), (CLASS, h), (NODE, u)]
    if graph.pairing == "matched" and graph.n_d > 1:
        difficult = [(ALL, beta), (INDEX, g), (CLASS, g + h), (NODE, u - g)]
    return [_orbit(graph, (NONE, place), zero, squared) for place, squared in difficult]


def _spreads(
    graph: SimilarityGraph, kind: int, everywhere: Fraction, in_class: Fraction, node: Fraction
) -> dict[str, Fraction]:
    """Weights of the spreads of one kind's block everywhere·11ᵀ + in_class ⊕ 11ᵀ + node·I.

    In units of the squared mean height over all nodes of the kind.
    """
    classes = graph.classes
    return {
        ALL: everywhere,
        CLASS: in_class / classes,
        NODE: node / (classes * _size(graph, kind)),
    }


def _mixture(
    graph: SimilarityGraph,
    easy: dict[str, Fraction],
    difficult: dict[str, Fraction],
    cross_all: Fraction,
    cross_class: Fraction,
) -> list[Orbit]:
    """Columns with the given spreads whose parts agree on the class in the share that is needed.

    The mean heights are (X, Y₁) and (0, Y₂) with X² and Y₁² + Y₂² the sums of the spreads and
    X Y₁ = cross_all + cross_class. Of X Y₁ the share P = cross_class / X Y₁ stands in one class;
    P never exceeds the share of either part that stands in a single class (as β ≤ γ).
    """
    easy_total, difficult_total = sum(easy.values()), sum(difficult.values())
    cross = cross_all + cross_class
    if cross == 0:
        alone = [_scaled(graph, (p, NONE), w, Fraction(0)) for p, w in easy.items()]
        return alone + [_scaled(graph, (NONE, p), Fraction(0), w) for p, w in difficult.items()]
    first = cross**2 / easy_total
    second = difficult_total - first
    x_share = {p: w / easy_total for p, w in easy.items()}
    y_share = {p: w / difficult_total for p, w in difficult.items()}
    found = [
        _scaled(graph, places, share * easy_total, share * first, same_class=same_class)
        for share, places, same_class in _joint(x_share, y_share, cross_class / cross)
    ]
    rest = [(p, share * second) for p, share in y_share.items()]
    return found + [_scaled(graph, (NONE, p), Fraction(0), weight) for p, weight in rest]


def _joint(
    x_share: dict[str, Fraction], y_share: dict[str, Fraction], coupled: Fraction
) -> Iterator[tuple[Fraction, tuple[str, str], bool]]:
    """A joint law of both spreads: coupled with the given probability, else independent."""
    x_local, y_local = 1 - x_share[ALL], 1 - y_share[ALL]
    if coupled:
        for x, y in product((CLASS, NODE), repeat=2):
            yield coupled * x_share[x] / x_local * y_share[y] / y_local, (x, y), True
    if coupled < 1:
        x_rest = {p: w if p == ALL else w * (1 - coupled / x_local) for p, w in x_share.items()}
        y_rest = {p: w if p == ALL else w * (1 - coupled / y_local) for p, w in y_share.items()}
        for (x, x_weight), (y, y_weight) in product(x_rest.items(), y_rest.items()):
            yield x_weight * y_weight / (1 - coupled), (x, y), False


def _size(graph: SimilarityGraph, kind: int) -> int:
    return graph.n_d if kind else graph.n_e


def _copies(graph: SimilarityGraph, kind: int, place: str) -> int:
    """In how many ways a part can stand at its place."""
    size = _size(graph, kind)
    copies = {NONE: 1, ALL: 1, CLASS: graph.classes, NODE: graph.classes * size, INDEX: size}
    return copies[place]


def _num_columns(graph: SimilarityGraph, places: tuple[str, str], same_class: bool) -> int:
    columns = _copies(graph, EASY, places[0]) * _copies(graph, DIFFICULT, places[1])
    return columns // graph.classes if same_class else columns


def _scaled(
    graph: SimilarityGraph,
    places: tuple[str, str],
    easy_mean: Fraction,
    difficult_mean: Fraction,
    *,
    same_class: bool = False,
) -> Orbit:
    """An orbit whose parts have these squared mean heights, summed over its columns."""
    columns = _num_columns(graph, places, same_class)
    # A part on one class or node must be as many times higher there to keep its mean.
    x = easy_mean * _copies(graph, EASY, places[0]) ** 2 / columns
    y = difficult_mean * _copies(graph, DIFFICULT, places[1]) ** 2 / columns
    return _orbit(graph, places, x, y, same_class=same_class)


def _orbit(
    graph: SimilarityGraph,
    places: tuple[str, str],
    easy_squared: Fraction,
    difficult_squared: Fraction,
    *,
    same_class: bool = False,
) -> Orbit:
    columns = _num_columns(graph, places, same_class)
    return Orbit(*places, same_class, columns, easy_squared, difficult_squared)


def entries(graph: SimilarityGraph, found: tuple[Orbit, ...]) -> dict[tuple[str, str], Fraction]:
    """B Bᵀ entry by entry, exact: (relation, kinds) -> weight, relations as in ``PairKind``.

    Relations are "self", "same class", "cross class" and, of difficult nodes, "cross class,
    matched" (same index); kinds are "easy-easy", "easy-difficult" and "difficult-difficult".
    """
    weights: dict[tuple[str, str], Fraction] = {}
    for relation in ("self", "same class", "cross class", "cross class, matched"):
        for name, kind in (("easy-easy", EASY), ("difficult-difficult", DIFFICULT)):
            weights[relation, name] = sum(
                (
                    orbit.squared(kind) * orbit.columns * _hit(graph, kind, orbit, relation)
                    for orbit in found
                ),
                Fraction(0),
            )
    for relation in ("same class", "cross class"):
        weights[relation, "easy-difficult"] = sum(
            (orbit.product * orbit.columns * _hit_both(graph, orbit, relation) for orbit in found),
            Fraction(0),
        )
    del weights["cross class, matched", "easy-easy"]
    return weights


def _hit(graph: SimilarityGraph, kind: int, orbit: Orbit, relation: str) -> Fraction:
    """The share of an orbit's columns whose part covers both nodes of such a pair."""
    place = orbit.difficult if kind else orbit.easy
    covered = {
        NONE: (),
        ALL: ("self", "same class", "cross class", "cross class, matched"),
        CLASS: ("self", "same class"),
        NODE: ("self",),
        INDEX: ("self", "cross class, matched"),
    }[place]
    return Fraction(relation in covered, _copies(graph, kind, place))


def _hit_both(graph: SimilarityGraph, orbit: Orbit, relation: str) -> Fraction:
    """The share of columns that cover an easy and a difficult node in such a relation."""
    if NONE in (orbit.easy, orbit.difficult) or (orbit.same_class and relation == "cross class"):
        return Fraction(0)
    share = Fraction(
        1, _copies(graph, EASY, orbit.easy) * _copies(graph, DIFFICULT, orbit.difficult)
    )
    return share * graph.classes if orbit.same_class else share


def columns(graph: SimilarityGraph, found: tuple[Orbit, ...]) -> NDArray[np.float64]:
    """(N, m) float64 matrix B ≥ 0 with a column for each member of each orbit."""
    blocks = [_expand(graph, orbit) for orbit in found]
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((graph.num_nodes, 0))


def _expand(graph: SimilarityGraph, orbit: Orbit) -> NDArray[np.float64]:
    classes, n_d = graph.classes, graph.n_d
    easy = _part(classes, graph.n_e, orbit.easy) * sqrt(orbit.easy_squared)
    difficult = _part(classes, n_d, orbit.difficult) * sqrt(orbit.difficult_squared)
    if orbit.same_class:
        # Parts are listed class by class: pair the members of a class with each other.
        x, y = (part.reshape(part.shape[0], classes, -1) for part in (easy, difficult))
        x, y = np.repeat(x, y.shape[2], axis=2), np.tile(y, (1, 1, x.shape[2]))
        easy, difficult = x.reshape(len(x), -1), y.reshape(len(y), -1)
    else:
        easy, difficult = (
            np.repeat(easy, difficult.shape[1], axis=1),
            np.tile(difficult, (1, easy.shape[1])),
        )
    block = np.zeros((classes, graph.per_class, orbit.columns))
    block[:, n_d:] = easy.reshape(classes, graph.n_e, orbit.columns)
    block[:, :n_d] = difficult.reshape(classes, n_d, orbit.columns)
    return block.reshape(graph.num_nodes, -1)


def _part(classes: int, size: int, place: str) -> NDArray[np.float64]:
    """(classes · size, copies) indicators of all the ways in which a part can stand."""
    nodes = classes * size
    if place in (NONE, ALL):
        return np.full((nodes, 1), 1.0 if place == ALL else 0.0)
    if place == CLASS:
        return np.repeat(np.eye(classes), size, axis=0)
    return np.eye(nodes) if place == NODE else np.tile(np.eye(size), (classes, 1))
