"""How training ends: with a result, on request, or because the loss is not finite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dctheory.train.config import TrainConfig
from dctheory.train.config_file import to_dict
from dctheory.train.networks import Network
from dctheory.train.protocol import extract_features


class NonFiniteLoss(ArithmeticError):
    """The loss of every run became NaN or infinite; says when, and what to do."""


class Stopped(Exception):
    """Training stopped before its last step, on request; the checkpoint holds all of it."""

    def __init__(
        self, step: int, total: int, why: str, folder: Path | None, terminated: bool = False
    ) -> None:
        self.step, self.folder, self.terminated = step, folder, terminated
        kept = "nothing was kept, since there is no run folder"
        if folder is not None:
            kept = f"continue with --resume (in Python resume=True) on {folder}"
        super().__init__(f"{why} after step {step} of {total}; {kept}")


@dataclass(frozen=True, eq=False, repr=False)
class TrainResult:
    """A trained run, or one on its way.

    Attributes:
        config: of this run.
        step: gradient steps done.
        history: the log: {"step", "loss"} and {"step", "evaluation"}.
        evaluation: of the encoder as it is at ``step`` (:func:`dctheory.train.protocol.evaluate`);
            None if the loss was not finite.
        params, stats: of the network, numpy arrays.
        network: the network.
        seconds: that training took, of the whole group that shared its program.
        diverged_at: first step, counted from 1 as in the log, whose loss (or, of the last one,
            whose encoder) was not finite; None for none.
        folder: of the run; None if nothing was kept.
    """

    config: TrainConfig
    step: int
    history: tuple[dict[str, Any], ...]
    evaluation: dict[str, Any] | None
    params: Any
    stats: Any
    network: Network
    seconds: float
    diverged_at: int | None
    folder: Path | None = None

    def features(self, inputs: Any, batch_size: int = 1024) -> np.ndarray:
        """(B, k) float32 encoder outputs h of (B, …) inputs, without augmentation."""
        return np.asarray(
            extract_features(self.network, self.params, self.stats, inputs, batch_size)
        )

    def to_dict(self) -> dict[str, Any]:
        """What ``result.json`` holds of a run."""
        return {
            "config": to_dict(self.config),
            "step": self.step,
            "evaluation": self.evaluation,
            "diverged_at": self.diverged_at,
            "seconds": round(self.seconds, 3),
        }

    def __repr__(self) -> str:
        if self.evaluation is None:
            return f"<TrainResult: diverged at step {self.diverged_at}>"
        accuracy = self.evaluation["probe_accuracy"]
        return f"<TrainResult: {self.step} steps, probe accuracy {accuracy:.4g}>"
