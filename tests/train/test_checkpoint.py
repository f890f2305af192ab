"""A checkpoint is whole, or it is known to be damaged; it never gives wrong numbers."""

import json
import os
import shutil
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dctheory.train.checkpoint import list_checkpoints, load_latest, save_checkpoint

STATE = {"w": np.array([1.5, -2, 3], np.float32), "n": np.int32(7)}


def _state(step):
    return {"w": np.full(3, step, np.float32), "n": np.int32(step)}


def _names(folder):
    return sorted(os.listdir(folder))


def _assert_same(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        other = np.asarray(other)
        assert isinstance(one, np.ndarray)
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()


# --- What goes in comes out


class _Pair(NamedTuple):
    first: object
    second: object


@jax.tree_util.register_dataclass
@dataclass
class _Node:
    value: object


def test_trees_of_every_kind_and_type_come_back(tmp_path):
    params = {"layer": {"kernel": jnp.ones((2, 3)), "bias": jnp.zeros(3)}}
    state = {
        "params": params,
        "optimizer": optax.adamw(0.1).init(params),
        "pair": _Pair(np.array([np.nan, -0.0, np.inf], np.float32), (np.uint32([1, 2**32 - 1]),)),
        "node": _Node(np.bool_(True)),
        "list": [np.zeros((0, 4), np.int32), np.int8(-3), np.complex64(1 - 2j)],
        "half": jnp.array([1.5, -3], jnp.bfloat16),
        "scalar": jnp.bfloat16(0.5),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "none": None,
        "naïve [1]['x']": np.float64(np.pi),
    }
    meta = {"config": {"seed": 1}, "note": "λ ≤ 1"}
    path = save_checkpoint(tmp_path / "a" / "b", 1000, state, meta)
    assert path == tmp_path / "a" / "b" / "step-00001000.npz"
    found = load_latest(tmp_path / "a" / "b", state)
    _assert_same(found.state, state)
    assert (found.step, found.meta, found.path) == (1000, meta, path)


def test_numpy_reads_the_arrays_by_their_paths(tmp_path):
    state = {"layer": {"bias": jnp.arange(3.0)}, "half": jnp.array([1.0], jnp.bfloat16)}
    with np.load(save_checkpoint(tmp_path, 5, state, {"a": [1]})) as file:
        np.testing.assert_array_equal(file["['layer']['bias']"], [0, 1, 2])
        assert file["['half']"].tolist() == [0x3F80]
        header = json.loads(file["header"].tobytes())
    assert header["step"] == 5
    assert header["meta"] == {"a": [1]}
    assert header["arrays"]["['half']"] == ["bfloat16", [1]]


def test_shapes_are_enough_to_load_and_a_bare_array_is_a_state(tmp_path):
    save_checkpoint(tmp_path, 0, jnp.arange(4), {})
    found = load_latest(tmp_path, jax.eval_shape(lambda: jnp.arange(4)))
    _assert_same(found.state, np.arange(4, dtype=np.int32))


# --- Which ones are there


def test_the_last_ones_are_kept(tmp_path):
    for step in (1, 20, 300, 123_456_789):
        save_checkpoint(tmp_path, step, _state(step), {})
    assert _names(tmp_path) == ["step-00000300.npz", "step-123456789.npz"]
    assert load_latest(tmp_path, STATE).step == 123_456_789
    save_checkpoint(tmp_path, 400, _state(400), {}, keep=1)
    assert [path.name for path in list_checkpoints(tmp_path)] == [
        "step-00000400.npz",
        "step-123456789.npz",
    ]


@pytest.mark.parametrize("keep", [1, 2, 3, 5])
def test_keep_counts_the_new_one(keep, tmp_path):
    for step in range(6):
        save_checkpoint(tmp_path, step, _state(step), {}, keep=keep)
        assert len(list_checkpoints(tmp_path)) == min(keep, step + 1)


def test_the_same_step_again_takes_its_place(tmp_path):
    save_checkpoint(tmp_path, 3, _state(3), {"try": 1})
    save_checkpoint(tmp_path, 3, _state(4), {"try": 2})
    assert load_latest(tmp_path, STATE).meta == {"try": 2}
    assert _names(tmp_path) == ["step-00000003.npz"]


def test_a_folder_without_checkpoints_has_none(tmp_path):
    (tmp_path / "step-1.npz").write_bytes(b"another name")
    for folder in (tmp_path, tmp_path / "missing"):
        assert load_latest(folder, STATE) is None
        assert list_checkpoints(folder) == []


def test_leftovers_of_killed_runs_are_cleared_away(tmp_path):
    (tmp_path / "step-00000004.npz.tmp").write_bytes(b"half")
    (tmp_path / "notes.tmp").write_bytes(b"not ours")
    assert load_latest(tmp_path, STATE) is None
    save_checkpoint(tmp_path, 5, STATE, {})
    assert _names(tmp_path) == ["notes.tmp", "step-00000005.npz"]


# --- Another state, bad arguments


class _Same(str):
    def __repr__(self):
        return "same"


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ({"w": STATE["w"]}, r"\['n'\] is unknown"),
        (STATE | {"b": np.zeros(2)}, r"\['b'\] is missing"),
        (
            STATE | {"w": np.zeros(4, np.float32)},
            r"\['w'\] is float32\(3,\) in place of float32\(4",
        ),
        (STATE | {"n": np.uint32(7)}, r"\['n'\] is int32\(\) in place of uint32\(\)"),
        ({f"a{i}": np.zeros(1) for i in range(9)}, r"\['a4'\] is missing and 6 more; resume with"),
    ],
)
def test_another_state_is_an_error_and_no_damage(like, message, tmp_path):
    save_checkpoint(tmp_path, 1, STATE, {})
    path = save_checkpoint(tmp_path, 2, STATE, {})
    with pytest.raises(ValueError, match=message):
        load_latest(tmp_path, like)
    assert path.exists()


