"""``dctheory diagnose``: its options, and what it prints and writes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TextIO

from dctheory._console import usage_errors, write
from dctheory._runs import json_text

SUMMARY = "what the theory says of your own embeddings, and what to do about difficult examples"

# Options that are parameters of the estimator, by their names there.
_PARAMETERS = "share pairing k classes pos_high pos_low by level seed".split()
# Options that name files, in the order of read_inputs.
_FILES = "labels difficult partners views images".split()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``dctheory diagnose``."""
    add = parser.add_argument
    add(
        "embeddings",
        nargs="+",
        metavar="EMBEDDINGS",
        help=".npy or .npz file, or shards: several files, a folder, or a pattern in quotes",
    )
    add("--key", metavar="NAME", help="which array of an .npz file with several embeddings are in")
    add("--labels", metavar="FILE", help="one label for each row: .npy, .npz, text or CSV")
    add("--difficult", metavar="FILE", help="0 or 1 for each row, or a subset file of indices")
    add("--partners", metavar="FILE", help="ids of matched samples, -1 for none")
    add("--views", metavar="FILE", help="embeddings of a second view of each sample")
    add("--images", metavar="FILE", help="the images, for the report: .npy, .npz or a folder")
    _add_parameters(add)
    add(
        "--out",
        default="results",
        metavar="DIR",
        help="report.html, report.json and lists of difficult samples go to a new folder in DIR "
        "(default: %(default)s)",
    )
    add("--json", action="store_true", help="one JSON document on stdout and nothing else")


def _add_parameters(add: Callable[..., object]) -> None:
    add(
        "--share",
        type=float,
        default=0.08,
        metavar="S",
        help="of each class that is difficult, without --difficult (default: %(default)s)",
    )
    add("--k", type=int, metavar="K", help="features in the bounds (default: the classes)")
    add("--classes", type=int, metavar="C", help="without labels, how many (default: estimated)")
    add(
        "--pairing",
        default="both",
        metavar="NAME",
        help="reading of a difficult pair for spectrum, bounds and advice: both, matched or "
        "either (default: %(default)s)",
    )
    for name in ("High", "Low"):
        add(
            f"--pos-{name.lower()}",
            type=float,
            metavar="P",
            help=f"percentile pos{name} for scores of difficulty (default: by the classes' sizes)",
        )
    add(
        "--by",
        default="sample",
        metavar="UNIT",
        help="intervals for other samples or other classes: sample or class (default: %(default)s)",
    )
    add("--level", type=float, default=0.95, metavar="L", help="of intervals (default: 0.95)")
    add("--seed", type=int, default=0, metavar="N", help="of all that is random (default: 0)")


def run(
    arguments: argparse.Namespace, stdout: TextIO, stderr: TextIO, width: int | None = None
) -> int:
    """Diagnose, write a folder, and print a summary or JSON; 0, or a UsageError."""
    from dctheory._job import progress, removed_when_empty
    from dctheory._runs import new_run_folder
    from dctheory.diagnose._inputs import read_inputs
    from dctheory.diagnose.diagnosis import Diagnosis
    from dctheory.diagnose.reading import load_embeddings

    errors = (OSError, TypeError, ValueError, MemoryError)
    diagnosis = Diagnosis(**{name: getattr(arguments, name) for name in _PARAMETERS})
    with usage_errors(*errors):
        # The single path may be a folder or a pattern.
        given = arguments.embeddings
        source = load_embeddings(given if len(given) > 1 else given[0], key=arguments.key)
        inputs = read_inputs(source, *(getattr(arguments, name) for name in _FILES))
        diagnosis.check(inputs)
        folder = new_run_folder(arguments.out, "diagnose")
    with removed_when_empty(folder), usage_errors(*errors):
        diagnosis.fit_inputs(inputs, progress(stderr, "part"))
        diagnosis.save(folder)
    if arguments.json:
        write(json_text(diagnosis.to_dict() | {"folder": str(folder)}), stdout)
    else:
        write(f"{diagnosis.to_text(width)}\n\nResults: {folder}", stdout)
    return 0
