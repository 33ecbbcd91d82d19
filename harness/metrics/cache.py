"""Reference features kept on disk under what they were made from: another image, weight, preparation or count is another key."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.files import atomic_path, digest, write_json
from harness.metrics.features import OUTPUTS, Features
from harness.metrics.frechet import Statistics
from harness.metrics.shards import ALONE
from harness.training.distributed import Ranks

VERSION = 1
PARTS = ("pool", "spatial")  # the features whose statistics are kept too


def cached_features(
    folder: Path, made_from: dict[str, Any], label: str, compute: Callable[[], Features | None], ranks: Ranks = ALONE
) -> Features | None:
    """The features made from `made_from` (JSON values): read from `folder`, memory-mapped, or computed and kept there.

    A hit calls nothing and so opens no image. Entries are never evicted: delete the folder to free the space. Of several ranks
    rank 0 alone looks, reads and writes, and the others get None; all of them compute, or none.
    """
    entry = folder / digest({"version": VERSION, **made_from})
    if ranks.share((entry / "made_from.json").is_file()):
        return _read(entry, label) if ranks.rank == 0 else None
    seen = compute()
    if seen is None or entry.exists():  # another rank's to keep, or another process was faster
        return seen
    with atomic_path(entry) as temporary:
        temporary.mkdir(parents=True)
        _write(temporary, seen, made_from)
    return seen


def _write(entry: Path, seen: Features, made_from: dict[str, Any]) -> None:
    for name in OUTPUTS:
        np.save(entry / f"{name}.npy", getattr(seen, name), allow_pickle=False)
    for part in PARTS:
        found = seen.statistics(part)
        np.save(entry / f"{part}-mean.npy", found.mean, allow_pickle=False)
        np.save(entry / f"{part}-scatter.npy", found.scatter, allow_pickle=False)
    write_json(entry / "made_from.json", {**made_from, "count": len(seen)})


def _read(entry: Path, label: str) -> Features:
    try:
        count = json.loads((entry / "made_from.json").read_text(encoding="utf-8"))["count"]
        outputs = {name: _load(entry, name) for name in OUTPUTS}
        kept = {part: Statistics(count, _load(entry, f"{part}-mean"), _load(entry, f"{part}-scatter")) for part in PARTS}
    except (ValueError, OSError, KeyError) as error:
        raise HarnessError(f"cached features {entry} cannot be read ({error}); delete that folder and run again") from error
    if {len(array) for array in outputs.values()} != {count}:
        raise HarnessError(f"cached features {entry} do not have {count} rows; delete that folder and run again")
    return Features(**outputs, label=label, _statistics=kept)


def _load(entry: Path, name: str) -> np.ndarray:
    return np.load(entry / f"{name}.npy", mmap_mode="r", allow_pickle=False)
