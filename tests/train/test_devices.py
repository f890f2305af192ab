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
from dctheory.train.config import ModelConfig, ObjectiveConfig, TrainConfig
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


def test_eight_devices():
    found = answer(
        run(
            """
            found = {}
            for name, config in (("base", BASE), ("queue", QUEUE), ("spectral", SPECTRAL)):
                found[name] = [trained([config], count) for count in (1, 8)]
            seeds = [dataclasses.replace(BASE, seed=seed) for seed in range(4)]
            found["members"] = [trained(seeds, count) for count in (1, 8)]
            try:
                trained([dataclasses.replace(BASE, batch_size=12)])
            except ValueError as error:
                found["error"] = str(error)
            print(json.dumps(found))
            """,
            devices=8,
        )
    )
    assert "a batch of 12 does not divide among 8 devices" in found.pop("error")
    for one, eight in found.values():
        assert_close(one, eight)


def test_two_processes():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    body = """
    from dctheory.train.devices import from_first_process, initialize_processes
    if len(sys.argv) > 1:
        initialize_processes(sys.argv[1], 2, int(sys.argv[2]))
    found = trained([BASE])
    found["count"] = jax.device_count()
    found["first"] = int(from_first_process(np.int32(jax.process_index())))
    print(json.dumps(found))
    """
    processes = [run(body, address, str(number)) for number in range(2)]
    first, second = (answer(process) for process in processes)
    assert first["count"] == second["count"] == 2
    assert first["first"] == second["first"] == 0
    assert_close(first, second)
    assert_close(first, answer(run(body)))


def test_devices_that_are_not_there():
    with pytest.raises(ValueError, match="64 devices were asked for, but JAX has"):
        make_mesh(64, 64)


@pytest.mark.parametrize("coordinator", ["", "host", "host:", ":1", "host:port"])
def test_an_address_without_a_port_is_refused(coordinator):
    with pytest.raises(ValueError, match="HOST:PORT"):
        initialize_processes(coordinator, 2, 0)
