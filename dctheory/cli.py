"""The command line: ``dctheory verify``, ``bounds``, ``spectrum``, ``recheck`` and more."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dctheory._arguments import UsageError, make_parser, split_names

if TYPE_CHECKING:
    from dctheory.graph.similarity import SimilarityGraph

_GRAPH = ("classes", "per_class", "difficult", "alpha", "beta", "gamma", "pairing")
# Terminal columns where there is no terminal and $COLUMNS is not set.
_WIDTH = 120


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (see ``dctheory --help``)."""
    _make_printable()
    try:
        code = _run(argv)
        sys.stdout.flush()
    except UsageError as error:
        print(f"dctheory: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # What is still in the buffer has no reader: the interpreter must not flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("dctheory: interrupted", file=sys.stderr)
        return 130
    return code


def _make_printable() -> None:
    """Print Greek letters as ``?`` rather than fail where the encoding has none."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _run(argv: Sequence[str] | None) -> int:
    arguments = make_parser().parse_args(argv)
    if arguments.command is None:
        raise UsageError(f"a command is required: {', '.join(_COMMANDS)} (see dctheory --help)")
    return _COMMANDS[arguments.command](arguments)


@contextmanager
def _input_errors() -> Iterator[None]:
    """Around code that judges the user's input: its errors become one line and exit code 2."""
    try:
        yield
    except OSError as error:
        name = f": {error.filename}" if error.filename else ""
        raise UsageError(f"{error.strerror or error}{name}") from error
    except (TypeError, ValueError, ArithmeticError, MemoryError) as error:
        raise UsageError(str(error) or type(error).__name__) from error


# --- Commands


def _verify(arguments: argparse.Namespace) -> int:
    from dctheory import _job

    claims = split_names(arguments.claims, "--claims")
    pairings = split_names(arguments.pairings, "--pairings")
    with _input_errors():
        _job.check_selection(claims, pairings)
        folder = _job.new_folder(arguments.out)
    with _job.removed_when_empty(folder):
        training = _job.progress(sys.stderr, "task") if arguments.with_training else None
        result = _job.run(claims, pairings, _job.progress(sys.stderr), training=training)
        with _input_errors():
            result.save(folder)
    if arguments.json:
        _print_json(result.to_dict() | {"folder": str(folder)})
    else:
        # Who asks for some claims wants to see their verdicts last.
        print(result.to_text(_width(), instances=claims is None))
        print("\nreport.md has what each claim says, its whole condition and remarks.")
        print(f"Results: {folder}")
    return 0


def _bounds(arguments: argparse.Namespace) -> int:
    import dctheory

    with _input_errors():
        graph = _graph(arguments)
        k = _features(arguments, graph)
        table = dctheory.bounds(
            graph, k, arguments.delta, margin=arguments.margin, temperature=arguments.temperature
        )
    _print_table(table, arguments.format, graph, k)
    return 0


def _spectrum(arguments: argparse.Namespace) -> int:
    from dctheory._table import Table

    with _input_errors():
        graph = _graph(arguments)
        spectrum = graph.spectrum()
        k = _features(arguments, graph)
        gap, mode = spectrum.gap(k), spectrum.mode(k + 1)
    modes = spectrum.table()
    notes = [
        *modes.notes,
        f"k = {k}: λ_{k + 1} = {mode.value:.12g} (mode: {mode.name})",
        f"gap λ_{k} − λ_{k + 1} = {gap:.12g}",
    ]
    table = Table(modes.columns, modes.rows, notes=notes, digits=12)
    _print_table(table, arguments.format, graph, k)
    return 0


def _recheck(arguments: argparse.Namespace) -> int:
    import dctheory

    with _input_errors():
        verdicts = [verdict for file in arguments.files for verdict in _read_verdicts(file)]
        results = [dctheory.recheck(verdict) for verdict in verdicts]
    for verdict, result in zip(verdicts, results, strict=True):
        state = "ok" if result.ok else "FAILED"
        reading = f" ({verdict['pairing']})" if verdict.get("pairing") else ""
        problems = "".join(f"; {problem}" for problem in result.problems)
        print(f"{state:6}  {result.outcome}  {result.claim}{reading}{problems}")
    failed = sum(not result.ok for result in results)
    print(f"{len(results)} rechecked, {failed} failed")
    return 1 if failed else 0


def _graph(arguments: argparse.Namespace) -> SimilarityGraph:
    import dctheory

    graph: SimilarityGraph = dctheory.SimilarityGraph(
        **{name: getattr(arguments, name) for name in _GRAPH}
    )
    return graph


def _features(arguments: argparse.Namespace, graph: SimilarityGraph) -> int:
    """k as given, else the number of classes."""
    if arguments.k is None:
        return min(graph.classes, graph.num_nodes - 1)
    return int(arguments.k)


def _read_verdicts(path: str) -> list[Any]:
    """The verdicts of a report, or the one verdict, in the JSON file at ``path``."""
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is no JSON document: {error}; give a whole report.json of dctheory verify"
        ) from error
    verdicts = data.get("verdicts", [data]) if isinstance(data, dict) else None
    if not isinstance(verdicts, list) or not verdicts:
        raise ValueError(
            f"{path} holds no verdict; give a report.json of dctheory verify or one verdict of it"
        )
    return verdicts


def _elsewhere(arguments: argparse.Namespace) -> int:
    code: int = arguments.module.run(arguments, sys.stdout, sys.stderr, _width())
    return code


_COMMANDS = {
    "verify": _verify,
    "bounds": _bounds,
    "spectrum": _spectrum,
    "recheck": _recheck,
    "train": _elsewhere,
    "sweep": _elsewhere,
    "experiment": _elsewhere,
    "diagnose": _elsewhere,
}


# --- Output


def _print_table(table: Any, form: str, graph: SimilarityGraph, k: int) -> None:
    if form == "json":
        from dctheory._table import plain

        described = {name: plain(getattr(graph, name)) for name in _GRAPH}
        _print_json({"graph": described, "k": k, "table": table.to_dict()})
    elif form == "text":
        print(table.to_text(_width()))
    else:
        print(getattr(table, f"to_{form}")())


def _print_json(document: Any) -> None:
    from dctheory._runs import json_text

    print(json_text(document))


def _width() -> int:
    return shutil.get_terminal_size((_WIDTH, 24)).columns
