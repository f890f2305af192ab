"""Honest pickles come through every protocol; hostile ones are errors and do nothing."""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dctheory.data._unpickle import load_pickle

# A dictionary {"labels": [3, 1], "data": uint8 2 × 3} as Python 2's cPickle writes it.
PYTHON_2 = (
    b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03(K\x03K\x01eU\x04dataq\x04"
    b"cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85U\x01b\x87Rq\x07"
    b"(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x08U\x02u1K\x00K\x01\x87Rq\x09"
    b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06\x01\x02\x03\xfd\xfe\xfftbu."
)


def load(tmp_path, data):
    path = tmp_path / "some.pkl"
    path.write_bytes(data)
    return load_pickle(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_is_admitted(tmp_path, protocol):
    arrays = [
        np.arange(12, dtype=np.uint8).reshape(3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([[True, False]]),
        np.arange(3, dtype=">i4"),
        np.array(7),
    ]
    if protocol > 2:  # b"" is a call of bytes() before
        arrays.append(np.zeros((0, 2), np.float32))
    plain = {"a": [1, -(2**40), 2.5, "ω", b"\xff\x00x", None, True], b"b": (1, (2, 3))}
    scalars = [np.int64(5), np.float32(0.5)]
    found = load(tmp_path, pickle.dumps([arrays, plain, scalars], protocol=protocol))
    for expected, array in zip(arrays, found[0], strict=True):
        assert (array.dtype.kind, array.itemsize) == (expected.dtype.kind, expected.itemsize)
        np.testing.assert_array_equal(array, expected)
    assert found[1:] == [plain, scalars]


def test_python_2(tmp_path):
    found = load(tmp_path, PYTHON_2)
    assert found[b"labels"] == [3, 1]
    assert found[b"data"].tolist() == [[1, 2, 3], [253, 254, 255]]


class Call:
    """Pickled, it is a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def hostile(path):
    """Calls that make a folder, in several disguises."""
    order = f"__import__('os').mkdir({path!r})"
    calls = [
        Call(os.mkdir, path),
        Call(os.system, f"mkdir '{path}'"),
        Call(eval, order),
        Call(exec, order),
        Call(getattr(np.testing, "_private").utils.runstring, order, {}),  # noqa: B009
    ]
    for call in calls:
        yield call
        yield [1, {"data": (call,)}]
        yield np.array([call, None], dtype=object)
        yield np.array([(1, call)], dtype=[("a", "i4"), ("b", "O")])


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_calls_are_not_made(tmp_path, protocol):
    made = tmp_path / "made"
    for payload in hostile(str(made)):
        data = pickle.dumps(payload, protocol=protocol)
        pickle.loads(data)
        assert made.is_dir()  # it would
        made.rmdir()
        with pytest.raises(ValueError, match="no pickle of arrays, numbers, strings"):
            load(tmp_path, data)
        assert not made.exists()


REDUCE, STOP = b"R", b"."
MULTIARRAY = b"cnumpy.core.multiarray\n"
DTYPE_O = b"cnumpy\ndtype\n(X\x02\x00\x00\x00O8tR"
RECONSTRUCT = MULTIARRAY + b"_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR"


@pytest.mark.parametrize(
    "data",
    [
        b"cnumpy\nload\n(X\x01\x00\x00\x00xtR.",
        b"cnumpy\nfromfile\n(X\x01\x00\x00\x00xtR.",
        b"cbuiltins\ngetattr\n.",
        b"ccopyreg\n_reconstructor\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"cdctheory.data._unpickle\nload_pickle\n.",
        # Memory by a shape: the array itself is no function here.
        b"cnumpy\nndarray\n((J\x00\x00\x00\x7ftX\x02\x00\x00\x00f8tR.",
        # Objects in an array, and structures.
        DTYPE_O + b".",
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00V8tR.",
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00u1tR(K\x03X\x01\x00\x00\x00|N(X\x01\x00\x00\x00atNtb.",
        # An array from a list, from another class, with a wrong length, without a state.
        RECONSTRUCT + b"(K\x01(K\x01t" + b"cnumpy\ndtype\n(X\x02\x00\x00\x00u1tR\x89]tb.",
        RECONSTRUCT + b"(K\x01(K\x09t" + b"cnumpy\ndtype\n(X\x02\x00\x00\x00u1tR\x89C\x01xtb.",
        RECONSTRUCT + b"(K\x01(J\xff\xff\xff\xfftK\x00\x89C\x01xtb.",
        MULTIARRAY + b"scalar\n(" + b"cnumpy\ndtype\n(X\x02\x00\x00\x00i8tRC\x01xtR.",
        MULTIARRAY + b"scalar\n(" + b"cnumpy\ndtype\n(X\x02\x00\x00\x00u1tRC\x02xytR.",
        b"c_codecs\nencode\n(X\x01\x00\x00\x00xX\x05\x00\x00\x00rot13tR.",
        # Attributes of what stands in for NumPy's names.
        MULTIARRAY + b"_reconstruct\n}X\x01\x00\x00\x00aK\x01sb.",
        MULTIARRAY + b"_reconstruct\nN}X\x08\x00\x00\x00__call__K\x01s\x86b.",
        b"cnumpy\nndarray\nN}X\x01\x00\x00\x00aK\x01s\x86b.",
        # Other instructions: new objects, instances, extensions, persistent objects, buffers, sets.
        b"cnumpy\ndtype\n)\x81.",
        b"(ios\nsystem\n.",
        b"(cos\nsystem\no.",
        b"\x82\x01.",
        b"Psomething\n.",
        b"\x80\x05\x97.",
        b"\x8f.",
        # Damage.
        b"",
        b"K\x01",
        b"no pickle",
        b"\x80\x09K\x01.",
        b"h\x05.",
        PYTHON_2[:-30],
    ],
)
def test_hostile_and_damaged_instructions(tmp_path, data):
    with pytest.raises(ValueError, match=r"some\.pkl' \(\d+ bytes\) is no pickle of arrays"):
        load(tmp_path, data)


@pytest.mark.parametrize(
    "data",
    [
        b"K\x01r\x00\x00\x00\x01.",
        b"K\x01p16777216\n.",
        b"\x8e" + struct.pack("<Q", 2**40) + b"x.",
        b"\x8b\xff\xff\xff\x7f.",
        RECONSTRUCT
        + b"(K\x01(J\x00\x00\x00\x7ft"
        + b"cnumpy\ndtype\n(X\x02\x00\x00\x00f8tR\x89C\x01xtb.",
    ],
    ids=["memo", "memo in words", "bytes", "long", "array"],
)
def test_small_files_take_little_memory(tmp_path, data):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="no pickle of arrays"):
            load(tmp_path, data)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


@given(place=st.integers(0, len(PYTHON_2) - 1), byte=st.integers(0, 255))
def test_any_changed_byte_is_harmless(tmp_path_factory, place, byte):
    data = PYTHON_2[:place] + bytes([byte]) + PYTHON_2[place + 1 :]
    with contextlib.suppress(ValueError):
        load(tmp_path_factory.getbasetemp(), data)


def test_references_do_not_multiply(tmp_path):
    """Ten lists of ten times the list before: 10^10 leaves, if they were copied."""
    nested = [1]
    for _ in range(10):
        nested = [nested] * 10
    found = load(tmp_path, pickle.dumps(nested))
    assert found[0] is found[9]


def test_large_files_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("dctheory.data._unpickle.MAX_BYTES", 100)
    with pytest.raises(ValueError, match="more than the 100 that are read"):
        load(tmp_path, b"x" * 101)
