"""Dense matrices by brute force, one pair of nodes at a time."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from dctheory import SimilarityGraph

PAIRINGS = ("both", "matched", "either")


def brute_force_adjacency(graph):
    """A from the words of the definition, pair by pair."""
    n, n_d = graph.per_class, graph.difficult
    matrix = np.empty((graph.classes * n,) * 2)
    for x, y in itertools.product(range(graph.classes * n), repeat=2):
        (cx, ix), (cy, iy) = divmod(x, n), divmod(y, n)
        hard = {
            "both": ix < n_d and iy < n_d,
            "matched": ix < n_d and ix == iy,
            "either": ix < n_d or iy < n_d,
        }[graph.pairing]
        if x == y:
            matrix[x, y] = 1
        elif cx == cy:
            matrix[x, y] = graph.alpha
        else:
            matrix[x, y] = graph.gamma if hard else graph.beta
    return matrix


def normalise(matrix):
    scale = 1 / np.sqrt(matrix.sum(axis=1))
    return matrix * np.outer(scale, scale)


SIMILARITIES = [
    (Fraction(1, 2), Fraction(1, 5), Fraction(3, 10)),
    (Fraction(1, 2), Fraction(1, 5), Fraction(1, 5)),
    (Fraction(1, 2), Fraction(0), Fraction(3, 10)),
    (0.47, 0.19, 0.45),
    (1.0, 0.25, 0.75),
    (0.0, 0.0, 0.0),
]
SIZES = [(3, 4, 2), (2, 6, 5), (3, 4, 1), (3, 4, 0), (3, 3, 3), (2, 1, 1), (2, 1, 0)]


def small_graphs():
    """Every edge case of the similarities and of the sizes, for all three pairings."""
    cases = [(SIZES[0], each) for each in SIMILARITIES]
    cases += [(size, SIMILARITIES[0]) for size in SIZES[1:]]
    cases += [((2, 2, 2), SIMILARITIES[4])]
    return [
        SimilarityGraph(
            classes=c, per_class=n, difficult=d, alpha=a, beta=b, gamma=g, pairing=pairing
        )
        for pairing in PAIRINGS
        for (c, n, d), (a, b, g) in cases
    ]


@pytest.fixture(scope="session")
def dense():
    """(A, Ā) of a graph, by brute force."""

    def build(graph):
        matrix = brute_force_adjacency(graph)
        return matrix, normalise(matrix)

    return build


@pytest.fixture(params=small_graphs(), ids=lambda g: f"{g.pairing}-{g.classes}-{g.n}-{g.n_d}")
def graph(request):
    return request.param


@pytest.fixture(scope="session")
def small():
    return small_graphs()
