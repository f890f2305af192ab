"""Several devices and processes give the loss, the selection and the parameters of one device."""

import json
import os
import socket
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from dctheory.train.devices import initialize_processes, make_mesh

_HEADER = """
import dataclasses, json, sys
import jax, numpy as np
from dctheory.contrast import select_pairs
from dctheory.train.config import (
    EvaluationConfig, ModelConfig, ObjectiveConfig, TrainConfig,
)
from dctheory.train.data_config import SphereData
from dctheory.train.group import make_groups

BASE = TrainConfig(
    data=SphereData(classes=3, per_class=16, difficult=4, dimension=8, seed=0),
    model=ModelConfig(kind="mlp", features=4, width=8, depth=1, projector=3),
    objective=ObjectiveConfig(method="removal", pos_high=20.0),
    epochs=1, batch_size=16,
)
QUEUE = dataclasses.replace(BASE, objective=ObjectiveConfig(method="margin", sigma=0.1, queue=32))
SPECTRAL = dataclasses.replace(
    BASE, objective=ObjectiveConfig(loss="spectral", method="temperature", rho=0.8)
)

def trained(configs, devices=None):
    (group, _), = make_groups(configs, devices, mapped=True)
    program, losses = group.program, []
    state, order = program.init(group.hyper), program.order(group.hyper, np.int32(0))
    for _ in range(program.total_steps):
        state, loss = group.advance(state, order)
        losses.append(np.asarray(loss).tolist())
    params = jax.device_get(state["params"])
    return {"losses": losses, "params": [p.tolist() for p in jax.tree.leaves(params)]}
"""


def run(body, *arguments, devices=1):
    flags = f"--xla_force_host_platform_device_count={devices}"
    return subprocess.Popen(
        [sys.executable, "-c", _HEADER + textwrap.dedent(body), *arguments],
        env=os.environ | {"XLA_FLAGS": flags},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process):
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


def assert_close(first, second):
    np.testing.assert_allclose(first["losses"], second["losses"], rtol=1e-5)
    for a, b in zip(first["params"], second["params"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module")
def base():
    """On one device and on eight, and what eight say of a batch that does not divide."""
    return answer(
        run(
            """
            found = {"one": trained([BASE], 1), "eight": trained([BASE], 8)}
            try:
                trained([dataclasses.replace(BASE, batch_size=12)])
            except ValueError as error:
                found["error"] = str(error)
            print(json.dumps(found))
            """,
            devices=8,
        )
    )


def test_eight_devices(base):
    assert_close(base["one"], base["eight"])
    assert "a batch of 12 does not divide among 8 devices" in base["error"]


@pytest.mark.slow
def test_eight_devices_with_a_queue_the_spectral_loss_and_several_runs():
    found = answer(
        run(
            """
            seeds = [dataclasses.replace(BASE, seed=seed) for seed in range(4)]
            kinds = {"queue": [QUEUE], "spectral": [SPECTRAL], "members": seeds}
            found = {
                name: [trained(runs, count) for count in (1, 8)] for name, runs in kinds.items()
            }
            print(json.dumps(found))
            """,
            devices=8,
        )
    )
    for one, eight in found.values():
        assert_close(one, eight)


def two_processes(body, *arguments):
    """The answers of two processes that run the body as one."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    join = """
    from dctheory.train.devices import initialize_processes
    initialize_processes(sys.argv[1], 2, int(sys.argv[2]))
    """
    body = textwrap.dedent(join) + textwrap.dedent(body)
    processes = [run(body, address, str(number), *arguments) for number in range(2)]
    return [answer(process) for process in processes]


def test_two_processes(base, tmp_path):
    found = two_processes(
        """
        from dctheory.train.devices import fetch, from_first_process, in_any_process, place
        from dctheory.train.devices import make_mesh
        from dctheory.train.trainer import run_training

        found = trained([BASE])
        found["count"] = jax.device_count()
        own = np.array(jax.process_index())
        found["first"] = int(from_first_process(own))
        found["any"] = in_any_process(np.array([own == 1, own == 2])).tolist()
        spread = place(np.arange(4), make_mesh(None, 4), split=True)
        found["fetched"] = fetch({"spread": spread})["spread"].tolist()
        try:
            run_training(BASE, out=sys.argv[3], resume=True)
        except ValueError as error:
            found["error"] = str(error)
        print(json.dumps(found))
        """,
        str(tmp_path),
    )
    for each in found:
        assert_close(each, base["one"])
        assert (each["count"], each["first"]) == (2, 0)
        assert each["any"] == [True, False]
        assert each["fetched"] == [0, 1, 2, 3]
    # None waits for the other one, whose folder it is.
    assert "there is no run of 'train' to resume" in found[0]["error"]
    assert found[1]["error"] == "process 0 cannot start, and says why"


@pytest.mark.slow
def test_seeds_of_two_processes_are_stopped_and_resumed(tmp_path):
    body = """
    from dctheory.train.outcome import Stopped
    from dctheory.train.trainer import run_training

    config = dataclasses.replace(BASE, evaluation=EvaluationConfig(neighbours=3))
    out = sys.argv[-1]
    if len(sys.argv) > 2:
        try:
            run_training(config, seeds=2, out=out, until=2)
        except Stopped as stop:
            assert stop.step == 2
    results = run_training(config, seeds=2, out=out, resume=len(sys.argv) > 2)
    params = [np.asarray(p).tolist() for each in results for p in jax.tree.leaves(each.params)]
    losses = [record["loss"] for each in results for record in each.history if "loss" in record]
    print(json.dumps({"losses": losses, "params": params}))
    """
    found = two_processes(body, str(tmp_path / "two"))
    alone = answer(run(body, str(tmp_path / "one")))
    for each in found:
        assert_close(each, alone)


@pytest.mark.parametrize("members", [0, 3])
def test_devices_that_are_not_there(members):
    with pytest.raises(ValueError, match="64 devices were asked for, but JAX has"):
        make_mesh(64, 64, members)
    with pytest.raises(ValueError, match="devices must be at least 1"):
        make_mesh(0, 64, members)


@pytest.mark.parametrize("coordinator", ["", "host", "host:", ":1", "host:port"])
def test_an_address_without_a_port_is_refused(coordinator):
    with pytest.raises(ValueError, match="HOST:PORT"):
        initialize_processes(coordinator, 2, 0)
