"""Figures of experiments, from published results and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from _registry import RESULTS, Drawing, figure

from dctheory._table import Table
from dctheory.experiment._publish import read_published
from dctheory.experiment.result import ExperimentResult
from dctheory.experiment.statistics import mean_interval
from dctheory.plot import methods, training

# Presets that decide something about CIFAR, the largest first; for other experiments cpu does too.
DECISIVE = ("paper", "gpu")


def published_file(name: str, presets: Iterable[str] = (*DECISIVE, "cpu"), suffix: str = "") -> str:
    """The published file of the largest preset; of the smallest, where none is there."""
    files = [f"{name}-{preset}{suffix}.json" for preset in presets]
    return next((file for file in files if (RESULTS / file).is_file()), files[-1])


def _decisive(name: str, suffix: str = "") -> str:
    return published_file(name, DECISIVE, suffix)


def _result(file: str) -> ExperimentResult:
    found: ExperimentResult = read_published(RESULTS / file)["result"]
    return found


def _tables(result: ExperimentResult, *names: str) -> dict[str, Table]:
    """Of those names, with the experiment's name before them."""
    return {f"{result.name}: {name}": result.tables[name] for name in names}


def _origin(*files: str) -> str:
    """Which commands gave the numbers, on what, and how long they took."""
    parts = []
    for file in files:
        found = read_published(RESULTS / file)
        seeds = len(found["result"].seeds)
        parts.append(
            f"`{found['command']}` ({seeds} seeds, {found['seconds']:.0f} s, {found['device']})"
        )
    return f"From {'; '.join(parts)}."


def _agreeing(results: Iterable[ExperimentResult]) -> str:
    comparisons = [each for result in results for each in result.comparisons]
    agree, disagree = (sum(each.agrees is word for each in comparisons) for word in (True, False))
    undecided = len(comparisons) - agree - disagree
    return (
        f"{agree} of {len(comparisons)} comparisons agree, {disagree} do not, each with a "
        f"statement of the paper, and {undecided} is not decided"
    )


# --- The spectral loss

SPECTRAL, MARGIN, TEMPERATURE = (
    published_file(name)
    for name in ("spectral-recovery", "margin-recovers-clean", "temperature-weighted")
)


@figure("training-recovery", needs=(SPECTRAL, MARGIN, TEMPERATURE))
def recovery() -> Drawing:
    """Solutions beside predictions."""
    spectral, margin, temperature = (_result(file) for file in (SPECTRAL, MARGIN, TEMPERATURE))
    tables = {
        **_tables(spectral, "recovery"),
        **_tables(margin, "margins"),
        **_tables(temperature, "temperatures"),
    }
    excess = [row["excess"] / row["by noise"] for table in tables.values() for row in table.rows]
    scaled = [r["from clean"] for r in margin.tables["margins"].rows if r["margin"] == "margin × W"]
    reached = max(value for value in scaled if value is not None)
    return Drawing(
        training.recovery(*tables.values()),
        tables,
        "Stochastic training of the spectral loss ends where the theory says, and not always where "
        "the paper says. (a) The loss exceeds the predicted minimum by "
        f"{min(excess):.2f} to {max(excess):.2f} times what gradient noise predicts. (b) The exact "
        "eigenvalue (lines), the one that the losses at k and k + 1 features give (marks), and "
        "Theorem 3.4's value, which no reading has. (c) The margin of Theorem 4.3, times the sum W "
        f"of all weights, gives the clean graph's solution (distance at most {reached:.2f}, by "
        "gradient noise); as printed it does not. (d) With temperatures training ends at the "
        "weighted minimiser, not at the eigenvectors that Theorem 4.5 assumes. "
        f"{_agreeing((spectral, margin, temperature))}. "
        f"{_origin(SPECTRAL, MARGIN, TEMPERATURE)}",
    )


# --- Difficult examples

DIAL = published_file("difficulty-dial")
TRANSFER = published_file("infonce-transfer")
BATCHES = published_file("batch-size")


NOISY_ARMS = ("with difficult", "margin", "temperature")


