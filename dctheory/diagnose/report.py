"""A diagnosis as text, as JSON, and as an HTML page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dctheory._table import plain
from dctheory._text import wrap
from dctheory.diagnose._numbers import alpha_of, reading_of
from dctheory.diagnose._parts import PARTS
from dctheory.diagnose.html import fragment, page
from dctheory.diagnose.sections import Section, lead, sections
from dctheory.graph.similarity_estimate import SimilarityEstimate

if TYPE_CHECKING:
    from dctheory.diagnose.diagnosis import Diagnosis

# Tables of more classes than this are left out of the JSON: 1000 classes make 5 million numbers.
_MOST_CLASSES = 100


def to_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """α, β and γ of the reading ``both`` with intervals, the other readings, then every part."""
    d = diagnosis
    document = {
        "alpha": alpha_of(d),
        **reading_of(d, "both"),
        "readings": {name: reading_of(d, name) for name in d.readings_ if name != "both"},
        "labels": d.labels_are_,
        "samples": d.n_samples_,
        "features": d.n_features_in_,
        "sampled": d.n_rows_,
        "settings": plain(d.get_params()),
        "missing": dict(d.missing_),
    }
    for name in PARTS:
        part = getattr(d, f"{name}_")
        document[name] = None if part is None else _part(part)
    return document | {"manifest": plain(d.manifest_)}


def _part(part: Any) -> Any:
    if isinstance(part, tuple):
        return [each.to_dict() for each in part]
    if isinstance(part, SimilarityEstimate) and len(part.classes) > _MOST_CLASSES:
        nothing = np.empty((0, 0))
        small = replace(part, class_table=nothing, cell_table=nothing)
        return small.to_dict() | {"class_table": None, "cell_table": None}
    return part.to_dict()


def to_text(diagnosis: Diagnosis, width: int | None = None) -> str:
    """What the terminal shows."""
    blocks = ["\n".join(_lines(each, width)) for each in lead(diagnosis)]
    for section in sections(diagnosis):
        blocks += [f"── {section.title}", *_section_text(section, width)]
    return "\n\n".join(blocks)


def _section_text(section: Section, width: int | None) -> list[str]:
    if section.missing is not None:
        return ["\n".join(_lines(f"Not computed: {section.missing}.", width))]
    sentences = ["\n".join(_lines(each, width)) for each in section.sentences]
    return [*sentences, *(table.to_text(width) for table in section.tables)]


def _lines(text: str, width: int | None) -> list[str]:
    return [text] if width is None else wrap(text, width)


def to_html(diagnosis: Diagnosis, *, whole: bool = True) -> str:
    """The page, or what stands in its body."""
    d = diagnosis
    title = f"Diagnosis of {d.n_samples_:,} × {d.n_features_in_:,} embeddings"
    record = d.manifest_
    footer = (
        f"dctheory {record['dctheory']}, {record['time']}, {record['seconds']:g} s, seed {d.seed}"
    )
    if not whole:
        return fragment(title, lead(d), sections(d), footer)
    return page(title, lead(d), sections(d), f"{footer}: {record['command']}")
