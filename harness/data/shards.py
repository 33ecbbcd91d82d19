"""Makes one shard of prepared pictures, the unit of work. It is finished when the hash of its file is recorded."""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.images import Recipe
from harness.data.sources import Source
from harness.errors import HarnessError
from harness.files import atomic_path, digest, sha256_file, write_json

REOPEN = 512  # pictures read before the source is opened again, because an lmdb map stays in memory


@dataclass(frozen=True)
class Work:
    """One shard to make: `items` of `source`, made by `recipe`, to `path`; `done` records it once it is finished."""

    split: str
    path: Path
    done: Path
    source: Source
    recipe: Recipe
    items: Sequence[tuple[str, Any]]
    spare: int = 0  # pictures that may be left out because they cannot be decoded

    def items_digest(self) -> str:
        """Digest of the items' names and locators."""
        return hashlib.sha256("\n".join(map(repr, self.items)).encode()).hexdigest()


@dataclass(frozen=True)
class Finished:
    """What is known of a finished shard: digest of its items, sha256 of each picture's bytes, sha256 of the shard's file, and
    {name: reason} of pictures that were left out."""

    items: str
    sources: list[str]
    sha256: str
    left_out: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Writes it to `path`, with a check sum of its own."""
        write_json(path, {**asdict(self), "check": digest(asdict(self))})


def read_finished(path: Path) -> Finished | None:
    """Reads what was written to `path`. None if it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        check = content.pop("check")
        return Finished(**content) if digest(content) == check else None
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def fill_shard(work: Work) -> tuple[list[str], Finished | None]:
    """Decodes the shard's pictures to its path, unless that is done.

    Returns the errors of pictures that cannot be decoded, and what is known of the shard if there are none, or if these pictures
    can be left out.
    """
    wanted = work.items_digest()
    finished = read_finished(work.done)
    again = finished and finished.left_out  # they may have been repaired
    if finished and not again and finished.items == wanted and work.path.is_file() and sha256_file(work.path) == finished.sha256:
        return [], finished
    failures, hashes, sha256 = _write(work)
    if failures:
        work.path.unlink()
        if len(failures) > work.spare or len(failures) == len(work.items):
            return list(failures.values()), None
        failed_again, hashes, sha256 = _write(replace(work, items=[item for item in work.items if item[0] not in failures]))
        if failed_again:
            work.path.unlink()
            return list(failed_again.values()), None
    finished = Finished(wanted, hashes, sha256, failures)
    finished.write(work.done)
    return [], finished


def _write(work: Work) -> tuple[dict[str, str], list[str], str]:
    """Writes the shard. Returns {name: reason} of what could not be decoded, each picture's hash, the file's hash."""
    failures: dict[str, str] = {}
    hashes: list[str] = []
    with atomic_path(work.path) as temporary, temporary.open("wb", buffering=1 << 20) as file:
        shape = (len(work.items), 3, work.recipe.resolution, work.recipe.resolution)
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
        whole = hashlib.sha256(header.getvalue())
        file.write(header.getvalue())
        for image, sha256 in _decoded(work, failures):
            file.write(image.data)
            whole.update(image.data)
            hashes.append(sha256)
    return failures, hashes, whole.hexdigest()


def _decoded(work: Work, failures: dict[str, str]) -> Iterator[tuple[np.ndarray, str]]:
    """Every picture of the shard, decoded, with the sha256 of its bytes. Errors are added to `failures`, {name: reason}."""
    for start in range(0, len(work.items), REOPEN):
        with work.source.open() as read:
            for name, locator in work.items[start : start + REOPEN]:
                try:
                    data = read(name, locator)
                    image = work.recipe(data, name)
                except (HarnessError, OSError) as error:  # OSError: of reading the picture; the shard is written elsewhere
                    failures[name] = str(error)
                    continue
                yield image, hashlib.sha256(data).hexdigest()
