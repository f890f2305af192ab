"""What the command line accepts: the parser of every command, and exact numbers."""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from importlib import import_module
from typing import Any, NoReturn

from dctheory._version import __version__

_FORMATS = ("text", "markdown", "latex", "html", "json")
# Beyond this decimal exponent a number is a slip, and its exact fraction would not end.
_EXPONENT = 300

# Commands whose options stand beside what they do; importing these modules is cheap.
_ELSEWHERE = {
    "train": "dctheory.train._command",
    "sweep": "dctheory.experiment._sweep_command",
    "experiment": "dctheory.experiment._command",
    "diagnose": "dctheory.diagnose._command",
}

_EPILOG = """\
examples:
  dctheory verify                                 every claim, then the model on real input
  dctheory verify --claims thm-3.4,disc-b --pairings both
  dctheory bounds --classes 10 --per-class 5000 --difficult 400 \\
      --alpha 0.472 --beta 0.191 --gamma 0.209
  dctheory spectrum --classes 3 --per-class 4 --difficult 1 \\
      --alpha 1/2 --beta 1/8 --gamma 1/4 --pairing matched
  dctheory recheck results/verify-20260301-120000/report.json
  dctheory experiment --list
  dctheory experiment spectral-recovery
  dctheory train --set epochs=50 --set objective.method=removal --seeds 5
  dctheory sweep --over objective.temperature=0.1,0.5 --seeds 3
  dctheory diagnose embeddings.npy --labels labels.npy

exit codes: 0 done (a refuted claim is a result, not a failure), 1 a recheck or a run failed,
2 bad usage or input, 3 stopped by --max-seconds, 130 interrupted, 141 the reader of the output
went away, 143 terminated"""


class UsageError(Exception):
    """Bad usage or input: one line on stderr and exit code 2."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def make_parser() -> argparse.ArgumentParser:
    """The parser of ``dctheory``; its errors are a :class:`UsageError`."""
    parser = _Parser(
        prog="dctheory",
        description="Check the theory of difficult examples in contrastive learning "
        "(arXiv 2501.01317), and compute its bounds for your own numbers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dctheory {__version__}")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_verify(commands)
    _add_bounds(commands)
    _add_spectrum(commands)
    _add_recheck(commands)
    for name, module in _ELSEWHERE.items():
        _add_elsewhere(commands, name, module)
    return parser


def _add_elsewhere(commands: Any, name: str, where: str) -> None:
    module = import_module(where)
    parser = _add_command(commands, name, module.SUMMARY)
    module.add_arguments(parser)
    parser.set_defaults(command=name, module=module)


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
        "--with-training",
        action="store_true",
        help="also run the experiments that take a minute or less",
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
    parser.set_defaults(command="verify")


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
    parser.set_defaults(command="bounds")


def _add_spectrum(commands: Any) -> None:
    parser = _add_command(commands, "spectrum", "the exact spectrum of your own graph")
    _add_graph(parser)
    parser.set_defaults(command="spectrum")


def _add_graph(parser: argparse.ArgumentParser) -> None:
    number: dict[str, Any] = {"type": _number, "required": True, "metavar": "X"}
    integer: dict[str, Any] = {"type": _integer, "required": True, "metavar": "N"}
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
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="a report.json, or one verdict as JSON"
    )
    parser.set_defaults(command="recheck")


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


def split_names(options: list[str] | None, name: str) -> list[str] | None:
    """Repeated and comma-separated values as one list; None where none was given."""
    if options is None:
        return None
    values = [value.strip() for option in options for value in option.split(",")]
    if not all(values):
        raise UsageError(f"argument {name}: expected names between the commas")
    return values
