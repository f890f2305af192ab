"""Write notebooks/NAME.ipynb from notebooks/NAME.py, or with --check fail where they differ.

The text (jupytext's percent format) is the source. A notebook holds its cells and nothing else: no
outputs, no counts of executions, and cell ids that depend on the text alone.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from pathlib import Path

import jupytext
import nbformat

from dctheory._runs import write_atomic

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
METADATA = {
    "jupytext": {"formats": "ipynb,py:percent"},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on drift")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the texts and notebooks")
    arguments = parser.parse_args()
    texts = sorted(arguments.folder.glob("*.py"))
    if not arguments.check:
        for text in texts:
            write_atomic(text.with_suffix(".ipynb"), rendered(text))
        return 0
    problems = differences(texts, sorted(arguments.folder.glob("*.ipynb")))
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{len(texts)} notebooks are what their texts say.")
    return bool(problems)


def rendered(text: Path) -> str:
    """The notebook of a text, as the .ipynb file holds it."""
    notebook = jupytext.read(text)
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        cell.metadata.clear()
        cell.id = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[cell.id] += 1
        if seen[cell.id] > 1:
            cell.id += f"-{seen[cell.id]}"
    nbformat.validate(notebook)
    return f"{nbformat.writes(notebook)}\n"


def differences(texts: list[Path], notebooks: list[Path]) -> list[str]:
    """A sentence for each text without its notebook as it should be, and the other way round."""
    found = [
        f"{text.stem}.ipynb is not what {text.name} says: run make notebooks"
        for text in texts
        if _read(text.with_suffix(".ipynb")) != rendered(text)
    ]
    return found + [
        f"{each.name} has no text beside it: jupytext --to py:percent {each.name}"
        for each in notebooks
        if not each.with_suffix(".py").exists()
    ]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
