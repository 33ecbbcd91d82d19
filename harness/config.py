"""Turns a mapping read from YAML into a typed dataclass, or raises one clear error. All parameters are checked here.

The classes are plain dataclasses that can be used without pydantic, because `lada` and `harness.training` must run with torch
alone. pydantic reads their annotations strictly. It converts only whole numbers to floats and lists to tuples, where the field's
type asks for it.
"""

import dataclasses
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from harness.errors import HarnessError, shown, unknown_choice
from harness.yaml_reading import plain, read_yaml

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Config = TypeVar("Config")

EXPECTED = {  # by pydantic's name of the error
    "int_type": "a whole number",
    "int_parsing_size": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "none_required": "nothing (null)",
    "list_type": "a list such as [1, 2]",
    "tuple_type": "a list such as [1, 2]",
    "dict_type": "`key: value` entries",
    "dataclass_type": "`key: value` entries",
}
UNKNOWN, MISSING = "unexpected_keyword_argument", "missing"


def load_params(path: Path | str) -> dict[str, Any]:
    """The mapping in a YAML file, not yet checked. In YAML 1.2, unlike 1.1, 5e-4 is a number and `no` is text.

    HarnessError for a missing file, broken YAML, a repeated key, or a document that is not a mapping.
    """
    params = read_yaml(Path(path))
    if not isinstance(params, dict):
        raise HarnessError(f"{path} holds {shown(params)}; expected `key: value` lines; correct the file")
    return params


def from_mapping(cls: type[Config], mapping: object, where: str) -> Config:
    """An instance of the dataclass `cls` from `mapping`. `where` is its key in the file, "" for the whole file.

    HarnessError names the key, what was given and what was expected. A ValueError from `__post_init__` is reported the same way.
    """
    found, errors = _validated(cls, mapping, where)
    if errors:
        raise _complaint(cls, errors, where)
    return found


def check_types(cls: type, mapping: object, where: str) -> None:
    """HarnessError unless every entry of `mapping` is a key of `cls` with the right type. Keys may be missing."""
    errors = [error for error in _validated(cls, mapping, where)[1] if error["type"] not in (MISSING, "value_error")]
    if errors:
        raise _complaint(cls, errors, where)


def _validated(cls: Any, mapping: object, where: str) -> tuple[Any, list[dict[str, Any]]]:
    """The instance and no errors, or None and pydantic's errors. Their locations start at `mapping`."""
    from pydantic import ValidationError  # here, because processes that decode pictures import this module and check nothing

    values = plain(mapping, where)
    try:
        (found,) = _adapter(cls).validate_json(f"[{json.dumps(values)}]")
    except ValidationError as error:
        return None, [{**entry, "loc": entry["loc"][1:]} for entry in error.errors(include_url=False)]
    except HarnessError as error:  # from a __post_init__
        raise HarnessError(f"{where}: {error}" if where else str(error)) from error
    for name, value in values.items():  # pydantic lets 32.0 pass for Literal[32]
        if isinstance(value, bool | float) and type(getattr(found, name)) is int:
            choices = str(get_args(get_type_hints(cls)[name]))
            return None, [{"type": "literal_error", "loc": (name,), "input": value, "ctx": {"expected": choices}}]
    return found, []


@cache
def _adapter(cls: Any) -> "TypeAdapter":
    """pydantic's validator for a list of one `cls`. For a bare dataclass pydantic would ignore these settings."""
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(tuple[cls], config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))


def _complaint(cls: type, errors: Sequence[dict[str, Any]], where: str) -> HarnessError:
    """The most useful error in our words. An unknown key comes before a missing one, because it may be that key misspelt."""
    order = {UNKNOWN: 0, MISSING: 1}
    error = min(errors, key=lambda entry: order.get(entry["type"], 2))
    *above, last = error["loc"] or ("",)
    inside = _dotted(where, above)
    section = inside or "params.yaml"
    if error["type"] == UNKNOWN:
        return unknown_choice(f"key in {section}", last, _keys(cls, above))
    if error["type"] == MISSING and isinstance(last, str):
        names = [entry["loc"][-1] for entry in errors if entry["type"] == MISSING and entry["loc"][:-1] == tuple(above)]
        return HarnessError(f"{section}: missing {', '.join(names)}; expected keys are {', '.join(_keys(cls, above))}; add it")
    key, value = _dotted(where, error["loc"]), error["input"]
    if error["type"] == MISSING:
        return _wrong_length(inside, value, len(value) + sum(entry["type"] == MISSING for entry in errors))
    if error["type"] == "too_long":
        return _wrong_length(key, value, error["ctx"]["max_length"])
    if error["type"] == "literal_error":
        choices = [text or number for text, number in re.findall(r"'([^']*)'|(-?\d+)", error["ctx"]["expected"])]
        return HarnessError(f"{key}: {unknown_choice('value', value, choices)}")
    if error["type"] == "value_error":
        return HarnessError(f"{key}: {error['ctx']['error']}")
    expected = EXPECTED.get(error["type"], error["msg"])
    return HarnessError(f"{key}: given {shown(value)}; expected {expected}{_quotes_hint(value, expected)}")


def _wrong_length(key: str, value: object, length: int) -> HarnessError:
    return HarnessError(f"{key}: given {shown(value)}; expected a list of {length} entries")


def _dotted(where: str, loc: Sequence[str | int]) -> str:
    return (where + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)).removeprefix(".")


def _keys(cls: Any, loc: Sequence[str | int]) -> list[str]:
    """The keys of the dataclass at `loc` inside `cls`."""
    for part in map(str, loc):  # follows a dataclass's field, dict[str, X] or tuple[X, ...]
        inner = get_args(cls)[::-1] if get_origin(cls) is dict else get_args(cls)
        cls = get_type_hints(cls)[part] if dataclasses.is_dataclass(cls) else inner[0]
    return [field.name for field in dataclasses.fields(cls) if field.init]


def _quotes_hint(value: object, expected: str) -> str:
    if isinstance(value, str) and "number" in expected:
        try:
            float(value)
            return "; write it without quotes"
        except ValueError:
            pass
    return ""
