"""What the noise prediction needs of a graph: cells, bulk families, sectors (no N × N matrix)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dctheory.graph.cells import CellGraph
    from dctheory.graph.similarity import SimilarityGraph

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """Nodes that look alike: how many there are (in all copies), and their clean degree."""

    size: int
    degree: float


@dataclass(frozen=True)
class Family:
    """``count`` directions within a cell (index ``cell``) that A multiplies by ``atom``."""

    name: str
    count: int
    atom: float
    cell: int


@dataclass(frozen=True)
class SectorMode:
    """One eigenvalue of a sector: its name, its value in Ā, its multiplicity in one copy."""

    name: str
    value: float
    dimension: int = 1


@dataclass(frozen=True, eq=False)
class Sector:
    """A symmetry sector: vectors that are constant on cells, in ``copies`` equal copies.

    Attributes:
        name: e.g. ``"trivial"`` or ``"class"``.
        matrix: (m, m) symmetric quotient of A on the unit vectors of its cells.
        cells: m indices of cells.
        copies: how often the sector occurs.
        modes: by descending eigenvalue of Ā; their dimensions sum to m.
        is_trivial: whether it contains the vector of ones (then its first mode has eigenvalue 1).
    """

    name: str
    matrix: Array
    cells: tuple[int, ...]
    copies: int
    modes: tuple[SectorMode, ...]
    is_trivial: bool = False


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """A graph reduced to what A + ε E depends on for large N.

    Every direction is in a family or in a sector: the counts and the sectors' dimensions sum to
    the number of nodes, as the cells' sizes do (ValueError otherwise).
    """

    cells: tuple[Cell, ...]
    families: tuple[Family, ...]
    sectors: tuple[Sector, ...]

    def __post_init__(self) -> None:
        directions = sum(family.count for family in self.families)
        for sector in self.sectors:
            dimension = sum(mode.dimension for mode in sector.modes)
            if np.shape(sector.matrix) != (dimension, dimension) or dimension != len(sector.cells):
                raise ValueError(
                    f"sector {sector.name!r} has {len(sector.cells)} cells, modes of dimension "
                    f"{dimension} and a matrix of shape {np.shape(sector.matrix)}; "
                    "all three must agree"
                )
            directions += sector.copies * dimension
        if directions != self.num_nodes:
            raise ValueError(
                f"families and sectors have {directions} directions, the cells "
                f"{self.num_nodes} nodes; both must be the same number"
            )

    @property
    def num_nodes(self) -> int:
        """N."""
        return sum(cell.size for cell in self.cells)


def similarity_noise_model(graph: SimilarityGraph) -> NoiseModel:
    """The paper's graph (Section 3.2) for :func:`dctheory.graph.noise.predict_noise`."""
    values = graph.parameters
    easy, hard = values["n"] - values["n_d"], values["n_d"]
    gaps = (
        1 - values["alpha"],
        values["beta"],
        values["gamma"] - values["beta"],
        values["alpha"] - values["gamma"],
        *(values["r"], easy, hard),
    )
    degrees, blocks, bulk = _forms(graph.pairing)(*gaps)
    kinds = [(kind, size) for kind, size in (("easy", easy), ("difficult", hard)) if size]
    index = {kind: position for position, (kind, _) in enumerate(kinds)}
    cells = tuple(
        Cell(graph.classes * size, float(degrees[0 if kind == "easy" else 1]))
        for kind, size in kinds
    )
    families = tuple(
        Family(name, int(count), float(atom), index[kind])
        for name, kind, atom, count in bulk
        if kind in index and count > 0
    )
    kept = [0 if kind == "easy" else 1 for kind, _ in kinds]
    return NoiseModel(cells, families, _sectors(graph, blocks, kept))


def _sectors(graph: SimilarityGraph, blocks: Any, kept: list[int]) -> tuple[Sector, ...]:
    """Both sectors, on the kinds of node that there are."""
    sectors = []
    for name, (ee, ed_squared, dd) in zip(("trivial", "class"), blocks, strict=True):
        mixed = math.sqrt(ed_squared)
        full = np.array([[ee, mixed], [mixed, dd]], dtype=np.float64)
        modes = [mode for mode in graph.spectrum().modes if mode.sector == name]
        sectors.append(
            Sector(
                name,
                full[np.ix_(kept, kept)],
                tuple(range(len(kept))),
                1 if name == "trivial" else graph.r,
                tuple(SectorMode(mode.name, mode.value) for mode in modes),
                name == "trivial",
            )
        )
    return tuple(sectors)


@cache
def _forms(pairing: str) -> Callable[..., Any]:
    """Degrees, blocks (S_ee, S_ed², S_dd) and bulk families of :mod:`dctheory.formulas`."""
    import sympy as sp

    from dctheory import formulas

    blocks = [formulas.block(pairing, sector) for sector in ("trivial", "class")]
    degrees = (blocks[0].degree_easy, blocks[0].degree_difficult)
    entries = [(block.ee, block.ed_squared, block.dd) for block in blocks]
    families = formulas.bulk(pairing)
    numbers = [(each.numerator, each.multiplicity) for each in families]
    evaluate = sp.lambdify(formulas.GAPS, (degrees, entries, numbers), "math", cse=True)

    def forms(*gaps: Any) -> Any:
        degrees, entries, numbers = evaluate(*gaps)
        bulk = [
            (each.name, each.kind, atom, count)
            for each, (atom, count) in zip(families, numbers, strict=True)
        ]
        return degrees, entries, bulk

    return forms


def cell_noise_model(graph: CellGraph) -> NoiseModel:
    """A graph of cells for :func:`dctheory.graph.noise.predict_noise`.

    Vectors that sum to zero on cell i are a family with atom σ_i − s_ii; vectors that are constant
    on cells are one sector with matrix √(m_i m_j) s_ij + δ_ij (σ_i − s_ii).
    """
    sizes = np.array([float(size) for size in graph.sizes])
    excess = graph.self_similarity - graph.similarity.diagonal()
    cells = tuple(
        Cell(size, float(degree))
        for size, degree in zip(graph.sizes, graph.cell_degrees, strict=True)
    )
    families = tuple(
        Family(f"bulk, {name}", size - 1, float(atom), index)
        for index, (name, size, atom) in enumerate(
            zip(graph.names, graph.sizes, excess, strict=True)
        )
        if size > 1
    )
    root = np.sqrt(sizes)
    modes = tuple(
        SectorMode(mode.name, mode.value, mode.multiplicity)
        for mode in graph.spectrum().modes
        if mode.sector != "bulk"
    )
    matrix = root[:, None] * graph.similarity * root + np.diag(excess)
    sector = Sector("cells", matrix, tuple(range(len(cells))), 1, modes, True)
    return NoiseModel(cells, families, (sector,))
