"""The text files beside a TensorFlow checkpoint: which one is the latest, and the network's configuration."""

import json
import re
from pathlib import Path

from harness.errors import HarnessError, short
from harness.names import check_name

_LARGEST = 1 << 16  # bytes; the published ones have under 1,000
_LINE = re.compile(r'(model_checkpoint_path|all_model_checkpoint_paths): "([^"\\]*)"')
_TIME = re.compile(r"(all_model_checkpoint_timestamps|last_preserved_timestamp): [0-9.e+-]+")


def latest_checkpoint(folder: Path) -> Path:
    """The prefix of the checkpoint that the text file `checkpoint` in `folder` names, in that folder.

    The file is CheckpointState of tensorflow/python/training/checkpoint_state.proto as text. Raises HarnessError for a
    missing or foreign file, and for a name that could be a path: nothing leaves the folder.
    """
    path = folder / "checkpoint"
    names = []
    for line in filter(None, map(str.strip, _text(path).splitlines())):
        found = _LINE.fullmatch(line)
        if not found and not _TIME.fullmatch(line):
            raise HarnessError(
                f"{path}: given the line {short(line)}; expected TensorFlow's list of checkpoints; get the file again"
            )
        if found and found[1] == "model_checkpoint_path":
            names.append(found[2])
    if len(names) != 1:
        raise HarnessError(f"{path}: given {len(names)} lines of model_checkpoint_path; expected one; get the file again")
    return folder / check_name(f"{path}: model_checkpoint_path", names[0])


def read_object(path: Path) -> dict[str, object]:
    """Reads a JSON file with one object. HarnessError for anything else, a repeated key, NaN and infinity."""
    try:
        value = json.loads(_text(path), object_pairs_hook=_no_key_twice, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise HarnessError(f"{path}: {str(error)[:200]}; expected JSON; get the file again") from None
    if not isinstance(value, dict):
        raise HarnessError(f"{path}: given a JSON {type(value).__name__}; expected an object; get the file again")
    return value


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise HarnessError(f"no file at {path}; expected the folder as published: config.json and best-training-checkpoints/")
        with path.open("rb") as handle:
            content = handle.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise HarnessError(f"{path}: given over {_LARGEST} bytes; expected a short text")
        return content.decode()
    except UnicodeDecodeError:
        raise HarnessError(f"{path}: given bytes that are not UTF-8; expected a short text; get the file again") from None
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror}; expected a readable file") from None


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {short(key)} is given twice")
        found[key] = value
    return found


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is given")
