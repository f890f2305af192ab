"""Configurations as documents, files and overrides such as ``optimizer.learning_rate=0.1``.

A document is what JSON or TOML holds: the tables ``data`` (whose ``kind`` chooses its class),
``model``, ``objective``, ``optimizer`` and ``evaluation``, and beside them the other fields of
:class:`TrainConfig`. What is left out has its default, ``data.kind`` that of ``TrainConfig``.
Keys inside tables are named with a dot.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any, get_args, get_type_hints

from dctheory._runs import write_atomic
from dctheory._validation import check_choice, check_integer, check_real
from dctheory.train.config import TrainConfig
from dctheory.train.data_config import DATA_KINDS, DigitsData

_TABLES = ("data", *TrainConfig.PARTS)
_ABSENT = "absent"


def to_dict(config: TrainConfig) -> dict[str, Any]:
    """The whole configuration as a document of plain JSON values; equal ones give equal ones."""
    schema = _schema(config.data.kind)
    return _nest({key: _value(key, attrgetter(key)(config), schema[key]) for key in schema})


def from_dict(document: Mapping[str, Any]) -> TrainConfig:
    """The configuration that a document describes.

    Raises ValueError for an unknown key (with the nearest known one) or a value that
    :class:`TrainConfig` refuses, TypeError for a value of the wrong type.
    """
    return _from_flat(_flat(document))


def _from_flat(flat: Mapping[str, Any]) -> TrainConfig:
    kind = check_choice("data.kind", flat.get("data.kind", DigitsData.kind), DATA_KINDS)
    schema = _schema(kind)
    for key in flat:
        if key not in schema:
            raise ValueError(_unknown(key, schema, kind))
    values = _nest({key: _value(key, value, schema[key]) for key, value in flat.items()})
    data = values.pop("data", {})
    data.pop("kind", None)
    parts = {name: part(**values.pop(name, {})) for name, part in TrainConfig.PARTS.items()}
    return TrainConfig(data=DATA_KINDS[kind](**data), **parts, **values)


def override(config: TrainConfig | Mapping[str, Any], assignments: Iterable[str]) -> TrainConfig:
    """The configuration (or what a document describes) with some of its keys set anew.

    Args:
        config: the one to start from; as a document it may be incomplete.
        assignments: ``key=value`` each, the value as JSON or else a bare word. Of several for one
            key the last counts. Giving ``steps`` takes ``epochs`` away, and the other way round;
            another ``data.kind`` starts from the defaults of that kind.

    Raises ValueError and TypeError as :func:`from_dict`.
    """
    flat = _flat(to_dict(config) if isinstance(config, TrainConfig) else config)
    changes = dict(_assignment(text) for text in assignments)
    kind = flat.get("data.kind", DigitsData.kind)
    if changes.get("data.kind", kind) != kind:
        flat = {key: value for key, value in flat.items() if not key.startswith("data.")}
    for given, other in (("steps", "epochs"), ("epochs", "steps")):
        if changes.get(given) is not None:
            flat.pop(other, None)
    return _from_flat(flat | changes)


def load_config(path: str | os.PathLike[str]) -> TrainConfig:
    """The configuration in a ``.toml`` or ``.json`` file.

    Raises ValueError that names the file and, where there is one, the line; OSError for a file
    that cannot be read.
    """
    file = Path(path)
    if file.suffix not in _FORMATS:
        raise ValueError(f"{str(file)!r} is no configuration; give a .toml or a .json file")
    parse, find_line = _FORMATS[file.suffix]
    try:
        text = file.read_text(encoding="utf-8")
        document = parse(text)
        if not isinstance(document, dict):
            raise ValueError(f"a configuration is a table of keys, got {document!r}")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: {error}") from error
    try:
        return from_dict(document)
    except (ArithmeticError, TypeError, ValueError) as error:
        key = _first_key(str(error), document)
        line = None if key is None else find_line(text, key)
        raise ValueError(f"{file}{'' if line is None else f':{line}'}: {error}") from error


def save_config(path: str | os.PathLike[str], config: TrainConfig) -> None:
    """Write the configuration as JSON, so that ``path`` holds all of it or what it held before."""
    write_atomic(path, json.dumps(to_dict(config), ensure_ascii=False, indent=2) + "\n")


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """``key: old -> new`` for each key in which two documents differ, in the order of ``new``."""
    before, after = leaves(old), leaves(new)
    keys = [*after, *(key for key in before if key not in after)]
    return [
        f"{key}: {_shown(before, key)} -> {_shown(after, key)}"
        for key in keys
        if key not in before or key not in after or before[key] != after[key]
    ]


def _shown(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key], ensure_ascii=False) if key in values else _ABSENT


def leaves(document: Any, name: str = "") -> dict[str, Any]:
    """Dotted key -> value of a JSON document of any depth, such as ``runs[0].data.seed``."""
    parts: dict[str, Any] = {}
    if isinstance(document, Mapping):
        parts = {f"{name}.{key}" if name else str(key): item for key, item in document.items()}
    elif isinstance(document, list):
        parts = {f"{name}[{index}]": item for index, item in enumerate(document)}
    if not parts:
        return {name: document} if name else {}
    return {key: value for part, item in parts.items() for key, value in leaves(item, part).items()}


# --- Documents and their dotted keys


def _schema(kind: str) -> dict[str, Any]:
    """Every key, with the annotated type of its value, where the data is of this kind."""
    schema: dict[str, Any] = {"data.kind": str}
    for table, part in {"data": DATA_KINDS[kind], **TrainConfig.PARTS}.items():
        schema |= {f"{table}.{name}": hint for name, hint in _hints(part).items()}
    return schema | {name: h for name, h in _hints(TrainConfig).items() if name not in _TABLES}


def _hints(part: type) -> dict[str, Any]:
    hints = get_type_hints(part)
    return {field.name: hints[field.name] for field in fields(part)}


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        raise TypeError(
            f"a configuration must be a table of keys, got {document!r} of type "
            f"{type(document).__name__}"
        )
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if "." in str(name):
            raise ValueError(f"unknown key {name!r}; write what follows the dot in a table")
        if name in _TABLES and isinstance(value, Mapping):
            flat |= {f"{name}.{key}": item for key, item in value.items()}
        else:
            flat[str(name)] = value
    return flat


def _nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in flat.items():
        table, _, name = key.rpartition(".")
        (document.setdefault(table, {}) if table else document)[name] = value
    return document


def _value(key: str, value: Any, hint: Any) -> Any:
    """``value`` as the plain type that ``hint`` asks for."""
    kinds = get_args(hint) or (hint,)
    if value is None and type(None) in kinds:
        return None
    if int in kinds:
        return check_integer(key, value)
    if float in kinds:
        return float(check_real(key, value))
    if not isinstance(value, kinds):
        name = "true or false" if bool in kinds else "a string"
        raise TypeError(f"{key} must be {name}, got {value!r} of type {type(value).__name__}")
    return value


def _unknown(key: str, schema: Iterable[str], kind: str) -> str:
    if key in _TABLES:
        keys = ", ".join(each for each in schema if each.startswith(f"{key}."))
        return f"{key!r} is a table and has no value of its own; give its keys ({keys})"
    known = [*_TABLES, *schema]
    names = {each.rpartition(".")[2] for each in known}
    table, _, name = key.rpartition(".")
    close = difflib.get_close_matches(name, names, n=3)
    candidates = [each for each in known if each.rpartition(".")[2] in close]
    nearest = difflib.get_close_matches(key, candidates, n=1, cutoff=0)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    allowed = [each for each in known if each.startswith(f"{table}.")] if table else []
    allowed = allowed or [each for each in known if "." not in each]
    where = f" with data of kind {kind!r}" if table == "data" else ""
    return f"unknown key {key!r}{where}{hint} (allowed: {', '.join(allowed)})"


def _assignment(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ValueError(
            f"cannot set {text!r}; write key=value, such as optimizer.learning_rate=0.1"
        )
    try:
        return key.strip(), json.loads(value)
    except (ValueError, RecursionError):
        return key.strip(), value.strip()


# --- Where in a file a key stands


def _names(document: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted keys of all values, and of the tables that they stand in."""
    for name, value in document.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _names(value, f"{prefix}{name}.")