def _above_clean(noise: Table, arm: str) -> tuple[float, float]:
    """Lowest and highest error of an arm less that without difficult examples."""
    most = max(row["m"] for row in noise.rows)
    levels = [row for row in noise.rows if row["m"] == most]
    clean = {row["ε"]: row["error"] for row in levels if row["arm"] == "without difficult"}
    found = [row["error"] - clean[row["ε"]] for row in levels if row["arm"] == arm]
    return min(found), max(found)


@figure("difficulty-dial", needs=(DIAL,))
def dial() -> Drawing:
    """Errors and bounds along the dial, and under noise."""
    result = _result(DIAL)
    tables = _tables(result, "errors", "noise")
    easy = [each for each in result.comparisons if "less without difficult, easy" in each.name]
    words = Counter(each.measured for each in easy)
    counts = ", ".join(f"{word} at {number}" for word, number in words.items())
    above = {arm: _above_clean(result.tables["noise"], arm) for arm in NOISY_ARMS}
    ranges = "; ".join(f"{arm}: {low:+.2f} to {high:+.2f}" for arm, (low, high) in above.items())
    bounds = [row["model bound"] for row in result.tables["errors"].rows]
    lowest = min(value for value in bounds if value is not None)
    return Drawing(
        training.dial(*tables.values()),
        tables,
        "Do difficult examples hurt? (a) On points of a sphere, error on the easy test points; "
        f"with difficult examples in training, beside without, it is {counts} of {len(easy)} "
        "settings. "
        "Dotted: the difficult points themselves. (b) The bounds rise all the same, and are at "
        f"least {lowest:.2f}. (c) In a graph with noise, with 95 % intervals; error less that "
        f"without difficult examples, over the levels of noise: {ranges} (margin and temperature "
        "on all pairs, as in the theorems). "
        f"{_origin(DIAL)}",
    )


@figure("infonce-transfer", needs=(TRANSFER,))
def transfer() -> Drawing:
    """Spectral loss and InfoNCE."""
    result = _result(TRANSFER)
    return Drawing(
        training.transfer(result.tables["errors"]),
        _tables(result, "errors", "effects"),
        "What holds for the spectral loss need not hold for InfoNCE: errors of the linear probe "
        f"with 95 % intervals. {result.findings[0]} {_origin(TRANSFER)}",
    )


@figure("batch-size", needs=(BATCHES,))
def batches() -> Drawing:
    """Errors and selections over the batch."""
    result = _result(BATCHES)
    tables = _tables(result, "errors", "selection")
    return Drawing(
        training.batch_size(*tables.values()),
        tables,
        "What the batch size changes. (a), (b) Error of the linear probe, as many samples seen; "
        "shaded: 95 % intervals. (c) Cross-class pairs among those that Eq. 12 selects in batches "
        "of a size (spectral loss, mean over encoders trained with each size), beside a random "
        f"choice and a perfect ranking. {_origin(BATCHES)}",
    )


# --- The paper's claims on images

DIGITS, SELECTION = published_file("digits"), published_file("selection-quality")
COMBINED, MIXED, WATCHED = (_decisive(f"cifar-{n}") for n in ("combined", "mixed", "selection"))


@figure("digits-methods", needs=(DIGITS,))
def digits_methods() -> Drawing:
    """Methods beside the baseline, on digits."""
    result = _result(DIGITS)
    verdicts = Counter(each.verdict for each in result.verdicts if "ω" not in each.claim)
    counts = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.items())
    return Drawing(
        methods.differences({"Digits": result.tables["accuracy"]}),
        _tables(result, "accuracy"),
        "Accuracy of the linear probe less the baseline's, digits, paired by seed, with 95 % "
        f"intervals. Hollow: on all pairs. Verdicts on the paper's claims about them: {counts}. "
        f"{_origin(DIGITS)}",
    )


TABLE_10 = ("accuracy", "α", "β", "γ", "γ − β", "λ")


