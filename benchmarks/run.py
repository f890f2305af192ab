"""Run every benchmark in this folder, print one table and keep it as JSON.

A benchmark is a module ``bench_*.py`` with ``run(quick: bool) -> list[dict]``; each dict has
``name``, ``unit``, ``ours``, ``peer`` (the peer's figure, or None), ``peer_name`` and ``note``.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from dctheory._runs import manifest, write_json
from dctheory._table import Table

FOLDER = Path(__file__).resolve().parent
COLUMNS = ("benchmark", "name", "ours", "unit", "peer", "peer_name", "ratio", "note")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="only these, e.g. spectrum (default: all)")
    parser.add_argument("--quick", action="store_true", help="small sizes; writes no file")
    arguments = parser.parse_args()
    found = {path.stem.removeprefix("bench_"): path for path in FOLDER.glob("bench_*.py")}
    unknown = [name for name in arguments.names if name not in found]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; there are {', '.join(sorted(found))}")
    rows = []
    for name in arguments.names or sorted(found):
        print(f"benchmarks: {name}", file=sys.stderr, flush=True)
        rows += [_row(name, result) for result in _load(found[name]).run(arguments.quick)]
    table = Table(COLUMNS, rows)
    print(table.to_text())
    if not arguments.quick and not arguments.names:
        results = FOLDER / "results"
        results.mkdir(exist_ok=True)
        document = {"manifest": manifest(), "rows": table.to_dict()["rows"]}
        write_json(results / "cpu.json", document)
    return 0


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _row(benchmark: str, result: dict) -> dict:
    """The result with the ratio peer / ours: above 1, ours is the better one."""
    ours, peer = result["ours"], result.get("peer")
    computed = {"benchmark": benchmark, "ratio": peer / ours if peer is not None else None}
    return computed | result


if __name__ == "__main__":
    sys.exit(main())
