"""Regenerate the figures, from closed forms and from published results of experiments.

    python figures/regenerate.py                  all of them
    python figures/regenerate.py spectrum noise   these
    python figures/regenerate.py --check --quick  compare the quick ones with what is stored

Of each figure NAME this folder holds NAME.svg and NAME.png, and ``data/NAME.json``: its caption
and the numbers behind the picture. ``captions.md`` is made from those files.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from _registry import EXACT, FIGURES, FOLDER, Drawing, Entry

from dctheory._runs import write_atomic, write_json
from dctheory._table import plain
from dctheory.plot.style import write_figure

# Where the figures are registered, in the order of the captions.
for module in ("_theory", "_training", "_diagnosis"):
    import_module(module)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    unknown = [name for name in arguments.names if name not in FIGURES]
    if unknown:
        _parser().error(f"no figure {unknown[0]!r}; there are {', '.join(FIGURES)}")
    entries = [
        entry
        for name, entry in FIGURES.items()
        if (name in arguments.names or not arguments.names) and (entry.quick or not arguments.quick)
    ]
    if arguments.list:
        for entry in entries:
            print(f"{entry.name}{_state(entry)}")
        return 0
    drawn = [entry for entry in entries if not entry.missing]
    for entry in entries:
        if entry.missing:
            print(f"{entry.name}{_state(entry)}", file=sys.stderr)
    if arguments.check:
        return _check(drawn, arguments.bytes)
    for entry in drawn:
        _write(entry, Path(arguments.out))
    _write_captions(Path(arguments.out))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these (default: all)")
    parser.add_argument("--quick", action="store_true", help="leave out those that take long")
    parser.add_argument("--list", action="store_true", help="names, and what is not measured yet")
    parser.add_argument("--check", action="store_true", help="exit code 1 where numbers differ")
    parser.add_argument("--bytes", action="store_true", help="with --check: pictures as well")
    parser.add_argument("--out", default=FOLDER, metavar="DIR", help="default: this folder")
    return parser


def _state(entry: Entry) -> str:
    missing = ", ".join(entry.missing)
    return f": still to be measured ({missing})" if missing else ""


def _write(entry: Entry, folder: Path) -> Drawing:
    start = time.perf_counter()
    drawing = entry.draw()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    write_figure(drawing.figure, folder / entry.name)
    write_json(folder / "data" / f"{entry.name}.json", _document(drawing))
    print(f"{entry.name}: {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    return drawing


def _document(drawing: Drawing) -> dict[str, Any]:
    tables = {name: table.to_dict() for name, table in drawing.tables.items()}
    document: dict[str, Any] = plain({"caption": drawing.caption, "tables": tables})
    return document


def _write_captions(folder: Path) -> None:
    """All captions, in the order of the registry, from the files beside the pictures."""
    lines = ["# Captions", "", "The numbers behind each figure are in `data/NAME.json`."]
    for name in FIGURES:
        file = folder / "data" / f"{name}.json"
        if file.is_file():
            caption = json.loads(file.read_text(encoding="utf-8"))["caption"]
            lines += ["", f"## {name}", "", f"![{name}]({name}.png)", "", caption]
    write_atomic(folder / "captions.md", "\n".join(lines) + "\n")


# --- Comparing


def _check(entries: Sequence[Entry], with_bytes: bool) -> int:
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        for entry in entries:
            drawing = _write(entry, Path(temporary))
            problems = list(_problems(entry.name, Path(temporary), drawing.tolerance, with_bytes))
            for problem in problems:
                print(f"{entry.name}: {problem}", file=sys.stderr)
            failed += bool(problems)
    print(f"{len(entries)} made anew, {failed} differ from what is stored")
    return 1 if failed else 0


def _problems(name: str, made: Path, tolerance: float, with_bytes: bool) -> Iterator[str]:
    stored = FOLDER / "data" / f"{name}.json"
    if not stored.is_file():
        yield f"{stored.name} is not stored; run figures/regenerate.py {name}"
        return
    before, now = (
        json.loads((folder / "data" / f"{name}.json").read_text(encoding="utf-8"))
        for folder in (FOLDER, made)
    )
    yield from differences(before["tables"], now["tables"], tolerance)
    # A caption rounds, so where numbers may move it may too.
    if tolerance <= EXACT and before["caption"] != now["caption"]:
        yield f"caption is {now['caption']!r}, stored is {before['caption']!r}"
    for kind in ("svg", "png") if with_bytes else ():
        if (FOLDER / f"{name}.{kind}").read_bytes() != (made / f"{name}.{kind}").read_bytes():
            yield f"{name}.{kind} has other bytes"


def differences(before: Any, now: Any, tolerance: float, where: str = "data") -> Iterator[str]:
    """Where two documents differ: numbers by more than the tolerance, anything else at all."""
    if isinstance(before, float | int) and isinstance(now, float | int):
        if not math.isclose(before, now, rel_tol=tolerance, abs_tol=tolerance):
            yield f"{where} is {now!r}, stored is {before!r}"
    elif isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() ^ now.keys()):
            yield f"{where}.{key} is only in {'the stored' if key in before else 'the new'} data"
        for key in sorted(before.keys() & now.keys()):
            yield from differences(before[key], now[key], tolerance, f"{where}.{key}")
    elif isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            yield f"{where} has {len(now)} entries, stored are {len(before)}"
        for index, (one, other) in enumerate(zip(before, now, strict=False)):
            yield from differences(one, other, tolerance, f"{where}[{index}]")
    elif before != now:
        yield f"{where} is {now!r}, stored is {before!r}"


if __name__ == "__main__":
    sys.exit(main())
