"""Checkpoints: one npz file each, whole or absent, and never read when it is damaged.

A file holds an array for each leaf of the state, named by its path in the tree, and ``header``,
JSON as bytes: the step, the caller's ``meta``, and the type and shape of every array. zip keeps a
CRC-32 of each; members are read whole, since zip checks one at its end only, and numpy stops
before that if a damaged shape asks for less. Nothing is pickled.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from dctheory._validation import check_integer

_NAME = re.compile(r"step-(\d{8,})\.npz")
_TEMPORARY = ".tmp"
_DAMAGED = ".damaged"
_HEADER = "header"
_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        step: gradient steps done.
        state: pytree of numpy arrays.
        meta: as it was given to :func:`save_checkpoint`.
        path: of the file.
    """

    step: int
    state: Any
    meta: dict[str, Any]
    path: Path


class _DamagedError(Exception):
    """A file does not hold what was once written into it."""


def save_checkpoint(
    folder: str | os.PathLike[str],
    step: int,
    state: Any,
    meta: Mapping[str, Any],
    *,
    keep: int = 2,
) -> Path:
    """Write ``folder/step-00001000.npz`` and delete all but the last ``keep`` checkpoints.

    The file is on the disk under its name before an older one is deleted, and what killed
    processes left half-written is cleared away. One process at a time may write into a folder.

    Args:
        folder: made if it is missing.
        step: gradient steps done.
        state: pytree of jax or numpy arrays of any numeric type (a typed PRNG key as its
            ``key_data``).
        meta: what strict JSON can hold.
        keep: number of checkpoints, with this one.

    Raises:
        TypeError, ValueError: the state holds something else, or ``meta`` is not strict JSON.
        OSError: the disk is full, or the folder cannot be written; older checkpoints stay.
    """
    check_integer("step", step, 0)
    check_integer("keep", keep, 1)
    fetched = jax.device_get(_named(state))
    arrays = {name: np.asarray(leaf) for name, leaf in fetched.items()}
    header = {"step": int(step), "arrays": _signature(arrays), "meta": dict(meta)}
    text = json.dumps(header, allow_nan=False).encode()
    content: dict[str, Any] = {name: _storable(array) for name, array in arrays.items()}
    content[_HEADER] = np.frombuffer(text, np.uint8)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    for leftover in place.glob(f"step-*{_TEMPORARY}"):
        leftover.unlink()
    path = place / f"step-{step:08d}.npz"
    _write(path, content)
    older = [other for other in list_checkpoints(place) if _step(other) < step]
    for other in older[: max(len(older) + 1 - keep, 0)]:
        other.unlink()
    return path


def list_checkpoints(folder: str | os.PathLike[str]) -> list[Path]:
    """The checkpoints in a folder by step, without those set aside as damaged."""
    found = [path for path in Path(folder).glob("step-*.npz") if _NAME.fullmatch(path.name)]
    return sorted(found, key=_step)


def load_latest(folder: str | os.PathLike[str], like: Any) -> Checkpoint | None:
    """The newest checkpoint that is whole; None if the folder has never had one.

    A damaged one is renamed to ``*.damaged`` with a RuntimeWarning that says what is wrong with
    it, and the one before is read.

    Args:
        folder: of the checkpoints.
        like: pytree of arrays, or of what ``jax.eval_shape`` gives, as the state must be.

    Raises:
        ValueError: the state of the newest has other names, shapes or types than ``like``, or
            every checkpoint is damaged.
        OSError: a file cannot be read.
    """
    place = Path(folder)
    for path in reversed(list_checkpoints(place)):
        try:
            return _load(path, like)
        except _DamagedError as error:
            aside = path.with_name(path.name + _DAMAGED)
            os.replace(path, aside)
            warnings.warn(
                f"checkpoint {str(path)!r} is damaged ({error}); it is now {aside.name!r}, and "
                "the one before it is tried",
                RuntimeWarning,
                stacklevel=2,
            )
    if any(place.glob(f"step-*{_DAMAGED}")):
        raise ValueError(
            f"every checkpoint in {str(place)!r} is damaged; start a new run, or delete the files "
            f"*{_DAMAGED} to begin this one again"
        )
    return None


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-").removesuffix(".npz"))


