"""The command line: ``dctheory verify``, ``bounds``, ``spectrum`` and ``recheck``."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NoReturn

from dctheory._version import __version__

if TYPE_CHECKING:
    from dctheory.graph.similarity import SimilarityGraph

_FORMATS = ("text", "markdown", "latex", "html", "json")
# Terminal columns where there is no terminal and $COLUMNS is not set.
_WIDTH = 120
# Beyond this decimal exponent a number is a slip, and its exact fraction would not end.
_EXPONENT = 300

_EPILOG = """\
examples:
  dctheory verify                                 every claim, then the model on real input
  dctheory verify --claims thm-3.4,disc-b --pairings both
  dctheory bounds --classes 10 --per-class 5000 --difficult 400 \\
      --alpha 0.472 --beta 0.191 --gamma 0.209
  dctheory spectrum --classes 3 --per-class 4 --difficult 1 \\
      --alpha 1/2 --beta 1/8 --gamma 1/4 --pairing matched
  dctheory recheck results/verify-20260301-120000/report.json

exit codes: 0 done (a refuted claim is a result, not a failure), 1 a recheck failed,
2 bad usage or input, 130 interrupted, 141 the reader of the output went away"""


class UsageError(Exception):
    """Bad usage or input: one line on stderr and exit code 2."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


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
    arguments = _parser().parse_args(argv)
    return int(arguments.command(arguments))


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


# --- Arguments


def _parser() -> _Parser:
    parser = _Parser(
        prog="dctheory",
        description="Check the theory of difficult examples in contrastive learning "
        "(arXiv 2501.01317), and compute its bounds for your own numbers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dctheory {__version__}")
    parser.set_defaults(command=_no_command)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_verify(commands)
    _add_bounds(commands)
    _add_spectrum(commands)
    _add_recheck(commands)
    return parser


def _no_command(arguments: argparse.Namespace) -> NoReturn:
    raise UsageError(
        "a command is required: verify, bounds, spectrum or recheck (see dctheory --help)"
    )


def _add_command(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False
    )
    return parser


def _add_verify(commands: Any) -> None:
    parser = _add_command(
        commands, "verify", "decide the paper's claims, then use the model on real input"
    )
    parser.add_argument(
        "--claims",
        action="append",
        metavar="ID[,ID…]",
        help="only these claims, e.g. thm-3.4 (with its parts) or thm-3.4/equal; repeatable",
    )
    parser.add_argument(
        "--pairings",
        action="append",
        metavar="NAME[,NAME…]",
        help="only these readings of a difficult pair: both, matched, either; repeatable",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON document on stdout and nothing else"
    )
    parser.add_argument(
        "--out",
        default="results",
        metavar="DIR",
        help="results go to a new folder in DIR (default: %(default)s)",
    )
    parser.set_defaults(command=_verify)


def _add_bounds(commands: Any) -> None:
    parser = _add_command(
        commands, "bounds", "the error bounds of every remedy for your own numbers"
    )
    _add_graph(parser)
    parser.add_argument(
        "--delta",
        type=_number,
        help="labelling error δ in (0, 1] (default: the smallest that the graph allows)",
    )
    parser.add_argument("--margin", type=_number, metavar="S", help="also Ā − S·M̄, S in [0, 2]")
    parser.add_argument(
        "--temperature", type=_number, metavar="TAU", help="also a temperature on difficult pairs"
    )
    parser.set_defaults(command=_bounds)


def _add_spectrum(commands: Any) -> None:
    parser = _add_command(commands, "spectrum", "the exact spectrum of your own graph")
    _add_graph(parser)
    parser.set_defaults(command=_spectrum)


