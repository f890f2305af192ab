"""What a training run is: frozen dataclasses, checked when they are made.

A run is a :class:`TrainConfig`; everything that its result depends on, besides versions and the
device, stands in it. :mod:`dctheory.train.config_file` reads and writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from dctheory._validation import check_choice, check_integer, check_real
from dctheory.train.data_config import DATA_KINDS, DataConfig, DigitsData

MODELS = ("table", "linear", "mlp", "convnet", "resnet18")
LOSSES = ("spectral", "infonce")
# The paper's methods, and those they are compared with.
REMEDIES = ("baseline", "removal", "margin", "temperature", "combined")
METHODS = (*REMEDIES, "debiased", "hcl", "dcl")
SCOPES = ("selected", "oracle", "all")
EDITS = ("none", "margin", "temperature")
NORMS = ("free", "unit", "ball")
OPTIMIZERS = ("sgd", "adamw", "lars")
SCHEDULES = ("cosine", "constant")
PRECISIONS = ("float32", "bfloat16")
SEED_LIMIT = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The encoder, whose output h a probe sees, and the projector, whose output z the loss sees.

    Args:
        kind: "table" (a free vector for each node of a graph), "linear", "mlp", "convnet" (small,
            for 8 × 8 to 32 × 32 images) or "resnet18" (3 × 3 stem, no max-pool, as for CIFAR).
        features: dimension of h, the paper's k; of "resnet18" 8 · width, and given as that.
        width, depth: hidden units (of "mlp") or channels of the first stage, and hidden layers (of
            "mlp") or stages (of "convnet").
        projector: dimension of z; 0 for z = h. One hidden layer of ``features`` units.
    """

    kind: str = "mlp"
    features: int = 64
    width: int = 256
    depth: int = 2
    projector: int = 0

    def __post_init__(self) -> None:
        check_choice("model.kind", self.kind, MODELS)
        check_integer("model.features", self.features, 1)
        check_integer("model.width", self.width, 1)
        check_integer("model.depth", self.depth, 1)
        check_integer("model.projector", self.projector, 0)
        if self.kind == "resnet18" and self.features != 8 * self.width:
            raise ValueError(
                f"model.features of resnet18 is 8 · width = {8 * self.width}, got "
                f"{self.features}; set model.features or model.width"
            )


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """The loss: which one, the method, and on which pairs.

    Args:
        loss: "spectral" (Eq. 1, and with margins and temperatures of Theorems 4.2 and 4.4) or
            "infonce".
        method: what happens to negative pairs: "baseline", "removal", "margin" (σ), "temperature"
            (ρ), "combined"; for InfoNCE also "debiased", "hcl" and "dcl".
        scope: on the pairs that Eq. 12 selects ("selected"); those above Sim_posLow that are of two
            classes ("oracle": labels in place of posHigh, of images); or all negative ones ("all").
        temperature: τ of InfoNCE.
        sigma, rho: σ and ρ.
        beta, tau_plus: β and τ⁺ of "hcl" and "debiased".
        pos_high, pos_low: percentiles of Eq. 12, on the cosines of h.
        edit: for pairs of a graph, the theorems' own remedy on every pair of nodes: "margin"
            (M̄ of Theorem 4.3), "temperature" (T of Theorem 4.5).
        edit_scale: factor of M̄, 1 being right for weights that sum to 1.
        norm, mu: rows of z "free", on the "unit" sphere, or in the "ball" of radius √μ (spectral).
        queue: keys in a MoCo queue, 0 for none.
        momentum: of the momentum encoder.
    """

    loss: str = "infonce"
    method: str = "baseline"
    scope: str = "selected"
    temperature: float = 0.5
    sigma: float = 0.0
    rho: float = 1.0
    beta: float = 0.0
    tau_plus: float = 0.0
    pos_high: float = 10.0
    pos_low: float = 100.0
    edit: str = "none"
    edit_scale: float = 1.0
    norm: str = "free"
    mu: float = 1.0
    queue: int = 0
    momentum: float = 0.99

    def __post_init__(self) -> None:
        check_choice("objective.loss", self.loss, LOSSES)
        check_choice("objective.method", self.method, METHODS)
        check_choice("objective.scope", self.scope, SCOPES)
        check_choice("objective.edit", self.edit, EDITS)
        check_choice("objective.norm", self.norm, NORMS)
        check_real("objective.temperature", self.temperature, 0, low_open=True)
        check_real("objective.sigma", self.sigma)
        check_real("objective.rho", self.rho, 0, low_open=True)
        check_real("objective.beta", self.beta, 0)
        check_real("objective.tau_plus", self.tau_plus, 0, 1)
        check_real("objective.pos_high", self.pos_high, 0, 100)
        check_real("objective.pos_low", self.pos_low, 0, 100)
        check_real("objective.edit_scale", self.edit_scale, 0)
        check_real("objective.mu", self.mu, 0, low_open=True)
        check_integer("objective.queue", self.queue, 0)
        check_real("objective.momentum", self.momentum, 0, 1)
        self._check_together()

    def _check_together(self) -> None:
        if self.pos_high >= self.pos_low:
            raise ValueError(
                f"objective.pos_high = {self.pos_high} must be below objective.pos_low = "
                f"{self.pos_low}: percentiles count from the most similar pair down"
            )
        if self.tau_plus == 1:
            raise ValueError("objective.tau_plus must be below 1; it is about 1/classes")
        if self.loss == "spectral" and self.method not in REMEDIES:
            raise ValueError(
                f"objective.method {self.method!r} is made for InfoNCE; with the spectral loss "
                f"choose one of {', '.join(REMEDIES)}"
            )
        if self.method == "removal" and self.scope == "all":
            raise ValueError(
                "objective.method 'removal' with scope 'all' leaves no negative; use 'selected'"
            )
        if self.scope == "oracle" and self.queue:
            raise ValueError(
                "objective.scope 'oracle' needs labels, which keys of a queue do not have; use "
                "objective.queue = 0"
            )
        if self.edit != "margin" and self.edit_scale != 1:
            raise ValueError(
                f"objective.edit_scale is the factor of a margin and must be 1 with edit "
                f"{self.edit!r}, got {self.edit_scale}"
            )
        if self.edit != "none" and (self.loss != "spectral" or self.method != "baseline"):
            raise ValueError(
                f"objective.edit {self.edit!r} is the theorems' remedy: it needs loss 'spectral' "
                "and method 'baseline'"
            )
        if self.edit != "none" and self.queue:
            raise ValueError(
                "objective.edit is of pairs of one batch: it needs objective.queue = 0"
            )


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """Gradient descent and its rate.

    Args:
        kind: "sgd" (with momentum), "adamw" or "lars".
        learning_rate: the largest one.
        momentum: of "sgd" and "lars".
        weight_decay: on weights of matrices and convolutions only.
        schedule: "cosine" to zero, or "constant", after the warm-up.
        warmup: share of the steps, in [0, 1), over which the rate rises from zero.
    """

    kind: str = "sgd"
    learning_rate: float = 0.03
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    warmup: float = 0.0

    def __post_init__(self) -> None:
        check_choice("optimizer.kind", self.kind, OPTIMIZERS)
        check_choice("optimizer.schedule", self.schedule, SCHEDULES)
        check_real("optimizer.learning_rate", self.learning_rate, 0, low_open=True)
        check_real("optimizer.momentum", self.momentum, 0, 1)
        check_real("optimizer.weight_decay", self.weight_decay, 0)
        check_real("optimizer.warmup", self.warmup, 0, 1)
        if self.warmup == 1 or self.momentum == 1:
            raise ValueError("optimizer.warmup and optimizer.momentum must be below 1")


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """How features are judged; always on the encoder as it is at that step.

    Args:
        every: steps between two evaluations; 0 for one at the end.
        ridge: of the logistic probe: mean cross-entropy + ridge/2 ‖B‖².
        iterations: L-BFGS steps of the probe, at most.
        neighbours: of the k-NN classifier; 0 for none.
        knn_temperature: votes have the weight exp(cosine / temperature).
    """

    every: int = 0
    ridge: float = 1e-4
    iterations: int = 200
    neighbours: int = 20
    knn_temperature: float = 0.1

    def __post_init__(self) -> None:
        check_integer("evaluation.every", self.every, 0)
        check_real("evaluation.ridge", self.ridge, 0)
        check_integer("evaluation.iterations", self.iterations, 1)
        check_integer("evaluation.neighbours", self.neighbours, 0)
        check_real("evaluation.knn_temperature", self.knn_temperature, 0, low_open=True)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One training run.

    Args:
        data: one of the classes of :mod:`dctheory.train.data_config`.
        model, objective, optimizer, evaluation: see there.
        steps: gradient steps; or
        epochs: passes over the samples (data without samples has none). Exactly one is given.
        batch_size: samples (pairs of views) in a step; the last incomplete batch of an epoch is
            left out.
        seed: of initialisation, data order, augmentation, and of data that has no seed of its own.
        precision: of the network's computations; parameters, loss and selection are float32.
        log_every: steps between two records of the log.
        checkpoint_every: steps between two checkpoints; 0 for one at the end.
    """

    data: DataConfig = field(default_factory=DigitsData)
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    steps: int | None = None
    epochs: int | None = None
    batch_size: int = 256
    seed: int = 0
    precision: str = "float32"
    log_every: int = 50
    checkpoint_every: int = 0

    # The parts that are dataclasses of one kind; ``data`` is told by its ``kind``.
    PARTS: ClassVar[dict[str, type]] = {
        "model": ModelConfig,
        "objective": ObjectiveConfig,
        "optimizer": OptimizerConfig,
        "evaluation": EvaluationConfig,
    }

    def __post_init__(self) -> None:
        for name, kind in self.PARTS.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} must be a {kind.__name__}, got {getattr(self, name)!r}")
        if not isinstance(self.data, tuple(DATA_KINDS.values())):
            names = ", ".join(kind.__name__ for kind in DATA_KINDS.values())
            raise TypeError(f"data must be one of {names}; got {type(self.data).__name__}")
        if (self.steps is None) == (self.epochs is None):
            raise ValueError(
                f"give either steps or epochs, got steps = {self.steps}, epochs = {self.epochs}"
            )
        for name in ("steps", "epochs"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), 1, SEED_LIMIT)
        check_integer("batch_size", self.batch_size, 2)
        check_integer("seed", self.seed, 0, SEED_LIMIT)
        check_choice("precision", self.precision, PRECISIONS)
        check_integer("log_every", self.log_every, 1)
        check_integer("checkpoint_every", self.checkpoint_every, 0)
        self._check_together()

    def _check_together(self) -> None:
        shows = getattr(self.data, "show", None)
        if (self.model.kind == "table") != (shows == "rows"):
            raise ValueError(
                f"model.kind {self.model.kind!r} does not fit data {self.data.kind!r}: a table "
                "needs, and only it can use, graph data with show = 'rows'"
            )
        if self.objective.edit != "none" and self.data.kind != "graph":
            raise ValueError("objective.edit needs graph data, whose difficult pairs are known")
        if self.objective.scope == "oracle" and self.data.kind in ("graph", "sphere"):
            raise ValueError("objective.scope 'oracle' needs the labels of images; use 'selected'")
        if 0 < self.objective.queue < self.batch_size:
            raise ValueError(
                f"objective.queue = {self.objective.queue} holds no batch of {self.batch_size} "
                "keys; choose at least batch_size, or 0 for no queue"
            )
        if self.data.kind == "graph" and self.epochs is not None:
            raise ValueError("graph data is a stream of pairs without epochs; give steps")
