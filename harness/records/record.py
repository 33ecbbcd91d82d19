"""Reads and writes records, one JSON file per result. Tables, figures and MLflow read their results only from them."""

from pathlib import Path
from typing import Any, TypeVar

import pydantic_core
from pydantic import ValidationError

from harness.errors import HarnessError
from harness.files import digest, sha256_file, write_json
from harness.records.measured import Measurement, Throughput, Training
from harness.records.models import SCHEMA_VERSION, AnchorRecord, CostRecord, PublishedRecord, Record, Run, ScoreRecord, Sealed
from harness.strict_json import load_json, parse_json

ARTEFACTS = ("curves", "samples", "maps", "interpolation")  # fields of a record that hold the path of a file
Illustrated = ScoreRecord | PublishedRecord | AnchorRecord  # records that name files
KINDS: dict[str, type[Sealed]] = {
    "score": ScoreRecord,
    "cost": CostRecord,
    "anchor": AnchorRecord,
    "published": PublishedRecord,
    "measurement": Measurement,
    "throughput": Throughput,
    "run": Run,
    "training": Training,
}
File = TypeVar("File", bound=Sealed)


def make(kind: type[File], **fields: Any) -> File:
    """A sealed record of one kind from its fields (models or plain values). HarnessError names a field that does not fit."""
    name = fields.get("cell", fields.get("network"))
    return seal(_validated(kind, fields, f"new {_kind_name(kind)} {name!r}"))


def seal(record: File) -> File:
    """A validated copy of the record with its digests and those of its artefacts.

    HarnessError if a field does not fit, or a file that the record names does not exist.
    """
    where = f"{_kind_name(type(record))} {getattr(record, 'cell', getattr(record, 'network', ''))!r}"
    fields = record.model_dump(warnings=False)
    if isinstance(record, Record):
        fields["config_digest"] = _digest(fields["config"], where)
    if isinstance(record, Illustrated):
        fields["artefacts"] = artefact_digests(record)
    sealed = _validated(type(record), fields, where)
    return sealed.model_copy(update={"digest": _digest(_content(sealed), where)})


def write_record(path: Path | str, record: Sealed) -> None:
    """Seals `record` and writes it atomically."""
    write_json(path, seal(record).model_dump())


def read_record(path: Path | str) -> Sealed:
    """The record in a file. If it is corrupt or was altered, HarnessError names the file and the fault."""
    return _checked(load_json(path, "record"), str(path))


def parse_record(content: bytes, where: str) -> Sealed:
    """Does what `read_record` does, for the content of a file. `where` names the file in errors."""
    try:
        return _checked(parse_json(content), where)
    except ValueError as error:
        raise HarnessError(f"{where}: not a readable record ({error}); restore the file or rerun its stage") from error


def _checked(value: Any, path: str) -> Sealed:
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise HarnessError(f"{path}: not a record (kind is {str(kind)[:100]!r}); expected kind {', '.join(KINDS)}")
    if issubclass(KINDS[kind], Record) and value.get("schema_version") != SCHEMA_VERSION:
        given = str(value.get("schema_version"))[:100]
        raise HarnessError(f"{path}: schema_version is {given}, expected {SCHEMA_VERSION}; rerun the stage that wrote it")
    record = _validated(KINDS[kind], value, path)
    _check_digests(record, path)
    return record


def read_as(kind: type[File], path: Path | str) -> File:
    """The record of the given kind in a file. HarnessError if it is of another kind, and as in `read_record`."""
    record = read_record(path)
    if not isinstance(record, kind):
        raise HarnessError(f"{path}: holds a {record.kind} record; expected {_kind_name(kind)}; rerun its stage")
    return record


def artefact_paths(record: Illustrated) -> list[str]:
    """Files that a record names, relative to the working directory."""
    paths = [getattr(record, field, None) for field in ARTEFACTS]
    if isinstance(record, ScoreRecord):
        paths += [part.path for part in (record.progress, record.neighbours) if part]
    return [path for path in paths if path]


def artefact_digests(record: Illustrated) -> dict[str, str]:
    """{path: sha256} of the files that a record names."""
    missing = [path for path in artefact_paths(record) if not Path(path).is_file()]
    if missing:
        raise HarnessError(f"record {record.cell!r} names {missing[0]}, which does not exist; write the file before the record")
    return {path: sha256_file(path) for path in artefact_paths(record)}


def _check_digests(record: Sealed, where: str) -> None:
    expected = {"digest": (record.digest, _content(record))}
    if isinstance(record, Record):
        expected["config_digest"] = (record.config_digest, record.config)
    for name, (given, content) in expected.items():
        if given != _digest(content, where):
            raise HarnessError(
                f"{where}: its content was altered after it was written ({name} does not match); "
                "restore the file from Git or rerun its stage"
            )
    if isinstance(record, Illustrated) and record.artefacts.keys() != set(artefact_paths(record)):
        raise HarnessError(f"{where}: artefacts are not the files that it names; restore the file from Git or rerun its stage")


def _content(record: Sealed) -> dict[str, Any]:
    return record.model_dump(exclude={"digest"})


def _digest(value: object, where: str) -> str:
    try:
        return digest(value)
    except ValueError as error:  # configurations may hold any value, so the models do not see NaN there
        raise HarnessError(f"{where}: holds a value that JSON has not, such as NaN ({error}); correct it first") from error


def _validated(kind: type[File], fields: dict[str, Any], where: str) -> File:
    """Validates the fields as JSON text, so that tuples and lists are the same."""
    try:
        return kind.model_validate_json(pydantic_core.to_json(fields, inf_nan_mode="constants"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = "/".join(map(str, first["loc"])) or "top level"
        given = first["input"]
        shown = f", given {str(given)[:100]!r}" if not isinstance(given, dict) else ""
        raise HarnessError(f"{where}: does not fit the record schema at {key}: {first['msg'][:200]}{shown}") from error
    except pydantic_core.PydanticSerializationError as error:
        raise HarnessError(f"{where}: holds a value that JSON has not ({str(error)[:200]}); correct it first") from error


def _kind_name(kind: type[Sealed]) -> str:
    return next((name for name, known in KINDS.items() if known is kind), kind.__name__)