@pytest.mark.parametrize(
    ("state", "meta", "step", "error", "message"),
    [
        ({"a": {"k": 1.0}}, {}, 0, TypeError, r"\['a'\]\['k'\] of the state .* got float"),
        ({"a": jax.random.key(0)}, {}, 0, TypeError, r"\['a'\] of .*jax.random.key_data"),
        ({"a": np.array([None])}, {}, 0, TypeError, "dtype object"),
        ({"a": np.array(["x"])}, {}, 0, TypeError, "must be an array of numbers"),
        ({"a": np.zeros(1, [("x", "f4")])}, {}, 0, TypeError, "must be an array of numbers"),
        ({_Same("a"): STATE["w"], _Same("b"): STATE["n"]}, {}, 0, ValueError, "must differ"),
        (STATE, {"loss": float("nan")}, 0, ValueError, "JSON"),
        (STATE, {"loss": {1j}}, 0, TypeError, "JSON"),
        (STATE, {}, -1, ValueError, "step must be at least 0"),
        (STATE, {}, 1.0, TypeError, "step must be an integer"),
    ],
)
def test_what_cannot_be_stored_is_named_before_anything_is_written(
    state, meta, step, error, message, tmp_path
):
    with pytest.raises(error, match=message):
        save_checkpoint(tmp_path / "new", step, state, meta)
    with pytest.raises(ValueError, match="keep must be at least 1"):
        save_checkpoint(tmp_path / "new", 0, STATE, {}, keep=0)
    assert _names(tmp_path) == []


