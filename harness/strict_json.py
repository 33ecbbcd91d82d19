"""Reads JSON strictly. Every error is one line that names the file."""

import json
import math
from pathlib import Path
from typing import Any

from harness.errors import HarnessError

LARGEST = 64 * 2**20  # bytes of a file; this project's largest record has 20,000


def load_json(path: Path | str, what: str = "JSON file") -> Any:
    """The value in a JSON file.

    HarnessError if the file cannot be read, is too large, nests too deep, or contains what JSON does not allow: NaN, infinity, a
    repeated key, half a surrogate pair.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise ValueError(f"it has {size:,} bytes, at most {LARGEST:,} are read")
        return parse_json(path.read_bytes())
    except OSError as error:
        raise HarnessError(f"{path}: not a readable {what} ({error.strerror}); restore the file or rerun its stage") from error
    except ValueError as error:
        raise HarnessError(f"{path}: not a readable {what} ({error}); restore the file from Git or rerun its stage") from error


def parse_json(content: bytes | str) -> Any:
    """The value of a JSON text. ValueError says briefly what is wrong with it."""
    text = content.decode("utf-8") if isinstance(content, bytes) else content
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite, parse_int=_integer)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except UnicodeEncodeError as error:
        raise ValueError("half a surrogate pair in a text") from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice[:100]!r} stands twice")
    return found


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:30]} is not finite")
    return value


def _integer(text: str) -> int:
    if len(text) > 20:
        raise ValueError(f"an integer of {len(text):,} digits")
    return int(text)
