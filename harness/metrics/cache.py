"""Keeps reference features on disk. The key is a digest of what they were made from: images, weights, preparation, count."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.data.npy import read_npy, write_npy
from harness.errors import HarnessError
from harness.files import atomic_path, digest, write_json
from harness.metrics.features import OUTPUTS, Features
from harness.metrics.frechet import Statistics
from harness.metrics.shards import ALONE
from harness.training.distributed import Ranks

VERSION = 3  # 3: by the folded network
PARTS = ("pool", "spatial")  # the features whose statistics are kept too
ENTRY = "made_from.json"


def cached_features(
    folder: Path, made_from: dict[str, Any], label: str, compute: Callable[[], Features | None], ranks: Ranks = ALONE
) -> Features | None:
    """The features made from `made_from` (JSON values): memory-mapped from `folder`, or computed and stored there.

    On a hit `compute` is not called, so no image is opened. Every file is checked against its sha256 first; HarnessError names a
    damaged one. If the folder cannot be read or written, there is a warning and the features are computed. Entries are never
    removed: delete the folder to free the space.
    Only rank 0 uses the folder; the other ranks get None. Either all ranks compute or none does.
    """
    entry = folder / digest({"version": VERSION, **made_from})
    found = _read(entry, label) if ranks.rank == 0 else None
    if ranks.share(found is not None):
        return found
    seen = compute()
    if seen is not None:  # only rank 0 has them
        _keep(entry, seen, made_from)
    return seen


def _keep(entry: Path, seen: Features, made_from: dict[str, Any]) -> None:
    try:
        if entry.exists():  # another process has stored them meanwhile
            return
        with atomic_path(entry) as temporary:
            temporary.mkdir(parents=True)
            _write(temporary, seen, made_from)
    except OSError as error:
        _warn(f"the reference's features cannot be kept in {entry.parent} ({error}); going on without")


def _write(entry: Path, seen: Features, made_from: dict[str, Any]) -> None:
    arrays = {name: getattr(seen, name) for name in OUTPUTS}
    for part in PARTS:
        found = seen.statistics(part)
        arrays |= {f"{part}-mean": found.mean, f"{part}-scatter": found.scatter}
    hashes = {name: write_npy(entry / f"{name}.npy", array) for name, array in arrays.items()}
    content = {**made_from, "count": len(seen), "image_shape": seen.image_shape, "files": hashes}
    write_json(entry / ENTRY, {**content, "check": digest(content)})


def _read(entry: Path, label: str) -> Features | None:
    """The features in `entry`; None if there is none, or if it cannot be read. HarnessError if it is damaged."""
    advice = "delete that folder and run again"
    try:
        content = json.loads((entry / ENTRY).read_text(encoding="utf-8"))
        if digest({key: value for key, value in content.items() if key != "check"}) != content["check"]:
            raise ValueError("it does not match its own check sum")
        arrays = {name: read_npy(entry / f"{name}.npy", sha256, advice) for name, sha256 in content["files"].items()}
        count, shape = content["count"], content["image_shape"]
        kept = {part: Statistics(count, arrays[f"{part}-mean"], arrays[f"{part}-scatter"]) for part in PARTS}
        outputs = [arrays[name] for name in OUTPUTS]
    except (FileNotFoundError, NotADirectoryError):
        _check_missing(entry, advice)
        return None
    except OSError as error:
        _warn(f"the reference's features cannot be read from {entry} ({error}); computing them again")
        return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HarnessError(f"cached features {entry} are damaged ({error!r}); {advice}") from error
    shape = None if shape is None else tuple(shape)
    pool, spatial, logits = outputs
    return Features(pool, spatial, logits, label, image_shape=shape, _statistics=kept)


def _check_missing(entry: Path, advice: str) -> None:
    """HarnessError if the entry exists in part. Entries are renamed into place whole, so a file was removed."""
    if (entry / ENTRY).is_file():
        raise HarnessError(f"cached features {entry} lack a file; {advice}")


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)
