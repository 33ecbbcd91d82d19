"""One JSON file per result: the only source of truth for the tables, the figures and MLflow."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from harness.errors import HarnessError, unknown_choice
from harness.files import digest, sha256_file, write_json
from harness.records.environment import environment
from harness.records.schema import DEFAULTS, SCHEMAS

SCHEMA_VERSION = 1
ARTEFACTS = ("curves", "samples", "maps", "interpolation")  # fields of a score record that hold the path of a file
VALIDATORS = {kind: Draft202012Validator(schema) for kind, schema in SCHEMAS.items()}


def new_record(
    kind: str, *, cell: str, profile: str, config: dict, command: str, wall_seconds: float, status: str = "ok", **fields
) -> dict:
    """A complete record of `kind` "score", "cost" or "anchor": the common fields filled in, `fields` added, all validated.

    Digests of the configuration and of every artefact named in `fields` are computed here, and the environment is
    recorded unless `fields` brings its own git, versions and device. Fields left out get the defaults of
    `harness.records.schema`. Raises HarnessError where a field is unknown, missing or of the wrong type.
    """
    if kind not in SCHEMAS:
        raise unknown_choice("record kind", kind, SCHEMAS)
    head = {"schema_version": SCHEMA_VERSION, "kind": kind, "cell": cell, "profile": profile, "config": config}
    body = {"command": command, "wall_seconds": wall_seconds, "status": status}
    known = {"git", "versions", "device"} <= fields.keys()
    record = head | ({} if known else environment()) | body | DEFAULTS[kind] | fields
    if kind == "score":
        record["artefacts"] = artefact_digests(record)
    return _seal(record, f"new {kind} record {cell!r}")


def write_record(path: Path | str, record: dict) -> None:
    """Validates `record`, renews its digests and writes it atomically."""
    write_json(path, _seal(record, str(path)))


def read_record(path: Path | str) -> dict:
    """The record in a file; HarnessError names the file and what is wrong with a corrupt or altered one."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise HarnessError(
            f"{path}: not a readable JSON record ({error}); restore the file from Git or rerun its stage"
        ) from error
    _check(record, str(path))
    for name, content in (("digest", _content(record)), ("config_digest", record["config"])):
        if record[name] != digest(content):
            raise HarnessError(
                f"{path}: its content was altered after it was written ({name} does not match); "
                "restore the file from Git or rerun its stage"
            )
    return record


def artefact_digests(record: dict) -> dict[str, str]:
    """{path: sha256} of the files that a score record names (paths relative to the working directory)."""
    paths = [record[field] for field in ARTEFACTS if record.get(field)]
    paths += [record["progress"]["path"]] if "progress" in record else []
    missing = [path for path in paths if not Path(path).is_file()]
    if missing:
        raise HarnessError(
            f"record {record['cell']!r} names {missing[0]}, which does not exist; write the file before the record"
        )
    return {str(path): sha256_file(path) for path in paths}


def _seal(record: dict, where: str) -> dict:
    """A copy of plain JSON types (integer keys become strings) with its digests, validated."""
    record = json.loads(json.dumps(record, allow_nan=False))
    record["config_digest"] = digest(record["config"])
    record["digest"] = digest(_content(record))
    _check(record, where)
    return record


def _content(record: dict) -> dict:
    return {name: value for name, value in record.items() if name != "digest"}


def _check(record: object, where: str) -> None:
    kind = record.get("kind") if isinstance(record, dict) else None
    if kind not in SCHEMAS:
        raise HarnessError(f"{where}: not a record (kind is {kind!r}); expected kind {', '.join(SCHEMAS)}")
    error = best_match(VALIDATORS[kind].iter_errors(record))
    if error is not None:
        place = "/".join(map(str, error.absolute_path)) or "top level"
        raise HarnessError(f"{where}: does not fit the record schema at {place}: {error.message[:200]}")
