"""Computes the features of many images in parts on disk. A killed extraction resumes, and says how long it will take.

A part is one .npy file with the features of a few hundred images, side by side. An index beside the parts has their sha256. It is
written after each part. Complete parts become one entry of the cache of features (harness.metrics.cache) and are removed.
"""

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.npy import read_npy, write_npy
from harness.data.views import Images, Span, image_shape
from harness.errors import HarnessError
from harness.files import atomic_path, digest, write_json
from harness.locks import output_lock
from harness.metrics.cache import cached_features
from harness.metrics.extractors import Extractor
from harness.metrics.features import OUTPUTS, Features, features
from harness.metrics.reference import CACHE
from harness.strict_json import load_json

PART = 512  # images; some tens of seconds of one core, 10 MB
INDEX = "parts.json"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Work:
    """How features are computed and where they are kept. A kill loses at most the `part` images in progress."""

    extractor: Extractor
    batch: int
    cache: Path = CACHE
    part: int = PART
    say: Say = lambda line: print(line, file=sys.stderr, flush=True)


def kept_features(images: Images, made_from: dict[str, Any], work: Work, what: str) -> Features:
    """The features of `images`, which `made_from` (JSON values) decides: memory-mapped from the cache, computed first if needed.

    `what` names them in the lines of progress. HarnessError if a kept file is damaged. InUse if another process
    computes the same features.
    """
    parts = work.cache / "parts" / digest({**made_from, "batch": work.batch, "part": work.part})

    def read_or_compute() -> Features | None:
        compute = lambda: features_in_parts(images, parts, work, what)  # noqa: E731
        return cached_features(work.cache, made_from, work.extractor.label, compute)

    with output_lock(parts):  # whoever is ready first removes the parts
        found = read_or_compute()
        if found is not None and not isinstance(found.pool, np.memmap):
            found = read_or_compute()  # computed features fill a gigabyte of memory; kept ones are mapped
        if found is None:
            raise HarnessError(f"no features of {what} were kept; another process may have removed them; run this one alone")
        if isinstance(found.pool, np.memmap):
            shutil.rmtree(parts, ignore_errors=True)
    return found


def features_in_parts(images: Images, folder: Path, work: Work, what: str) -> Features:
    """Features of all the images. Parts in `folder` are read; missing ones are computed and added there."""
    if not len(images):
        raise HarnessError(f"given no images of {what}; expected at least one")
    folder.mkdir(parents=True, exist_ok=True)
    done = _read_index(folder)
    _compute_missing(images, folder, done, work, what)
    out: dict[str, np.ndarray] = {}  # filled only now, because the extractor's own memory is as large
    for start, stop, name in _spans(len(images), work.part):
        for part, values in _read_part(folder, name, done, stop - start).items():
            out.setdefault(part, np.empty((len(images), values.shape[1]), np.float32))[start:stop] = values
    return Features(out["pool"], out["spatial"], out["logits"], work.extractor.label, image_shape=image_shape(images))


def _compute_missing(images: Images, folder: Path, done: dict[str, Any], work: Work, what: str) -> None:
    progress = Progress(what, len(images), work.say)
    for start, stop, name in _spans(len(images), work.part):
        if name in done["sha256"]:
            _read_part(folder, name, done, stop - start)  # finds damage before the hours of computing the others
            progress.skip(stop - start)
            continue
        seen = features(Span(images, start, stop), work.extractor, work.batch, progress=False)
        _write_part(folder, name, {part: getattr(seen, part) for part in OUTPUTS}, done)
        progress.add(stop - start)


def _spans(count: int, part: int) -> list[tuple[int, int, str]]:
    """(start, stop, name) of every part."""
    return [(start, min(start + part, count), f"{start:08d}") for start in range(0, count, part)]


class Progress:
    """Prints lines such as `latents of seed 1: 1,024 of 50,000 images, 9.3 images/s, 1 h 28 min left`, without kept images."""

    def __init__(self, what: str, count: int, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self.what, self.count, self.say, self.clock = what, count, say, clock
        self.began, self.kept, self.made = clock(), 0, 0

    def skip(self, count: int) -> None:
        """Counts images that were already there."""
        self.kept += count

    def add(self, count: int) -> None:
        """Counts images made now, and prints a line."""
        self.made += count
        rate = self.made / max(self.clock() - self.began, 1e-9)
        minutes = round((self.count - self.kept - self.made) / rate / 60)
        left = f"{minutes // 60} h {minutes % 60:02d} min left"
        self.say(f"{self.what}: {self.kept + self.made:,} of {self.count:,} images, {rate:.1f} images/s, {left}")


def _read_index(folder: Path) -> dict[str, Any]:
    """{"widths": {output: columns}, "sha256": {part: hash}} of the parts on disk. HarnessError if the index is damaged."""
    path = folder / INDEX
    if not path.is_file():
        return {"widths": {}, "sha256": {}}
    found = load_json(path, "index of features")
    if not isinstance(found, dict) or found.get("check") != digest({key: found.get(key) for key in ("widths", "sha256")}):
        raise HarnessError(f"{path} is damaged: it does not match its own check sum; delete {folder} and run again")
    return {key: found[key] for key in ("widths", "sha256")}


def _read_part(folder: Path, name: str, done: dict[str, Any], count: int) -> dict[str, np.ndarray]:
    advice = f"delete {folder} and run again"
    try:
        values = read_npy(folder / f"{name}.npy", done["sha256"][name], advice)
    except FileNotFoundError as error:
        raise HarnessError(f"{folder / name}.npy is missing, though {INDEX} names it; {advice}") from error
    edges = np.cumsum([done["widths"][part] for part in OUTPUTS])
    if values.shape != (count, edges[-1]):
        raise HarnessError(f"{folder / name}.npy holds {values.shape}; expected {(count, int(edges[-1]))}; {advice}")
    return dict(zip(OUTPUTS, np.split(values, edges[:-1], axis=1), strict=True))


def _write_part(folder: Path, name: str, found: dict[str, np.ndarray], done: dict[str, Any]) -> None:
    """Adds a part and, once it is on the disk, its hash."""
    with atomic_path(folder / f"{name}.npy") as temporary:
        done["sha256"][name] = write_npy(temporary, np.concatenate([found[part] for part in OUTPUTS], axis=1))
    done["widths"] = {part: found[part].shape[1] for part in OUTPUTS}
    write_json(folder / INDEX, {**done, "check": digest(done)})
