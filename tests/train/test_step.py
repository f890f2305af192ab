"""The step: what it computes, and that several runs in one program are the runs one by one."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dctheory.contrast import momentum_update, spectral_loss
from dctheory.data import step_key
from dctheory.train.config import ModelConfig, ObjectiveConfig, OptimizerConfig, TrainConfig
from dctheory.train.data_config import GraphData, SphereData
from dctheory.train.group import make_groups

SMALL = ModelConfig(kind="linear", features=4)
SPHERE = TrainConfig(
    data=SphereData(per_class=6, difficult=2, dimension=8, seed=0),
    model=SMALL,
    objective=ObjectiveConfig(method="margin", sigma=0.1, pos_high=20.0),
    steps=4,
    batch_size=8,
)
# Without a selection, which costs compile time.
PLAIN = dataclasses.replace(SPHERE, objective=ObjectiveConfig())
GRAPH = TrainConfig(
    data=GraphData(seed=0),
    model=ModelConfig(kind="table", features=4),
    objective=ObjectiveConfig(loss="spectral"),
    optimizer=OptimizerConfig(learning_rate=0.5, momentum=0.0, weight_decay=0.0),
    steps=3,
    batch_size=16,
)


def only_group(configs):
    ((group, places),) = make_groups(configs, mapped=True)
    assert places == list(range(len(configs)))
    return group


def advance(group, steps):
    """The state after some steps, and the losses of each."""
    program, state, order, losses = group.program, group.program.init(group.hyper), None, []
    for step in range(steps):
        if program.num_samples is not None and step % program.steps_per_epoch == 0:
            order = program.order(group.hyper, np.int32(step // program.steps_per_epoch))
        state, loss = group.advance(state, order)
        losses.append(np.asarray(loss))
    return jax.device_get(state), np.array(losses)


def test_a_step_is_gradient_descent_on_the_loss_of_sampled_pairs():
    group = only_group([GRAPH])
    table = group.program.init(group.hyper)["params"]["encoder"]["embedding"]
    state, losses = advance(group, 1)

    x, y = group.source.sampler.pairs(step_key(0, 0, 0, "pairs"), 16)
    loss, slope = jax.jit(jax.value_and_grad(lambda f: spectral_loss(f[x], f[y])))(table)
    assert losses[0] == pytest.approx(float(loss), rel=1e-6)
    found = state["params"]["encoder"]["embedding"]
    np.testing.assert_allclose(found, table - 0.5 * slope, rtol=1e-5, atol=1e-7)
    assert state["step"] == 1
    assert state["bad_step"] == -1


def test_an_edit_is_read_at_the_nodes_of_the_pairs():
    config = dataclasses.replace(GRAPH, objective=ObjectiveConfig(loss="spectral", edit="margin"))
    group = only_group([config])
    table = group.program.init(group.hyper)["params"]["encoder"]["embedding"]
    _, losses = advance(group, 1)
    x, y = group.source.sampler.pairs(step_key(0, 0, 0, "pairs"), 16)
    margins = np.asarray(group.source.edits)[np.ix_(np.asarray(x), np.asarray(y))]
    assert losses[0] == pytest.approx(
        float(spectral_loss(table[x], table[y], margin=margins)), rel=1e-5
    )


def test_members_of_a_program_are_the_runs_one_by_one():
    methods = {"baseline": {}, "margin": {"sigma": 0.1}, "removal": {}, "temperature": {"rho": 0.8}}
    configs = [
        dataclasses.replace(
            SPHERE,
            seed=seed,
            data=dataclasses.replace(SPHERE.data, seed=seed),
            objective=ObjectiveConfig(method=method, pos_high=20.0, **numbers),
            optimizer=OptimizerConfig(learning_rate=0.03 * (1 + seed)),
        )
        for seed, (method, numbers) in enumerate(methods.items())
    ]
    together, losses = advance(only_group(configs), 4)
    assert losses.shape == (4, 4)
    for index in (1, 2):
        alone, own = advance(only_group([configs[index]]), 4)
        np.testing.assert_allclose(losses[:, index], own, rtol=1e-5)
        for ours, theirs in zip(
            jax.tree.leaves(alone["params"]), jax.tree.leaves(together["params"]), strict=True
        ):
            np.testing.assert_allclose(theirs[index], ours, rtol=1e-4, atol=1e-6)


def test_data_that_is_the_same_is_kept_once():
    configs = [dataclasses.replace(PLAIN, seed=seed) for seed in range(3)]
    group = only_group(configs)
    assert group.shared_data
    assert group.source.points.shape == (30, 8)
    _, losses = advance(group, 1)
    assert len(set(losses[0].tolist())) == 3


def test_each_epoch_visits_every_sample_of_whole_batches_once():
    config = dataclasses.replace(PLAIN, batch_size=10)
    group = only_group([config])
    orders = [np.asarray(group.program.order(group.hyper, np.int32(epoch))) for epoch in range(2)]
    for order in orders:
        assert sorted(order) == list(range(30))
    assert (orders[0] != orders[1]).any()
    assert group.program.steps_per_epoch == 3


def test_queue_and_momentum_encoder():
    objective = ObjectiveConfig(queue=12, momentum=0.9, temperature=0.2)
    group = only_group([dataclasses.replace(PLAIN, objective=objective)])
    first = jax.device_get(group.program.init(group.hyper))
    np.testing.assert_allclose(np.linalg.norm(first["queue"]["z"], axis=1), 1, rtol=1e-5)
    state, _ = advance(group, 1)
    # The newest keys are at the end, the oldest have left.
    np.testing.assert_array_equal(state["queue"]["z"][:4], first["queue"]["z"][8:])
    expected = momentum_update(state["params"], first["target"]["params"], 0.9)
    jax.tree.map(
        lambda ours, theirs: np.testing.assert_allclose(ours, theirs, rtol=1e-6),
        state["target"]["params"],
        jax.device_get(expected),
    )


def test_the_first_step_with_a_loss_that_is_not_finite_is_kept():
    optimizer = OptimizerConfig(learning_rate=1e30, momentum=0.0, weight_decay=0.0)
    config = dataclasses.replace(GRAPH, optimizer=optimizer)
    state, losses = advance(only_group([config]), 3)
    assert np.isfinite(losses[0])
    first = int(np.flatnonzero(~np.isfinite(losses))[0])
    assert state["bad_step"] == first


def test_runs_of_different_shapes_are_different_programs():
    other = dataclasses.replace(SPHERE, model=dataclasses.replace(SMALL, features=9))
    smaller = dataclasses.replace(SPHERE, data=dataclasses.replace(SPHERE.data, per_class=7))
    groups = make_groups([SPHERE, other, smaller, dataclasses.replace(SPHERE, seed=5)], mapped=True)
    assert [places for _, places in groups] == [[0, 3], [1], [2]]


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(ValueError, match="batch_size 31 is larger than the 30 training samples"):
        make_groups([dataclasses.replace(SPHERE, batch_size=31)])


def test_bfloat16_computes_in_less_and_keeps_float32():
    state, losses = advance(only_group([dataclasses.replace(PLAIN, precision="bfloat16")]), 1)
    _, full = advance(only_group([PLAIN]), 1)
    assert {leaf.dtype for leaf in jax.tree.leaves(state["params"])} == {jnp.float32.dtype}
    assert losses[0] != full[0]
    assert losses[0] == pytest.approx(full[0], rel=0.05)
