"""Data: pairs from a graph, points on a sphere, digits, CIFAR; subsets, mixing, augmentation.

Names are loaded on first use, so that importing this package imports neither JAX nor scikit-learn.
"""

from __future__ import annotations

from dctheory._lazy import lazy

# Public name -> the module that defines it.
_EXPORTS = {
    "PairSampler": "dctheory.data.pairs",
    "pair_sampler": "dctheory.data.pairs",
    "NodeFeatures": "dctheory.data.nodes",
    "node_features": "dctheory.data.nodes",
    "EmpiricalGraph": "dctheory.data.empirical",
    "sample_natural": "dctheory.data.empirical",
    "SphereFamily": "dctheory.data.sphere",
    "InducedSimilarities": "dctheory.data.sphere",
    "mean_resultant_length": "dctheory.data.sphere",
    "ImageSet": "dctheory.data.images",
    "ImageSplits": "dctheory.data.images",
    "stratified_split": "dctheory.data.images",
    "DigitSplits": "dctheory.data.digits",
    "DIGIT_AUGMENTATION": "dctheory.data.digits",
    "load_digits": "dctheory.data.digits",
    "CIFAR_AUGMENTATION": "dctheory.data.cifar",
    "load_cifar10": "dctheory.data.cifar",
    "load_cifar100": "dctheory.data.cifar",
    "load_image_folder": "dctheory.data.folder",
    "save_subset": "dctheory.data.subsets",
    "load_subset": "dctheory.data.subsets",
    "removed_indices": "dctheory.data.subsets",
    "Mixture": "dctheory.data.mixing",
    "mix_pixels": "dctheory.data.mixing",
    "long_tail": "dctheory.data.tails",
    "step_key": "dctheory.data.keys",
    "sample_keys": "dctheory.data.keys",
    "Augmentation": "dctheory.data.augment",
    "two_views": "dctheory.data.augment",
    "ColourJitter": "dctheory.data.colour",
    "warp": "dctheory.data.affine",
    "random_affine": "dctheory.data.affine",
    "random_resized_crop": "dctheory.data.affine",
}

__all__ = list(_EXPORTS)
__getattr__, __dir__ = lazy(__name__, _EXPORTS)
