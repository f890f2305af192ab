r"""The paper's relaxation: similarities a_ij + ε ε_ij, sampled and predicted.

The paper allows each entry its own error, ε_ij = ε_ji i.i.d. of mean 0 and variance 1 for i ≠ j,
and describes the bulk by Wigner's semicircle. :func:`predict_noise` adds what that leaves out:
modes stand outside of the bulk only below a threshold of ε, and above it noise hides them.

The prediction holds for any law with a finite fourth moment, to leading order in 1/N; a heavier
tail adds outliers of its own (Soshnikov 2004; Auffinger, Ben Arous and Péché 2009).
"""

from dctheory.graph.noise.model import NoiseModel, cell_noise_model, similarity_noise_model
from dctheory.graph.noise.prediction import predict_noise
from dctheory.graph.noise.sampling import sample_noisy
from dctheory.graph.noise.spectra import NoisePrediction, NoisySpectrum, Outlier

__all__ = [
    "NoiseModel",
    "NoisePrediction",
    "NoisySpectrum",
    "Outlier",
    "cell_noise_model",
    "predict_noise",
    "sample_noisy",
    "similarity_noise_model",
]
