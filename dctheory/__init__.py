"""dctheory: check the theory of difficult examples in contrastive learning.

The theory is "Difficult Examples Hurt Unsupervised Contrastive Learning" (ICLR 2026). This
package states its claims as data, decides them by proof, computation and training, and computes
its bounds for your own numbers. Names below are loaded on first use, so importing is cheap.
"""

from __future__ import annotations

from dctheory._lazy import lazy

# Public name -> the module that defines it.
_EXPORTS = {
    "__version__": "dctheory._version",
    "SimilarityGraph": "dctheory.graph.similarity",
    "CellGraph": "dctheory.graph.cells",
    "Spectrum": "dctheory.graph.spectrum",
    "largest_gap": "dctheory.graph.realizable",
    "estimate_similarities": "dctheory.graph.estimate",
    "SimilarityEstimate": "dctheory.graph.similarity_estimate",
    "error_bound": "dctheory.bound.haochen",
    "Bound": "dctheory.bound.haochen",
    "bounds": "dctheory.bound.table",
    "BoundsTable": "dctheory.bound.table",
    "remove_difficult": "dctheory.bound.edits",
    "margin_matrix": "dctheory.bound.edits",
    "margin_entries": "dctheory.bound.edits",
    "temperature_matrix": "dctheory.bound.edits",
    "temperature_entries": "dctheory.bound.edits",
    "margin_curve": "dctheory.bound.strength",
    "temperature_curve": "dctheory.bound.strength",
    "temperature_curves": "dctheory.bound.strength",
    "smallest_delta": "dctheory.bound.delta",
    "probe_error": "dctheory.bound.probe",
    "compare_ranking": "dctheory.bound.ranking",
    "sweep_eigenvalue": "dctheory.bound.sweep",
    "phase_diagram": "dctheory.bound.phase",
    "PhaseDiagram": "dctheory.bound.phase",
    "TrainConfig": "dctheory.train.config",
    "run_training": "dctheory.train.trainer",
    "run_experiment": "dctheory.experiment._run",
    "load_result": "dctheory.experiment.result",
    "ExperimentResult": "dctheory.experiment.result",
    "Diagnosis": "dctheory.diagnose.diagnosis",
    "verify": "dctheory.claims.registry",
    "recheck": "dctheory.claims.registry",
    "Report": "dctheory.proof.report",
    "Verdict": "dctheory.proof.verdict",
    "Outcome": "dctheory.proof.verdict",
}
_SUBPACKAGES = (
    "bound",
    "claims",
    "contrast",
    "data",
    "diagnose",
    "experiment",
    "formulas",
    "graph",
    "plot",
    "proof",
    "train",
)

__all__ = [*_EXPORTS, *_SUBPACKAGES]
__getattr__, __dir__ = lazy(__name__, _EXPORTS, _SUBPACKAGES)
