"""Methods beside the baseline: the paper's Tables 1 to 6, and the baseline itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dctheory.experiment._base import Analysis
from dctheory.experiment.cifar.methods import BASELINE, Method, compared
from dctheory.experiment.cifar.presets import presets
from dctheory.experiment.cifar.published import ACCURACY, RECIPE, RECIPE_EPOCHS
from dctheory.experiment.cifar.settings import CifarSettings
from dctheory.experiment.cifar.study import Contrast, Study
from dctheory.experiment.cifar.tables import Runs
from dctheory.experiment.result import compare
from dctheory.experiment.statistics import mean_interval

_REMEDIES = ("removal", "margin", "temperature", "combined")
_SELECTING = ("removal", "margin", "temperature")
_TOLERANCE = 0.5


def _named(*names: str) -> Callable[[CifarSettings], Sequence[Method]]:
    return lambda settings: compared(settings, (BASELINE, *names))


def _claims(*contrasts: Contrast) -> Callable[[CifarSettings], Sequence[Contrast]]:
    return lambda settings: contrasts


def _above_baseline(names: Sequence[str]) -> tuple[Contrast, ...]:
    return tuple(Contrast(name) for name in names)


# --- The baseline, at τ = 0.5 untuned, beside public numbers


def _reference(settings: CifarSettings, runs: Runs) -> Analysis:
    reached = {
        "probe": mean_interval(runs.accuracies(BASELINE)),
        "k-NN": mean_interval(runs.values(BASELINE, "knn_accuracy")),
    }
    paper = ACCURACY[settings.dataset][BASELINE]
    findings = [f"The paper's SimCLR has {paper} % on {settings.dataset}."]
    if settings.dataset != "cifar10" or settings.epochs < RECIPE_EPOCHS:
        findings.append(
            f"The public recipe's numbers are of CIFAR-10 after {RECIPE_EPOCHS} epochs: this run "
            "is not held against them."
        )
        return Analysis(findings=findings)
    source = f"a public recipe after {RECIPE_EPOCHS} epochs, within {_TOLERANCE} points"
    comparisons = [
        compare(
            *(f"{name} accuracy, %", RECIPE[name], mean.value or 0.0, _TOLERANCE, source),
            relation="≥",
            interval=mean.interval,
        )
        for name, mean in reached.items()
    ]
    return Analysis(comparisons=comparisons, findings=findings)


BASELINE_ALONE = Study(
    methods=lambda settings: [Method(BASELINE)], searched=False, published=True, extra=_reference
).experiment(
    name="cifar-baseline",
    title="SimCLR on CIFAR with the recipe that everything else is compared with",
    question="Does the base recipe reach what public recipes and the paper report?",
    presets=presets(gpu={"seeds": 1, "epochs": 100}),
    seconds={"cpu": 30.0},
)

# --- Tables 1 to 4

REMOVAL = Study(
    methods=_named("removal"), contrasts=_claims(Contrast("removal")), published=True
).experiment(
    name="cifar-removal",
    title="Table 1: removing difficult pairs",
    question="Does SimCLR gain on CIFAR when difficult negative pairs leave the loss?",
    claims=("cor-4.1", "cor-4.1-condition"),
    presets=presets(),
    seconds={"cpu": 60.0},
)

MARGIN = Study(
    methods=_named("margin-all", "margin"),
    contrasts=_claims(Contrast("margin"), Contrast("margin", "margin-all")),
    published=True,
).experiment(
    name="cifar-margin",
    title="Table 2: margins on difficult pairs",
    question="Does a margin on difficult pairs gain, and does it on all negative pairs?",
    claims=("thm-4.3",),
    presets=presets(),
    seconds={"cpu": 90.0},
)

TEMPERATURE = Study(
    methods=_named("temperature-all", "temperature"),
    contrasts=_claims(Contrast("temperature"), Contrast("temperature", "temperature-all")),
    published=True,
).experiment(
    name="cifar-temperature",
    title="Table 3: temperatures of difficult pairs",
    question="Does a lower temperature of difficult pairs gain, and does it of all of them?",
    claims=("thm-4.5",),
    presets=presets(),
    seconds={"cpu": 90.0},
)

COMBINED = Study(
    methods=_named(*_REMEDIES, "debiased", "hcl"),
    contrasts=_claims(
        *_above_baseline(_REMEDIES),
        *(Contrast("combined", other) for other in ("margin", "temperature", "debiased", "hcl")),
    ),
    published=True,
).experiment(
    name="cifar-combined",
    title="Table 4: margin and temperature together, beside all other methods",
    question=(
        "Do the remedies gain, do margin and temperature together gain more, and how do debiased "
        "and hard-negative contrastive learning fare with the same search?"
    ),
    claims=("cor-4.1", "thm-4.3", "thm-4.5"),
    # Seven methods: with 3 seeds of 50 epochs the GPU would be busy for longer than half an hour.
    presets=presets(gpu={"epochs": 30, "search_epochs": 8}),
    seconds={"cpu": 180.0},
)

# --- Were the selection perfect

ORACLE = Study(
    methods=_named(*(f"{name}{end}" for name in _SELECTING for end in ("", "-oracle"))),
    contrasts=_claims(
        *_above_baseline([f"{name}-oracle" for name in _SELECTING]),
        *(Contrast(f"{name}-oracle", name) for name in _SELECTING),
    ),
).experiment(
    name="cifar-oracle",
    title="Labels in place of posHigh",
    question=(
        "Would the remedies gain if labels told which of the similar pairs are of two classes, and "
        "more than with Eq. 12?"
    ),
    claims=("cor-4.1", "thm-4.3", "thm-4.5"),
    presets=presets(gpu={"epochs": 30, "search_epochs": 8}),
    seconds={"cpu": 180.0},
)

# --- Tables 5 and 6


def _with_queue(settings: CifarSettings) -> list[Method]:
    methods = compared(settings, (BASELINE, *_REMEDIES))
    return [each.on(objective__queue=settings.queue) for each in methods]


MOCO = Study(methods=_with_queue, contrasts=_claims(*_above_baseline(_REMEDIES))).experiment(
    name="cifar-moco",
    title="Table 5: the remedies with MoCo v2",
    question="Do the gains hold with a momentum encoder and a queue of keys?",
    presets=presets(gpu={"epochs": 40, "search_epochs": 10}),
    seconds={"cpu": 150.0},
)


def _long_tailed(settings: CifarSettings) -> list[Method]:
    methods = compared(settings, (BASELINE, *_REMEDIES))
    return [each.on(data__imbalance=settings.imbalance) for each in methods]


LONGTAIL = Study(methods=_long_tailed, contrasts=_claims(*_above_baseline(_REMEDIES))).experiment(
    name="cifar-longtail",
    title="Table 6: the remedies on long-tailed CIFAR",
    question="Do the gains hold when class sizes fall exponentially?",
    presets=presets(gpu={"epochs": 150, "search_epochs": 40}),
    seconds={"cpu": 120.0},
)