def _first_key(message: str, document: Mapping[str, Any]) -> str | None:
    """The key of the document that an error message names first."""
    places = {
        key: found.start()
        for key in _names(document)
        if (found := re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.])", message))
    }
    return min(places, key=places.__getitem__, default=None)


def _toml_line(text: str, key: str) -> int | None:
    """The line at whose end the file so far has the key."""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if key.rpartition(".")[2] in line:
            with suppress(tomllib.TOMLDecodeError):
                if key in _names(tomllib.loads("\n".join(lines[:number]))):
                    return number
    return None


def _json_line(text: str, key: str) -> int | None:
    """The line that the key has when each key of the file is marked with its own."""

    def mark(found: re.Match[str]) -> str:
        line = text.count("\n", 0, found.start()) + 1
        return f'"{found[1]}@{line}"{found[2]}' if found[2] else found[0]

    marked = re.sub(r'"((?:[^"\\]|\\.)*)"(\s*:)?', mark, text)
    for name in _names(json.loads(marked)):
        if re.sub(r"@\d+(?=\.|$)", "", name) == key:
            return int(name.rpartition("@")[2])
    return None


def _parse_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands there twice; keep one")
    return document


_FORMATS: dict[str, tuple[Callable[[str], Any], Callable[[str, str], int | None]]] = {
    ".toml": (tomllib.loads, _toml_line),
    ".json": (_parse_json, _json_line),
}
