"""Which data a run trains on: frozen dataclasses, told apart by ``kind``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dctheory._validation import check_choice, check_integer, check_real

SHOWS = ("rows", "features")
PAIRINGS = ("both", "matched", "either")
TEST_SETS = ("validation", "test")


@dataclass(frozen=True, kw_only=True)
class GraphData:
    """Pairs drawn from the paper's graph with probability A/W; the nodes are probed.

    Args:
        classes, per_class, difficult, alpha, beta, gamma, pairing: of
            :class:`dctheory.SimilarityGraph`.
        show: nodes as "rows" of a table, or as noisy "features" that a network must generalise
            from (:func:`dctheory.data.node_features`).
        dimension, difficulty, identity, noise: of these features.
        images: natural images in a finite sample, seen through one pair each; None for the
            population.
        epsilon: noise ε of the relaxation, on the weights (negative entries become 0).
        seed: of features, sample and noise; None for the run's own.
    """

    kind: ClassVar[str] = "graph"
    classes: int = 4
    per_class: int = 16
    difficult: int = 4
    alpha: float = 0.6
    beta: float = 0.1
    gamma: float = 0.2
    pairing: str = "both"
    show: str = "rows"
    dimension: int = 64
    difficulty: float = 1.0
    identity: float = 0.5
    noise: float = 0.5
    images: int | None = None
    epsilon: float = 0.0
    seed: int | None = None

    def __post_init__(self) -> None:
        check_choice("data.show", self.show, SHOWS)
        check_choice("data.pairing", self.pairing, PAIRINGS)
        check_integer("data.dimension", self.dimension, 1)
        check_real("data.epsilon", self.epsilon, 0)
        if self.images is not None:
            check_integer("data.images", self.images, 1)
        _check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class SphereData:
    """Points of :class:`dctheory.data.SphereFamily`; a fresh sample of it is the test set.

    Args:
        classes … noise: of the family.
        keep_difficult: False trains on the easy points alone (the oracle's removal); the probe is
            fitted and tested with them in any case.
        seed: of the family and both samples; None for the run's own.
    """

    kind: ClassVar[str] = "sphere"
    classes: int = 5
    per_class: int = 100
    difficult: int = 20
    dimension: int = 32
    distance: float = 0.45
    overlap: float = 0.1
    spread: float = 0.5
    noise: float = 0.5
    keep_difficult: bool = True
    seed: int | None = None

    def __post_init__(self) -> None:
        _check_flag("data.keep_difficult", self.keep_difficult)
        _check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class DigitsData:
    """scikit-learn's digits, mixed and thinned.

    The probe is fitted to all training images as they were before, whatever is trained on.

    Args:
        mixed: share ω of the training images that :func:`dctheory.data.mix_pixels` mixes.
        keep_mixed: False trains without them.
        imbalance: of a long tail, 1 for none.
        test: what evaluations test on: "validation", or "test" for the final run.
        seed: of split, mixing and tail; None for the run's own.
    """

    kind: ClassVar[str] = "digits"
    mixed: float = 0.0
    keep_mixed: bool = True
    imbalance: float = 1.0
    test: str = "validation"
    seed: int | None = None

    def __post_init__(self) -> None:
        _check_images(self)


@dataclass(frozen=True, kw_only=True)
class Cifar10Data:
    """CIFAR-10 (:func:`dctheory.data.load_cifar10`), mixed and thinned.

    The probe is fitted to all training images as they were before, whatever is trained on.

    Args:
        data_dir: where the set is; None for ``DCTHEORY_DATA`` or a download.
        mixed, keep_mixed, imbalance: as of :class:`DigitsData`.
        subset: file with the training images to keep (:func:`dctheory.data.load_subset`).
        samples: training images, the same share of every class at random; None for all.
        probe_samples: likewise, of the images that classifiers are fitted to and tested on, each.
        held_out: share of the training images that "validation" sets apart.
        test: what evaluations test on: "validation", or "test" after training on all images.
        seed: of every choice of images; None for the run's own.
    """

    kind: ClassVar[str] = "cifar10"
    data_dir: str | None = None
    mixed: float = 0.0
    keep_mixed: bool = True
    imbalance: float = 1.0
    subset: str | None = None
    samples: int | None = None
    probe_samples: int | None = None
    held_out: float = 0.1
    test: str = "validation"
    seed: int | None = None

    def __post_init__(self) -> None:
        _check_images(self)
        for name in ("samples", "probe_samples"):
            if getattr(self, name) is not None:
                check_integer(f"data.{name}", getattr(self, name), 1)
        check_real("data.held_out", self.held_out, 0, 0.5, low_open=True)


@dataclass(frozen=True, kw_only=True)
class Cifar100Data(Cifar10Data):
    """CIFAR-100 (:func:`dctheory.data.load_cifar100`), as :class:`Cifar10Data`."""

    kind: ClassVar[str] = "cifar100"


DataConfig = GraphData | SphereData | DigitsData | Cifar10Data
DATA_KINDS: dict[str, type] = {
    each.kind: each for each in (GraphData, SphereData, DigitsData, Cifar10Data, Cifar100Data)
}


def _check_images(data: DigitsData | Cifar10Data) -> None:
    check_real("data.mixed", data.mixed, 0, 1)
    _check_flag("data.keep_mixed", data.keep_mixed)
    check_real("data.imbalance", data.imbalance, 1)
    check_choice("data.test", data.test, TEST_SETS)
    _check_seed(data.seed)


def _check_seed(seed: int | None) -> None:
    if seed is not None:
        check_integer("data.seed", seed, 0, 2**31 - 1)


def _check_flag(name: str, value: bool) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be true or false, got {value!r}")
