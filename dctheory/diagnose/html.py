"""The report as one self-contained HTML page: no network, no script, good on a phone and in print.

Pictures are data in the page, vector graphics as images of their own, so that identifiers of one
cannot meet those of another.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

from dctheory._table import Table
from dctheory.diagnose._content import Picture, Section

# Tables with more rows than this are folded away, but printed.
_FOLDED_ROWS = 12

_PAGE_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; background: Canvas; color: CanvasText; font: 16px/1.5 system-ui, sans-serif; }
body > .diagnosis { margin: 0 auto; padding: 1rem; }
@media print {
  @page { margin: 15mm; }
  body { font-size: 10pt; }
  body > .diagnosis { max-width: none; padding: 0; }
}
"""
_STYLE = """
.diagnosis { max-width: 54rem; overflow-wrap: break-word; }
.diagnosis h1 { font-size: 1.5rem; line-height: 1.2; }
.diagnosis h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; padding-top: .5rem;
  border-top: 1px solid rgb(128 128 128 / 40%); }
.diagnosis nav { font-size: .9rem; }
.diagnosis nav a { display: inline-block; padding: .3rem .8rem .3rem 0; }
.diagnosis .scroll { overflow-x: auto; margin: .8rem 0; }
.diagnosis table { border-collapse: collapse; font-size: .85em;
  font-variant-numeric: tabular-nums; }
.diagnosis caption { text-align: left; font-weight: 600; padding: .3rem 0; }
.diagnosis th, .diagnosis td { text-align: left; vertical-align: top; padding: .25rem .6rem;
  border-bottom: 1px solid rgb(128 128 128 / 30%); overflow-wrap: normal; }
.diagnosis .scroll p { font-size: .85em; margin: .3rem 0; }
.diagnosis figure { margin: 1rem 0; }
.diagnosis img { display: block; width: 100%; max-width: 30rem; height: auto;
  background: #fff; border-radius: 4px; }
.diagnosis figcaption { font-size: .85em; margin-top: .3rem; }
.diagnosis .missing, .diagnosis footer { font-size: .9em; opacity: .8; }
@media print {
  .diagnosis nav { display: none; }
  .diagnosis .scroll { overflow: visible; }
  .diagnosis table { font-size: 8pt; }
  .diagnosis img { max-width: 11cm; }
  .diagnosis th, .diagnosis td { padding: .1rem .3rem; }
  .diagnosis figure, .diagnosis tr { break-inside: avoid; }
  .diagnosis h2 { break-after: avoid; }
  .diagnosis details::details-content { content-visibility: visible; display: block; }
}
"""


def page(title: str, lead: Sequence[str], sections: Sequence[Section], footer: str) -> str:
    """A whole document.

    Args:
        title: its heading.
        lead: sentences that stand before the sections.
        sections: in their order.
        footer: how the report came about.
    """
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(title)}</title>",
            f"<style>{_PAGE_STYLE}</style>",
            "</head>",
            "<body>",
            fragment(title, lead, sections, footer),
            "</body>",
            "</html>",
            "",
        ]
    )


def fragment(title: str, lead: Sequence[str], sections: Sequence[Section], footer: str) -> str:
    """The same for the body of another page, e.g. a notebook's, with its style."""
    links = "".join(
        f'<a href="#{html.escape(each.name)}">{html.escape(each.title)}</a>' for each in sections
    )
    return "\n".join(
        [
            '<div class="diagnosis">',
            f"<style>{_STYLE}</style>",
            f"<h1>{html.escape(title)}</h1>",
            *_paragraphs(lead),
            f'<nav aria-label="Sections">{links}</nav>',
            *(_section(each) for each in sections),
            f"<footer><p>{html.escape(footer)}</p></footer>",
            "</div>",
        ]
    )


def _section(section: Section) -> str:
    parts = [
        f'<section id="{html.escape(section.name)}">',
        f"<h2>{html.escape(section.title)}</h2>",
    ]
    if section.missing is not None:
        parts.append(f'<p class="missing">Not computed: {html.escape(section.missing)}</p>')
    parts += _paragraphs(section.sentences)
    parts += [_figure(each) for each in section.pictures]
    parts += [_table(each) for each in (*section.tables, *section.details)]
    return "\n".join([*parts, "</section>"])


def _paragraphs(sentences: Iterable[str]) -> list[str]:
    return [f"<p>{html.escape(each)}</p>" for each in sentences]


def _figure(picture: Picture) -> str:
    try:
        kind, data = picture.data()
    except (OSError, TypeError, ValueError) as error:
        # Images are read only now, and one of them may be damaged.
        return f'<p class="missing">No picture: {html.escape(str(error))}</p>'
    source = f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    caption = html.escape(picture.caption)
    return (
        f'<figure><img src="{source}" alt="{html.escape(picture.alt)}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _table(table: Table) -> str:
    content = f'<div class="scroll">{table.to_html()}</div>'
    if len(table) <= _FOLDED_ROWS:
        return content
    summary = html.escape(f"{table.title or 'Table'} ({len(table)} rows)")
    return f"<details><summary>{summary}</summary>{content}</details>"