def _with_intervals(table: Table, runs: Table) -> Table:
    """Table 10 of digits with the 95 % intervals over the seeds."""
    rows = []
    for row in table.rows:
        arm = f"mixed-{row['ω, %']:g}" if row["ω, %"] else "baseline"
        own = [each for each in runs.rows if each["arm"] == arm]
        values = {name: [100 * each[name] for each in own] for name in TABLE_10[:4]}
        values["γ − β"] = [g - b for g, b in zip(values["γ"], values["β"], strict=True)]
        values["λ"] = [each["printed λ"] for each in own]
        for name, found in values.items():
            ends = mean_interval(found).interval or (None, None)
            row = row | {f"{name} {end}": at for end, at in zip(("from", "to"), ends, strict=True)}
        rows.append(row)
    return Table(tuple(rows[0]), rows, table.title, table.notes)


def _column(table: Table, name: str) -> list[float]:
    return [row[name] for row in table.rows]


def _moves(values: Sequence[float]) -> str:
    """How values go, in words."""
    words = {1: "rises", 0: "stays", -1: "falls"}
    steps = [words[(after > before) - (after < before)] for before, after in pairwise(values)]
    return ", then ".join(word for word, _ in groupby(steps))


@figure("digits-table-10", needs=(DIGITS,))
def digits_mixed() -> Drawing:
    """Table 10 on digits."""
    result = _result(DIGITS)
    table = _with_intervals(result.tables["table-10"], result.tables["runs"])
    verdicts = ", ".join(
        f"{each.claim} {each.verdict}" for each in result.verdicts if each.claim.endswith("with ω")
    )
    moves = "; ".join(
        f"{name} {_moves(_column(table, name))} (paper: {_moves(_column(table, paper))})"
        for name, paper in ((each, f"{each}, published") for each in TABLE_10)
    )
    return Drawing(
        methods.table_10({"digits": table}),
        {"digits: table-10": table},
        "Table 10 on digits, beside the paper's numbers for CIFAR-10: a share ω of the images is "
        f"mixed. Means over the seeds with 95 % intervals: {moves}. Paired by seed, "
        f"which leaves out how seeds differ: {verdicts}. {_origin(DIGITS)}",
    )


@figure("selection-quality", needs=(SELECTION,))
def selection() -> Drawing:
    """What Eq. 12 selects, on digits."""
    result = _result(SELECTION)
    table = result.tables["training"]
    return Drawing(
        methods.selection(table),
        _tables(result, "training"),
        "Share of cross-class pairs among those that Eq. 12 selects on digits (posLow = 100, "
        "baseline), with 95 % intervals. Dashes at the end: what no encoder could exceed. "
        f"{result.findings[0]} {_origin(SELECTION)}",
    )


@figure("cifar-methods", needs=(COMBINED,))
def cifar_methods() -> Drawing:
    """Methods beside the baseline, on CIFAR."""
    second = _decisive("cifar-combined", "-cifar100")
    files = {"CIFAR-10": COMBINED, "CIFAR-100": second}
    files = {title: file for title, file in files.items() if (RESULTS / file).is_file()}
    found = {title: _result(file).tables["accuracy"] for title, file in files.items()}
    return Drawing(
        methods.differences(found),
        {f"{title}: accuracy": table for title, table in found.items()},
        "Accuracy of the linear probe less the baseline's, paired by seed, with 95 % intervals; "
        f"crosses: the paper's. {_origin(*files.values())}",
    )


@figure("cifar-table-10", needs=(MIXED,))
def cifar_mixed() -> Drawing:
    """Table 10 on CIFAR."""
    result = _result(MIXED)
    return Drawing(
        methods.table_10({"ours, CIFAR-10": result.tables["table-10"]}),
        _tables(result, "table-10"),
        f"Table 10 on CIFAR-10 beside the paper's numbers. {_origin(MIXED)}",
    )


@figure("cifar-selection", needs=(WATCHED,))
def cifar_selection() -> Drawing:
    """What Eq. 12 selects, on CIFAR."""
    result = _result(WATCHED)
    return Drawing(
        methods.watched_selection(result.tables["selection"]),
        _tables(result, "selection"),
        "Share of cross-class pairs among those that Eq. 12 selects in training on CIFAR-10, as "
        f"Figure 4c. {_origin(WATCHED)}",
    )
