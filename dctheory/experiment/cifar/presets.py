"""The sizes of the experiments on CIFAR."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dctheory.experiment.cifar.settings import CifarSettings

_SMALL = CifarSettings(
    seeds=2,
    epochs=2,
    batch_size=128,
    candidates=2,
    search_epochs=1,
    model="convnet",
    width=8,
    projector=32,
    precision="float32",
    samples=1500,
    probe_samples=2000,
    similarity_samples=1000,
    neighbours=20,
    omegas=(0.0, 0.2),
    imbalance=10.0,
    queue=512,
    moments=2,
)
_SMOKE = replace(
    _SMALL,
    epochs=1,
    batch_size=8,
    width=2,
    projector=4,
    samples=40,
    probe_samples=40,
    similarity_samples=40,
    neighbours=3,
    imbalance=4.0,
    queue=16,
    moments=1,
)
# An epoch of ResNet-18 with batches of 512 takes about 1.5 s there: 3 methods with 3 candidates of
# 15 epochs and 3 seeds of 50 epochs are 585 epochs.
_GPU = CifarSettings(seeds=3, epochs=50, candidates=3, search_epochs=15, similarity_samples=5000)
_PAPER = CifarSettings(seeds=3, epochs=200, candidates=5, search_epochs=50)


def presets(**changes: dict[str, Any]) -> dict[str, CifarSettings]:
    """The four presets; ``gpu={"seeds": 2}`` changes one of them."""
    found = {"smoke": _SMOKE, "cpu": _SMALL, "gpu": _GPU, "paper": _PAPER}
    return {name: replace(each, **changes.get(name, {})) for name, each in found.items()}
