"""Pickles of arrays, numbers, strings, lists and dicts, read without running what they ask for.

A pickle is a program: it may call any function that it can import. Here it imports nothing. The
few names that NumPy's arrays need are answered by stand-ins that check what they are given, and
every other name and every other kind of instruction is an error.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import pickletools
import re
from pathlib import Path
from typing import Any

import numpy as np

MAX_BYTES = 2**29

_OPCODES = frozenset(
    "PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG "
    "LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES "
    "BINBYTES8 BYTEARRAY8 UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 EMPTY_LIST APPEND "
    "APPENDS LIST EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT DICT SETITEM SETITEMS GET "
    "BINGET LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL REDUCE BUILD".split()
)
_NUMBERS = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248])")


def load_pickle(path: str | os.PathLike[str]) -> Any:
    """What the pickle holds; strings of Python 2 are bytes. Arrays hold numbers only.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is larger than 512 MiB, damaged, or holds anything else.
    """
    size = Path(path).stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f"{str(path)!r} has {size} bytes, more than the {MAX_BYTES} that are read; is it the "
            "right file?"
        )
    data = Path(path).read_bytes()
    try:
        _check_instructions(data)
        return _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:  # a damaged pickle can raise almost anything
        raise ValueError(
            f"{str(path)!r} ({size} bytes) is no pickle of arrays, numbers, strings, lists and "
            f"dicts: {error or type(error).__name__}; get it again from a source that you trust"
        ) from error


def _check_instructions(data: bytes) -> None:
    """Only the instructions above, none of which takes memory out of proportion to the file."""
    argument: Any
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name not in _OPCODES:
            raise pickle.UnpicklingError(f"it has the instruction {opcode.name}")
        # The unpickler makes room for every number up to the one that it is asked to remember.
        if "PUT" in opcode.name and argument > len(data):
            raise pickle.UnpicklingError(f"it remembers an object as number {argument}")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _STAND_INS[module, name]


# A pickle can set attributes of what it is given. The stand-ins have none (and no __dict__).


class _Kind:
    """numpy.dtype: numbers of a fixed size only."""

    __slots__ = ("dtype",)

    def __init__(self, code: str) -> None:
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        order = _as_text(state[1])
        if order not in ("<", ">", "|", "=") or any(each is not None for each in state[2:5]):
            raise pickle.UnpicklingError("it has an array of structures")
        if order != "|":
            self.dtype = np.dtype(f"{order}{self.dtype.kind}{self.dtype.itemsize}")


class _MakeKind:
    __slots__ = ()

    def __call__(self, code: Any, *_: Any) -> _Kind:
        text = _as_text(code)
        if not _NUMBERS.fullmatch(text):
            raise pickle.UnpicklingError(f"it has an array of kind {text[:20]!r}")
        return _Kind(text)


class _Array(np.ndarray):
    """numpy.ndarray, empty until its state is known."""

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, data = state
        _check_size(shape, kind, data)
        state = (1, shape, kind.dtype, bool(fortran), bytes(data))
        super().__setstate__(state)


class _Reconstruct:
    """numpy._core.multiarray._reconstruct."""

    __slots__ = ()

    def __call__(self, *_: Any) -> _Array:
        return np.ndarray.__new__(_Array, 0, np.uint8)


class _FromBuffer:
    """numpy._core.numeric._frombuffer."""

    __slots__ = ()

    def __call__(self, data: Any, kind: Any, shape: Any, order: Any) -> np.ndarray[Any, Any]:
        _check_size(shape, kind, data)
        flat = np.frombuffer(bytes(data), kind.dtype)
        return flat.reshape(shape, order="F" if order == "F" else "C")


class _Scalar:
    """numpy._core.multiarray.scalar."""

    __slots__ = ()

    def __call__(self, kind: Any, data: Any) -> Any:
        _check_size((), kind, data)
        return np.frombuffer(bytes(data), kind.dtype)[0]


class _Encode:
    """_codecs.encode, by which Python 3 writes bytes for Python 2."""

    __slots__ = ()

    def __call__(self, text: Any, encoding: Any) -> bytes:
        if not isinstance(text, str) or _as_text(encoding) not in ("latin1", "latin-1"):
            raise pickle.UnpicklingError("it encodes something else than bytes")
        return text.encode("latin-1")


def _check_size(shape: Any, kind: Any, data: Any) -> None:
    if not isinstance(kind, _Kind) or not isinstance(data, bytes | bytearray):
        raise pickle.UnpicklingError("it has an array of something else than numbers")
    if not isinstance(shape, tuple) or any(type(n) is not int or n < 0 for n in shape):
        raise pickle.UnpicklingError("it has an array without a proper shape")
    expected = math.prod(shape) * kind.dtype.itemsize
    if len(data) != expected:
        raise pickle.UnpicklingError(f"it has an array of {len(data)} bytes, not {expected}")


def _as_text(value: Any) -> str:
    text = value.decode("ascii") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        raise pickle.UnpicklingError(f"it has {type(value).__name__} in place of a word")
    return text


_STAND_INS = {
    ("numpy", "ndarray"): object(),
    ("numpy", "dtype"): _MakeKind(),
    ("_codecs", "encode"): _Encode(),
} | {
    (f"numpy.{package}.{module}", name): stand_in
    for package in ("core", "_core")
    for module, name, stand_in in (
        ("multiarray", "_reconstruct", _Reconstruct()),
        ("multiarray", "scalar", _Scalar()),
        ("numeric", "_frombuffer", _FromBuffer()),
    )
}
