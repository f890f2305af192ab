"""Several devices and several processes: where arrays are, and how a batch is spread."""

from __future__ import annotations

import math
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from dctheory._validation import check_integer

AXIS = "data"


def make_mesh(devices: int | None, batch_size: int, members: int = 0) -> Mesh | None:
    """A mesh of all processes' devices, or of the first ``devices``; None for a single one.

    What divides among them is the batch, or else the members of a program: of one process as
    many devices are used as do.

    Raises ValueError when there are not so many devices, or they do not divide it.
    """
    found = _first_devices(devices)
    if members and jax.process_count() == 1:
        found = found[: math.gcd(members, len(found))]
    size, what, which = batch_size, "a batch", "batch_size"
    if members:
        size, what, which = members, "a group of runs", "number of seeds"
    if size % len(found):
        raise ValueError(
            f"{what} of {size} does not divide among {len(found)} devices; choose a {which} that "
            f"is a multiple of {len(found)}, or fewer devices"
        )
    if len(found) == 1:
        return None
    return jax.make_mesh((len(found),), (AXIS,), (AxisType.Auto,), devices=found)


def _first_devices(devices: int | None) -> list[jax.Device]:
    found = jax.devices()
    if devices is not None:
        count = check_integer("devices", devices, 1)
        if count > len(found):
            raise ValueError(
                f"{count} devices were asked for, but JAX has {len(found)} "
                f"({found[0].device_kind}); choose at most {len(found)}"
            )
        if jax.process_count() > 1 and count != len(found):
            raise ValueError(
                f"with {jax.process_count()} processes all {len(found)} devices are used; "
                "leave devices out"
            )
        found = found[:count]
    return found


def sharding(mesh: Mesh, *, split: bool) -> NamedSharding:
    """Arrays split along their first axis, or whole on every device."""
    return NamedSharding(mesh, PartitionSpec(AXIS) if split else PartitionSpec())


def place(tree: Any, mesh: Mesh | None, *, split: bool = False) -> Any:
    """The arrays on the devices; values must be the same in every process."""
    if mesh is None:
        return jax.device_put(tree)
    return jax.device_put(tree, sharding(mesh, split=split))


def fetch(tree: Any) -> Any:
    """The arrays on the host, whole in every process; all processes must ask for them."""
    if jax.process_count() == 1:
        return jax.device_get(tree)
    from jax.experimental import multihost_utils

    return multihost_utils.process_allgather(tree, tiled=True)


def from_first_process(tree: Any) -> Any:
    """What process 0 has, in every process: arrays of the same shapes on the host."""
    if jax.process_count() == 1:
        return tree
    from jax.experimental import multihost_utils

    return multihost_utils.broadcast_one_to_all(tree)


def in_any_process(flags: Any) -> Any:
    """Whether each of an array of bools is true somewhere."""
    from jax.experimental import multihost_utils

    return multihost_utils.process_allgather(flags).any(axis=0)


def initialize_processes(coordinator: str, processes: int, process: int) -> None:
    """Join ``processes`` processes, this one being number ``process``, to train as one.

    Must come before anything else uses JAX. On one machine or many; each runs the same command
    but for its number, and process 0 writes the results.

    Args:
        coordinator: HOST:PORT of process 0, which the others can reach.
        processes: how many, at least 1.
        process: 0 to processes − 1.
    """
    check_integer("processes", processes, 1)
    check_integer("process", process, 0, processes - 1)
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"coordinator must be HOST:PORT, e.g. 10.0.0.1:1234, got {coordinator!r}")
    jax.distributed.initialize(coordinator, processes, process)