# --- Trees as named arrays


def _named(tree: Any) -> dict[str, Any]:
    """Path in the tree -> leaf, all of which have a numeric type and a shape."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    named = {jax.tree_util.keystr(path): leaf for path, leaf in leaves}
    if len(named) < len(leaves):
        raise ValueError(f"the paths of the state's arrays must differ, got {sorted(named)}")
    for name, leaf in named.items():
        dtype = getattr(leaf, "dtype", None)
        if not isinstance(dtype, np.dtype) or dtype.kind not in "biufcV" or dtype.names:
            raise TypeError(
                f"{name} of the state must be an array of numbers, got {type(leaf).__name__} of "
                f"dtype {dtype}; pass an array (of a typed PRNG key its jax.random.key_data)"
            )
    return named


def _signature(named: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {name: [leaf.dtype.name, list(leaf.shape)] for name, leaf in named.items()}


def _storable(array: np.ndarray) -> np.ndarray:
    """npy files have no name for bfloat16 and its kind: they are stored as unsigned integers."""
    return array.view(f"u{array.dtype.itemsize}") if array.dtype.kind == "V" else array


def _mismatch(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    missing = [f"{name} is missing" for name in expected if name not in found]
    extra = [f"{name} is unknown" for name in found if name not in expected]
    changed = [
        f"{name} is {_shown(found[name])} in place of {_shown(expected[name])}"
        for name in expected
        if name in found and found[name] != expected[name]
    ]
    return missing + extra + changed


def _shown(kind: tuple[str, list[int]]) -> str:
    return f"{kind[0]}{tuple(kind[1])}"


# --- Files


def _write(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_name(path.name + _TEMPORARY)
    try:
        with open(temporary, "xb") as file:
            np.savez(file, **content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _FULL:
            size = sum(array.nbytes for array in content.values()) / 1e6
            raise OSError(
                error.errno,
                f"no room for a checkpoint of {size:.3g} MB in {str(path.parent)!r} "
                f"({error.strerror}); the ones before are kept: free some space, then resume",
            ) from error
        raise


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power failure, where folders can be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _load(path: Path, like: Any) -> Checkpoint:
    expected = _named(like)
    header, arrays = _read(path)
    problems = _mismatch(header["arrays"], _signature(expected))
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise ValueError(
            f"checkpoint {str(path)!r} is of another network or optimizer: "
            f"{', '.join(problems[:5])}{more}; resume with the configuration it was made with"
        )
    leaves = [arrays[name].view(leaf.dtype) for name, leaf in expected.items()]
    state = jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(like), leaves)
    return Checkpoint(header["step"], state, header["meta"], path)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and stored arrays; _DamagedError unless they are what was written."""
    try:
        data = path.read_bytes()
    except OSError as error:
        if error.errno == errno.EIO:
            raise _DamagedError(error.strerror) from error
        raise
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
        header = json.loads(_array(members.pop(_HEADER)).tobytes())
        arrays = {name: _array(member) for name, member in members.items()}
    except Exception as error:
        # Whatever zipfile, its decompressors or numpy make of bytes that are not a zip file.
        raise _DamagedError(f"{type(error).__name__}: {error}") from error
    absent = [name for name in header["arrays"] if name not in arrays]
    if absent or header["step"] != _step(path):
        reason = f"{absent[0]} is missing" if absent else f"it is of step {header['step']}"
        raise _DamagedError(reason)
    return header, arrays


def _array(member: bytes) -> np.ndarray:
    return np.lib.format.read_array(io.BytesIO(member), allow_pickle=False)