def _add_graph(parser: argparse.ArgumentParser) -> None:
    number = {"type": _number, "required": True, "metavar": "X"}
    integer = {"type": _integer, "required": True, "metavar": "N"}
    parser.add_argument("--classes", help="number of classes r + 1", **integer)
    parser.add_argument("--per-class", help="samples per class n", **integer)
    parser.add_argument("--difficult", help="difficult samples per class n_d", **integer)
    parser.add_argument("--alpha", help="same-class similarity, e.g. 0.472 or 1/3", **number)
    parser.add_argument("--beta", help="cross-class similarity", **number)
    parser.add_argument("--gamma", help="similarity of a difficult cross-class pair", **number)
    parser.add_argument(
        "--pairing",
        default="both",
        metavar="NAME",
        help="difficult pairs: both, matched or either (default: %(default)s)",
    )
    parser.add_argument(
        "--k", type=_integer, metavar="N", help="feature dimension (default: the classes)"
    )
    parser.add_argument(
        "--format",
        default="text",
        choices=_FORMATS,
        metavar="NAME",
        help=f"{', '.join(_FORMATS)} (default: %(default)s)",
    )


def _add_recheck(commands: Any) -> None:
    parser = _add_command(
        commands, "recheck", "check verdicts again from their JSON alone, without the search"
    )
    parser.add_argument("file", metavar="FILE", help="a report.json, or one verdict as JSON")
    parser.set_defaults(command=_recheck)


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text!r}") from None


def _number(text: str) -> Fraction:
    """An exact number from ``0.472``, ``1e-3`` or ``1/3``."""
    try:
        parts = [Decimal(part) for part in text.split("/")]
    except InvalidOperation:
        parts = []
    if len(parts) not in (1, 2) or not all(part.is_finite() for part in parts):
        raise argparse.ArgumentTypeError(
            f"must be a finite number such as 0.25 or 1/4, got {text!r}"
        )
    if any(part and abs(part.adjusted()) > _EXPONENT for part in parts):
        raise argparse.ArgumentTypeError(f"is beyond what is reasonable, got {text!r}")
    if len(parts) == 2 and not parts[1]:
        raise argparse.ArgumentTypeError(f"must not divide by zero, got {text!r}")
    value = Fraction(parts[0])
    return value / Fraction(parts[1]) if len(parts) == 2 else value


def _split(options: list[str] | None, name: str) -> list[str] | None:
    """Repeated and comma-separated values as one list; None where none was given."""
    if options is None:
        return None
    values = [value.strip() for option in options for value in option.split(",")]
    if not all(values):
        raise UsageError(f"argument {name}: expected names between the commas")
    return values


# --- Commands


def _verify(arguments: argparse.Namespace) -> int:
    from dctheory import _job

    claims = _split(arguments.claims, "--claims")
    pairings = _split(arguments.pairings, "--pairings")
    with _input_errors():
        _job.check_selection(claims, pairings)
        folder = _job.new_folder(arguments.out)
    with _job.removed_when_empty(folder):
        result = _job.run(claims, pairings, _job.progress(sys.stderr))
        with _input_errors():
            result.save(folder)
    if arguments.json:
        _print_json(result.to_dict() | {"folder": str(folder)})
    else:
        print(result.to_text(_width()))
        print(f"\nResults: {folder}")
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
        results = [dctheory.recheck(verdict) for verdict in _read_verdicts(arguments.file)]
    for result in results:
        state = "ok" if result.ok else "FAILED"
        problems = "".join(f"; {problem}" for problem in result.problems)
        print(f"{state:6}  {result.outcome}  {result.claim}{problems}")
    failed = sum(not result.ok for result in results)
    print(f"{len(results)} rechecked, {failed} failed")
    return 1 if failed else 0


def _graph(arguments: argparse.Namespace) -> SimilarityGraph:
    import dctheory

    names = ("classes", "per_class", "difficult", "alpha", "beta", "gamma", "pairing")
    graph: SimilarityGraph = dctheory.SimilarityGraph(
        **{name: getattr(arguments, name) for name in names}
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


# --- Output


def _print_table(table: Any, form: str, graph: SimilarityGraph, k: int) -> None:
    if form == "json":
        from dctheory._table import plain

        names = ("classes", "per_class", "difficult", "alpha", "beta", "gamma", "pairing")
        described = {name: plain(getattr(graph, name)) for name in names}
        _print_json({"graph": described, "k": k, "table": table.to_dict()})
    elif form == "text":
        print(table.to_text(_width()))
    else:
        print(getattr(table, f"to_{form}")())


def _print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2))


def _width() -> int:
    return shutil.get_terminal_size((_WIDTH, 24)).columns
