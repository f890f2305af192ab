"""What a run is said to cost, beside counts by hand and the compiler's own plan."""

import jax
import numpy as np
import pytest

from dctheory.train.config import (
    EvaluationConfig,
    ModelConfig,
    ObjectiveConfig,
    OptimizerConfig,
    TrainConfig,
)
from dctheory.train.cost import training_cost
from dctheory.train.data_config import DigitsData
from dctheory.train.group import make_groups

PIXELS, TRAINED = 64, 1078


def config(seed=0, batch=32, **model):
    return TrainConfig(
        data=DigitsData(),
        model=ModelConfig(**({"kind": "linear", "features": 16} | model)),
        objective=ObjectiveConfig(),
        optimizer=OptimizerConfig(kind="sgd"),
        evaluation=EvaluationConfig(),
        epochs=3,
        batch_size=batch,
        seed=seed,
    )


def test_a_linear_encoder_by_hand():
    cost = training_cost([config()])
    weights = PIXELS * 16
    # Images of 8 × 8 floats, their numbers and labels.
    assert cost.data % (4 * PIXELS + 8) == 0
    assert cost.steps == 3 * (cost.data // (4 * PIXELS + 8) // 32)
    assert cost.parameters == cost.gradients
    assert cost.parameters in (4 * weights, 4 * (weights + 16))
    # Momentum and two counters; the loss keeps z and what it is normalised by.
    assert cost.parameters <= cost.optimizer <= cost.parameters + 64
    assert cost.views == 64
    # The inputs are kept for the gradient of the weights, and the outputs for the loss.
    assert 4 * 64 * (PIXELS + 16) <= cost.activations <= 4 * 64 * (PIXELS + 8 * 16 + 2 * 64)


def test_operations_of_a_step_by_hand():
    cost = training_cost([config(kind="mlp", width=1024, depth=1, features=64)])
    # Multiplications and additions of two layers: forward, by weights, and by the second's input.
    layers = 2 * 64 * PIXELS * 1024 * (2 + 3)
    assert cost.flops == pytest.approx(layers, rel=0.1)


def test_it_grows_with_batch_and_members():
    one, wide = training_cost([config()]), training_cost([config(batch=64)])
    # Twice the rows, four times the pairs.
    assert 2 * one.activations < wide.activations < 4 * one.activations
    both = training_cost([config(0), config(1)])
    assert (both.views, both.parameters) == (2 * one.views, 2 * one.parameters)
    assert both.activations == pytest.approx(2 * one.activations, rel=0.01)
    assert training_cost([config(), config(batch=64)]) == wide


def planned(configs):
    """Bytes of the compiled step, as XLA plans them."""
    (group, _), *_ = make_groups(configs, devices=1)
    program = group.program
    state = jax.eval_shape(program.init, group.hyper)
    order = jax.eval_shape(program.order, group.hyper, np.int32(0))
    step = program.step(group.shared_data).lower(state, group.source, group.hyper, order)
    found = step.compile().memory_analysis()
    return found.argument_size_in_bytes + found.temp_size_in_bytes


@pytest.mark.slow
def test_memory_beside_the_compilers_plan(monkeypatch):
    jax.config.update("jax_disable_most_optimizations", False)
    for model in (
        {"kind": "mlp", "features": 64, "width": 256, "projector": 32},
        {"kind": "convnet", "features": 64, "width": 16, "depth": 3, "projector": 32},
    ):
        run = config(batch=256, **model)
        assert training_cost([run]).memory == pytest.approx(planned([run]), rel=0.5), model
