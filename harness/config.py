"""Configuration is checked where it enters: a mapping read from YAML becomes a typed dataclass, or one clear error."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from harness.errors import HarnessError, unknown_choice

Config = TypeVar("Config")

NAMES = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    tuple: "a list",
    NoneType: "nothing (null)",
}


def load_params(path: Path | str) -> dict[str, Any]:
    """The mapping in a YAML 1.2 file (there, unlike in YAML 1.1, 5e-4 is a number and `no` is text).

    Raises HarnessError for a missing file, broken YAML, a key given twice, or a document that is not a mapping."""
    from ruamel.yaml import YAML  # here, because the many processes that check a mapping never read a file
    from ruamel.yaml.error import YAMLError

    path = Path(path)
    if not path.is_file():
        raise HarnessError(f"no parameters file at {path}; expected a YAML file; correct the path")
    try:
        params = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path} is not valid YAML: {error}; correct the file") from error
    if not isinstance(params, dict):
        raise HarnessError(f"{path} holds {_shown(params)}; expected `key: value` lines; correct the file")
    return params


def from_mapping(cls: type[Config], mapping: object, where: str) -> Config:
    """An instance of the dataclass `cls` from `mapping`, whose place in the file is `where` (for the messages).

    Fields may be annotated int, float, str, bool, Literal, another dataclass, tuple[X, ...], tuple[X, Y], dict, or `X | None`.
    Whole numbers become floats and lists become tuples where the field says so; nothing else is converted.
    What the dataclass itself refuses in `__post_init__` (ValueError) is reported the same way.
    Raises HarnessError naming the key, what was given and what was expected."""
    if not isinstance(mapping, Mapping):
        raise HarnessError(f"{where}: given {_shown(mapping)}; expected `key: value` entries for {cls.__name__}")
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    for key in mapping:
        if key not in fields:
            raise unknown_choice(f"key in {where}", key, fields)
    missing = [name for name, field in fields.items() if name not in mapping and _required(field)]
    if missing:
        raise HarnessError(f"{where}: missing {', '.join(missing)}; expected keys are {', '.join(fields)}; add it")
    hints = get_type_hints(cls)
    values = {key: _checked(value, hints[key], f"{where}.{key}") for key, value in mapping.items()}
    try:
        return cls(**values)
    except (ValueError, HarnessError) as error:
        raise HarnessError(f"{where}: {error}") from error


def _required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _checked(value: object, expected: Any, where: str) -> Any:
    """`value` in the type `expected`, or HarnessError."""
    origin, arguments = get_origin(expected), get_args(expected)
    if expected is Any:
        return value
    if origin in (Union, UnionType):
        return _checked_union(value, arguments, where)
    if origin is Literal:
        if any(value == choice and type(value) is type(choice) for choice in arguments):
            return value
        raise HarnessError(f"{where}: {unknown_choice('value', value, map(str, arguments))}")
    if tuple in (expected, origin):
        return _checked_tuple(value, arguments, where)
    if dict in (expected, origin):
        if not isinstance(value, Mapping):
            raise _wrong(value, "`key: value` entries", where)
        item = arguments[1] if arguments else Any
        return {key: _checked(element, item, f"{where}.{key}") for key, element in value.items()}
    if dataclasses.is_dataclass(expected):
        return from_mapping(expected, value, where)
    return _checked_scalar(value, expected, where)


def _checked_union(value: object, members: tuple, where: str) -> Any:
    if value is None and NoneType in members:
        return None
    candidates = [member for member in members if member is not NoneType]
    for candidate in candidates[:-1]:
        try:
            return _checked(value, candidate, where)
        except HarnessError:
            continue
    return _checked(value, candidates[-1], where)


def _checked_tuple(value: object, items: tuple, where: str) -> tuple:
    if not isinstance(value, list | tuple):
        raise _wrong(value, "a list such as [1, 2]", where)
    if not items:
        return tuple(value)
    if items[-1] is Ellipsis:
        items = (items[0],) * len(value)
    if len(items) != len(value):
        raise _wrong(value, f"a list of {len(items)} entries", where)
    return tuple(_checked(element, item, f"{where}[{i}]") for i, (element, item) in enumerate(zip(value, items, strict=True)))


def _checked_scalar(value: object, expected: type, where: str) -> Any:
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if expected not in NAMES:
        raise TypeError(f"{where}: the field is annotated {expected!r}, which harness.config does not know")
    if type(value) is not expected:  # not isinstance: True is an int, yet no number
        raise _wrong(value, NAMES[expected], where)
    if expected is float and not math.isfinite(value):
        raise _wrong(value, "a finite number", where)
    return value


def _wrong(value: object, expected: str, where: str) -> HarnessError:
    hint = ""
    if isinstance(value, str) and "number" in expected:
        try:
            float(value)
            hint = "; write it without quotes"
        except ValueError:
            pass
    return HarnessError(f"{where}: given {_shown(value)}; expected {expected}{hint}")


def _shown(value: object) -> str:
    kinds = {dict: "a mapping", list: "a list", NoneType: "nothing"}
    kind = kinds.get(type(value)) or NAMES.get(type(value)) or type(value).__name__
    return kind if value is None else f"{value!r} ({kind})"
