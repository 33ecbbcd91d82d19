"""Pictures to memory-mapped shards on every core: bounded memory, resumable, the result independent of the number of processes.

A shard is the unit of work. Finished ones wait in a scratch directory beside the output, .ckpt/<name>-<digest>/, whose digest is
that of recipe, source and library versions; a killed preparation goes on from there. The output appears in one rename."""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from harness.data.images import Recipe
from harness.data.manifest import library_versions
from harness.data.pool import available_cores, in_order
from harness.data.shards import Finished, Work, fill_shard
from harness.data.sources import Items, Source
from harness.data.writer import ArrayWriter
from harness.errors import HarnessError
from harness.files import digest, write_text

SHARDS = 128  # aimed at: enough to spread over the cores, and little is lost with one
MIN_SHARD = 256  # images; fewer are not worth a process of their own
MAX_SHARD_BYTES = 2 << 30


def prepare_images(
    out: Path,
    name: str,
    splits: Mapping[str, Items],
    source: Source,
    recipe: Recipe,
    preparation: dict[str, Any],
    spare: int = 0,
    **origin: Any,
) -> None:
    """Writes the pictures `splits` = {split: items of `source`} to the array directory `out`.

    `preparation` and `origin` go to the manifest, the latter beside the source's kind and its hash, which covers every picture's
    name and bytes in order. Up to `spare` pictures that cannot be decoded are left out: a warning and the manifest name them.
    Raises HarnessError listing every picture that cannot be decoded; then `out` is left as it was."""
    out.parent.mkdir(parents=True, exist_ok=True)
    key = digest({"source": repr(source), "recipe": asdict(recipe), "versions": library_versions()})
    scratch = out.parent / ".ckpt" / f"{out.name}-{key[:12]}"
    (scratch / "done").mkdir(parents=True, exist_ok=True)
    total = sum(map(len, splits.values()))
    size = shard_images(total, 3 * recipe.resolution**2)
    workers = min(available_cores(), -(-total // size))
    writer, hasher = ArrayWriter(scratch / "shards", name, recipe.resolution), hashlib.sha256()
    failures: list[str] = []
    left_out: dict[str, str] = {}
    with tqdm(total=total, desc=f"prepare {out.name}", unit="img", disable=None, mininterval=0.5) as progress:
        for work, (failed, finished) in in_order(fill_shard, _shards(splits, size, scratch, source, recipe, spare), workers):
            progress.update(len(work.items))
            failures += failed
            left_out |= finished.left_out if finished else {}
            if finished and not failures:
                writer.add_written(work.split, finished.sha256)
                _hash_source(hasher, work, finished)
    if failures or len(left_out) > spare:
        raise _failure([*left_out.values(), *failures], total, source, scratch)
    if left_out:
        origin["left_out"] = sorted(left_out)
        reasons = "; ".join(left_out.values())[:500]
        print(f"warning: {source}: left out {len(left_out)} of {total} pictures: {reasons}", file=sys.stderr, flush=True)
    writer.finish({"kind": source.kind, "sha256": hasher.hexdigest(), **origin}, preparation)
    _publish(scratch, out, writer)


def _hash_source(hasher: Any, work: Work, finished: Finished) -> None:
    kept = [name for name, _ in work.items if name not in finished.left_out]
    for name, sha256 in zip(kept, finished.sources, strict=True):
        hasher.update(f"{sha256}  {name}\n".encode())


def _shards(splits: Mapping[str, Items], size: int, scratch: Path, source: Source, recipe: Recipe, spare: int) -> Iterator[Work]:
    for split, items in splits.items():
        for number, start in enumerate(range(0, len(items), size)):
            name = f"{split}-{number:05d}"
            path, done = scratch / "shards" / f"{name}.npy", scratch / "done" / f"{name}.json"
            yield Work(split, path, done, source, recipe, items[start : start + size], spare)


def shard_images(count: int, image_bytes: int) -> int:
    """Images per shard."""
    return max(1, min(max(count // SHARDS, MIN_SHARD), MAX_SHARD_BYTES // image_bytes))


def _failure(failures: list[str], total: int, source: Source, scratch: Path) -> HarnessError:
    if len(failures) == 1:
        return HarnessError(f"{source}: {failures[0]}")
    listing = scratch / "errors.txt"
    write_text(listing, "\n".join(failures) + "\n")
    shown = " | ".join(failures[:3])
    return HarnessError(
        f"{source}: {len(failures)} of {total} pictures cannot be used, all listed in {listing}; the first: {shown}"
    )


def _publish(scratch: Path, out: Path, writer: ArrayWriter) -> None:
    """Renames the finished shards to `out`, less what an interrupted run or another set of pictures left among them."""
    wanted = {shard["file"] for entry in writer.splits.values() for shard in entry["shards"]} | {"manifest.json"}
    for path in (scratch / "shards").iterdir():
        if path.is_dir():  # half-written, by a process that was killed
            shutil.rmtree(path)
        elif path.name not in wanted:
            path.unlink()
    if out.is_dir():
        shutil.rmtree(out)
    os.replace(scratch / "shards", out)
    shutil.rmtree(scratch)