# --- Damage


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The bytes of a small checkpoint, and a folder to put them into."""
    folder = tmp_path_factory.mktemp("checkpoints")
    path = save_checkpoint(folder, 2, STATE, {"a": 1})
    return path.read_bytes(), path


def _is_recognised(data, path):
    """Whether ``data`` in place of the checkpoint is refused; otherwise it must be the same."""
    path.write_bytes(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = load_latest(path.parent, STATE)
        except ValueError:
            (warning,) = caught
            assert warning.category is RuntimeWarning
            assert str(path) in str(warning.message)
            os.remove(f"{path}.damaged")
            return True
    assert not caught
    _assert_same(found.state, STATE)
    assert (found.step, found.meta) == (2, {"a": 1})
    return False


def test_no_flipped_byte_gives_other_numbers(written):
    data, path = written
    recognised = 0
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 8
        recognised += _is_recognised(bytes(changed), path)
    # The rest are times of day, versions and attributes, which zip keeps of every member.
    assert len(data) / 2 < recognised < len(data)


def test_every_truncation_is_recognised(written):
    data, path = written
    assert all(_is_recognised(data[:size], path) for size in range(0, len(data), 3))
    assert _is_recognised(data[:-1], path)
    assert not _is_recognised(data, path)


@settings(max_examples=200)
@given(st.data())
def test_no_damage_gives_other_numbers(written, data):
    content, path = written
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    replacement = data.draw(
        st.binary(max_size=8) | st.just(bytes(end - start)) | st.just(content[:end])
    )
    _is_recognised(content[:start] + replacement + content[end:], path)


def test_a_damaged_shape_that_reads_less_is_recognised(tmp_path):
    # numpy then stops before the end of the member, where zipfile would have checked it.
    state = {"w": np.arange(5000.0)}
    path = save_checkpoint(tmp_path, 1, state, {})
    data = path.read_bytes()
    assert data.count(b"'shape': (5000,)") == 1
    path.write_bytes(data.replace(b"'shape': (5000,)", b"'shape': (1000,)"))
    with np.load(path) as file:
        assert len(file["['w']"]) == 1000
    with (
        pytest.warns(RuntimeWarning, match="Bad CRC-32 for file"),
        pytest.raises(ValueError, match="every checkpoint"),
    ):
        load_latest(tmp_path, state)


def _rewritten(path, change):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b""), "BadZipFile: File is not a zip file"),
        (lambda path: path.write_bytes(b"not a zip"), "BadZipFile: File is not a zip file"),
        (lambda path: _rewritten(path, lambda m: m.pop("['w'].npy")), r"\['w'\] is missing"),
        (lambda path: _rewritten(path, lambda m: m.pop("header.npy")), "KeyError: 'header'"),
        (lambda path: shutil.copy(path.with_name("step-00000001.npz"), path), "it is of step 1"),
    ],
)
def test_the_one_before_a_damaged_one_is_used_loudly(damage, reason, tmp_path):
    for step in (1, 2):
        path = save_checkpoint(tmp_path, step, _state(step), {})
    damage(path)
    with pytest.warns(RuntimeWarning, match=rf"step-00000002.npz' is damaged \({reason}"):
        found = load_latest(tmp_path, STATE)
    _assert_same(found.state, _state(1))
    assert _names(tmp_path) == ["step-00000001.npz", "step-00000002.npz.damaged"]
    assert load_latest(tmp_path, STATE).step == 1


def test_when_all_are_damaged_nothing_begins_anew_unasked(tmp_path):
    for step in (1, 2):
        save_checkpoint(tmp_path, step, _state(step), {}).write_bytes(b"")
    with (
        pytest.warns(RuntimeWarning, match="damaged"),
        pytest.raises(ValueError, match="is damaged; start a new run, or delete"),
    ):
        load_latest(tmp_path, STATE)
    with pytest.raises(ValueError, match="every checkpoint"):
        load_latest(tmp_path, STATE)


@pytest.mark.parametrize(("number", "damaged"), [(5, True), (13, False)])
def test_what_the_disk_cannot_read_is_damaged_what_is_forbidden_is_not(
    number, damaged, tmp_path, monkeypatch
):
    path = save_checkpoint(tmp_path, 1, STATE, {})

    def refuse(self):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    if damaged:
        with (
            pytest.warns(RuntimeWarning, match="output error"),
            pytest.raises(ValueError, match="every checkpoint"),
        ):
            load_latest(tmp_path, STATE)
    else:
        with pytest.raises(PermissionError):
            load_latest(tmp_path, STATE)
    assert path.exists() != damaged
