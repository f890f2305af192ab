"""How an encoder is judged: its frozen features by a linear probe and by k-NN."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dctheory._validation import check_integer
from dctheory.train.config import EvaluationConfig
from dctheory.train.neighbours import check_neighbours, knn_predict
from dctheory.train.networks import Network
from dctheory.train.probe import accuracy, as_labels, as_weights, fit_probe, predict


@dataclass(frozen=True, eq=False, repr=False)
class EvaluationSet:
    """What the classifiers are fitted to, and what they are tested on.

    Attributes:
        fit_inputs, test_inputs: (N, ...) and (n, ...) inputs of the network: floats, uint8 pixels
            (divided by 255), or int32 indices of nodes.
        fit_labels, test_labels: (N,) and (n,) integers 0 … classes − 1.
        classes: at least 2.
        fit_weights, test_weights: (N,) and (n,) ≥ 0, equal by default. The probe's loss and every
            accuracy is weighted; the votes of neighbours are not.

    Raises:
        TypeError, ValueError: labels or weights that do not fit the inputs; an empty part.
    """

    fit_inputs: Any
    fit_labels: Any
    test_inputs: Any
    test_labels: Any
    classes: int
    fit_weights: Any = None
    test_weights: Any = None

    def __post_init__(self) -> None:
        check_integer("classes", self.classes, 2)
        for part in ("fit", "test"):
            inputs, labels, weights = self._part(part)
            if not np.ndim(inputs) or not len(inputs):
                raise ValueError(f"{part}_inputs hold no sample; pass at least one")
            as_labels(f"{part}_labels", labels, len(inputs), self.classes)
            as_weights(f"{part}_weights", weights, len(inputs))

    @property
    def is_resubstitution(self) -> bool:
        """Whether the test samples are those that the classifiers are fitted to."""
        return np.array_equal(self.fit_inputs, self.test_inputs)

    def _part(self, part: str) -> tuple[Any, Any, Any]:
        return tuple(getattr(self, f"{part}_{name}") for name in ("inputs", "labels", "weights"))

    def __repr__(self) -> str:
        sizes = f"fit on {len(self.fit_labels)}, tested on {len(self.test_labels)}"
        return f"<EvaluationSet: {self.classes} classes, {sizes}>"


class NonFiniteFeatures(ValueError):
    """An encoder has outputs that are NaN or infinite: its training diverged."""


def evaluate(
    network: Network,
    params: Any,
    stats: Any,
    sets: EvaluationSet,
    config: EvaluationConfig,
    *,
    batch_size: int = 1024,
) -> dict[str, Any]:
    """Accuracies of the classifiers on the encoder's outputs, which stay as they are.

    Args:
        network, params, stats: the encoder.
        sets: the samples.
        config: of the classifiers.
        batch_size: inputs that the network takes at a time.

    Returns:
        ``probe_accuracy`` and ``probe_error`` on the test samples, ``fit_accuracy`` of the probe
        on those it is fitted to, ``probe_converged``, ``knn_accuracy`` (without neighbours there
        is none); and ``protocol``, the same in words.

    Raises:
        ValueError: more neighbours than samples to fit, inputs that do not suit the network.
        NonFiniteFeatures: an output of the encoder is NaN or infinite.
    """
    if config.neighbours:
        check_neighbours(config.neighbours, len(sets.fit_labels))
    fit, test = (
        extract_features(network, params, stats, inputs, batch_size)
        for inputs in (sets.fit_inputs, sets.test_inputs)
    )
    if not (jnp.isfinite(fit).all() and jnp.isfinite(test).all()):
        raise NonFiniteFeatures("the encoder has outputs that are NaN or infinite")
    return _judge(fit, test, sets, config) | {"protocol": _protocol(network, sets, config)}


def extract_features(
    network: Network,
    params: Any,
    stats: Any,
    inputs: Any,
    batch_size: int = 1024,
) -> jax.Array:
    """(N, features) outputs h of the encoder.

    Args:
        network, params, stats: the encoder.
        inputs: (N, ...) as in :class:`EvaluationSet`, N ≥ 1.
        batch_size: inputs at a time, so that memory does not grow with N but for inputs and
            features. Batch normalisation uses ``stats``: batches do not affect each other.
    """
    check_integer("batch_size", batch_size, 1)
    inputs = inputs if isinstance(inputs, jax.Array) else np.asarray(inputs)
    if inputs.ndim == 0 or not len(inputs):
        raise ValueError("inputs hold no sample; pass at least one")
    params, stats = jax.device_put((params, stats))
    size = min(batch_size, len(inputs))
    batches = []
    for start in range(0, len(inputs), size):
        # The last batch is moved back to be as large as the others: one shape, one program.
        first = min(start, len(inputs) - size)
        outputs = _encode(network, params, stats, inputs[first : first + size])
        batches.append(outputs[start - first :])
    return jnp.concatenate(batches)


@partial(jax.jit, static_argnums=0)
def _encode(network: Network, params: Any, stats: Any, batch: Any) -> jax.Array:
    if batch.dtype == jnp.uint8:
        batch = batch.astype(jnp.float32) / 255
    return network.apply(params, stats, batch, train=False)[0]


def _judge(
    fit: jax.Array, test: jax.Array, sets: EvaluationSet, config: EvaluationConfig
) -> dict[str, Any]:
    """The numbers of one encoder's features."""
    labels = jnp.asarray(sets.test_labels)
    probe = fit_probe(
        fit,
        sets.fit_labels,
        sets.classes,
        ridge=config.ridge,
        iterations=config.iterations,
        weights=sets.fit_weights,
    )
    reached = float(accuracy(predict(probe, test), labels, sets.test_weights))
    fitted = accuracy(predict(probe, fit), jnp.asarray(sets.fit_labels), sets.fit_weights)
    found = {
        "probe_accuracy": reached,
        "probe_error": 1 - reached,
        "fit_accuracy": float(fitted),
        "probe_converged": bool(probe.converged),
    }
    if config.neighbours:
        voted = knn_predict(
            fit,
            sets.fit_labels,
            test,
            sets.classes,
            neighbours=config.neighbours,
            temperature=config.knn_temperature,
        )
        found["knn_accuracy"] = float(accuracy(voted, labels, sets.test_weights))
    return found


def _protocol(network: Network, sets: EvaluationSet, config: EvaluationConfig) -> str:
    probe = f"logistic probe (L-BFGS, ridge {config.ridge:g}, standardised)"
    if config.neighbours:
        votes = f"cosine, exp(s/{config.knn_temperature:g})"
        probe += f" and {config.neighbours}-NN ({votes})"
    tested = f"tested on {len(sets.test_labels)}"
    if sets.is_resubstitution:
        tested = "tested on the same"
    weighted = sets.fit_weights is not None or sets.test_weights is not None
    return (
        f"{probe} on {network.features} frozen encoder outputs h, no augmentation, "
        f"fit on {len(sets.fit_labels)}, {tested}{', weighted' if weighted else ''}"
    )
