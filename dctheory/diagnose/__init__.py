"""What the theory says of somebody's own embeddings: :class:`Diagnosis`, and its parts.

Names are loaded on first use, so that importing this package does not import scikit-learn.
"""

from __future__ import annotations

from dctheory._lazy import lazy

# Public name -> the module that defines it.
_EXPORTS = {
    "Diagnosis": "dctheory.diagnose.diagnosis",
    "read_inputs": "dctheory.diagnose._inputs",
    "load_embeddings": "dctheory.diagnose.reading",
    "load_labels": "dctheory.diagnose.reading",
    "load_difficult": "dctheory.diagnose.reading",
    "load_partners": "dctheory.diagnose.reading",
    "load_images": "dctheory.diagnose.reading",
    "similarity_distribution": "dctheory.diagnose.distribution",
    "PartialSums": "dctheory.diagnose.partial",
    "similarity_intervals": "dctheory.diagnose.intervals",
    "read_theory": "dctheory.diagnose.theory",
    "fit_levels": "dctheory.diagnose.levels",
    "measured_errors": "dctheory.diagnose.errors",
    "advise": "dctheory.diagnose.advice",
    "score_difficulty": "dctheory.diagnose.difficulty",
    "estimate_classes": "dctheory.diagnose.classes",
    "cluster": "dctheory.diagnose.classes",
    "gaussianity": "dctheory.diagnose.gaussian",
    "alignment_ceiling": "dctheory.diagnose.alignment",
    "contact_sheet": "dctheory.diagnose.thumbnails",
}

__all__ = list(_EXPORTS)
__getattr__, __dir__ = lazy(__name__, _EXPORTS)
