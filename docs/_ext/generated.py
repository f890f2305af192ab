"""Sphinx extension: parts of pages that are made from the package itself.

A line ``% generate: NAME ARGUMENT…`` in a page is replaced by what the function of that name below
returns, as Markdown. Types that a signature or a docstring names lead to where they are documented.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import claims_page
import results_page
from docutils import nodes
from markdown import escape, table
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

import dctheory
from dctheory import formulas

# What a role may lead to, where its name does not say it.
_ROLES = {"func": "function", "meth": "method", "mod": "module"}
_MARK = re.compile(r"^% generate: (\S+)(.*)$", flags=re.MULTILINE)
# Packages that export their public names themselves; those of the others are exported at the top.
PACKAGES = ("contrast", "data", "train", "experiment", "diagnose", "plot", "graph.noise")


def api(package: str, *modules: str) -> str:
    """The reference of a package: its docstring, its public names, and some of its modules."""
    lines = [f".. automodule:: dctheory.{package}", "   :no-members:", ""]
    for module in modules:
        full = f"dctheory.{package}.{module}"
        lines += [f".. rubric:: {full}", "", f".. automodule:: {full}", "   :no-members:", ""]
    if modules:
        lines += [".. rubric:: Public names", ""]
    for name in sorted(public_names(package), key=str.lower):
        lines += [f".. {_directive(name)}:: {name}", ""]
    return _rst(lines)


def module(name: str) -> str:
    """The reference of a whole module: its docstring and all that is public in it."""
    return _rst([f".. automodule:: dctheory.{name}"])


def objects(*names: str) -> str:
    """The reference of single objects, by their full names."""
    return _rst([line for name in names for line in (f".. {_directive(name)}:: {name}", "")])


def public_names(package: str) -> list[str]:
    """Full names of what a package makes public, as a user writes them."""
    full = f"dctheory.{package}"
    if package in PACKAGES:
        module = import_module(full)
        return [f"{full}.{name}" for name in module.__all__]
    return [
        f"dctheory.{name}"
        for name, module in dctheory._EXPORTS.items()
        if module == full or module.startswith(f"{full}.")
    ]


def _directive(name: str) -> str:
    owner, _, attribute = name.rpartition(".")
    found = getattr(import_module(owner), attribute)
    if inspect.isclass(found):
        return "autoclass"
    return "autofunction" if callable(found) else "autodata"


def _rst(lines: list[str]) -> str:
    return "\n".join(["```{eval-rst}", *lines, "```"])


def exports() -> str:
    """Every name at the top of the package, and the module that defines it."""
    rows = [(f"{{py:obj}}`dctheory.{name}`", f"`{where}`") for name, where in _top().items()]
    return table(("name", "defined in"), rows)


def _top() -> dict[str, str]:
    names = sorted(dctheory._EXPORTS, key=str.lower)
    return {name: dctheory._EXPORTS[name] for name in names if not name.startswith("_")}


def command(name: str = "") -> str:
    """What ``dctheory NAME --help`` prints."""
    from dctheory._arguments import make_parser

    os.environ["COLUMNS"] = "96"
    parser = make_parser()
    if name:
        parser = parser._subparsers._group_actions[0].choices[name]
    return f"```text\n{parser.format_help().rstrip()}\n```"


def printed_formulas() -> str:
    """The formulas that the paper prints."""
    rows = [
        (f"`{each.name}`", escape(each.equation), f"${each.latex}$") for each in formulas.PRINTED
    ]
    return table(("name", "source", "formula"), rows)


def methods() -> str:
    """Each method's map from cosine to logit, its slope and its push."""
    from dctheory.contrast import logit_maps

    rows = [
        (
            f"`{each.method}`",
            *(_inline(part) for part in (each.logit, each.slope, each.push)),
            escape(each.note),
        )
        for each in logit_maps()
    ]
    return table(("method", "logit ℓ(s)", "slope dℓ/ds", "push", "on hard pairs"), rows)


def _inline(part: Any) -> str:
    return f"${part.latex}$".replace(r"\tau_{plus}", r"\tau^{+}")


GENERATORS: dict[str, Callable[..., str]] = {
    "api": api,
    "module": module,
    "objects": objects,
    "exports": exports,
    "command": command,
    "printed-formulas": printed_formulas,
    "methods": methods,
    "claims": claims_page.summary,
    "claim-sections": claims_page.sections,
    "outcome-counts": claims_page.counts,
    "experiments": results_page.experiments,
    "result": results_page.result,
    "paper-tables": results_page.paper_tables,
    "figure": results_page.figure,
}


def _fill(app: Sphinx, docname: str, source: list[str]) -> None:
    def generated(match: re.Match[str]) -> str:
        return GENERATORS[match[1]](*match[2].split())

    source[0] = _MARK.sub(generated, source[0])


def _escape_bars(app: Sphinx, *context: Any) -> None:
    """A bar in a docstring is mathematics (x|y, |x|), never a substitution."""
    lines = context[-1]
    for number, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
        lines[number] = "``".join(parts)


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.TextElement
) -> nodes.Node | None:
    """A class by its bare name, or by the module that defines it, where its package shows it."""
    if node.get("refdomain") != "py":
        return None
    name = str(node["reftarget"]).rpartition(".")[2]
    domain = env.domains.python_domain
    shown = [
        (full, entry)
        for full, entry in domain.objects.items()
        if full.endswith(f".{name}") and not entry.aliased and _fits(node, entry.objtype)
    ]
    if len(shown) != 1:
        return None
    ((full, entry),) = shown
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, full)


def _fits(node: pending_xref, kind: str) -> bool:
    return _ROLES.get(node["reftype"], kind) == kind


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.connect("source-read", _fill)
    app.connect("autodoc-process-docstring", _escape_bars)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True}
