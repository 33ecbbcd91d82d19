"""Pictures to memory-mapped shards on every core: bounded memory, resumable, the result independent of the number of processes.

A shard is the unit of work. Finished ones wait in a scratch directory beside the output, .ckpt/<name>-<digest>/, whose digest is
that of recipe, source and library versions; a killed preparation goes on from there. The output appears in one rename."""

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from harness.data.arrays import ArrayWriter, library_versions
from harness.data.images import Recipe
from harness.errors import HarnessError
from harness.files import atomic_path, digest, write_json, write_text

MAX_WORKERS = 16  # each takes about 45 MiB; more would not keep the whole under 1 GiB
SHARDS = 128  # aimed at: enough to spread over the cores, and little is lost with one
MIN_SHARD = 256  # images; fewer are not worth a process of their own
MAX_SHARD_BYTES = 2 << 30
REOPEN = 512  # pictures read through one handle: an lmdb map keeps in memory what it has shown


@dataclass(frozen=True)
class Shard:
    """One unit of work: `items` of `source`, made by `recipe`, to `path`; `done` records it once it is finished."""

    split: str
    path: Path
    done: Path
    source: object
    recipe: Recipe
    items: Sequence[tuple[str, object]]

    @property
    def bytes(self) -> int:
        return len(self.items) * 3 * self.recipe.resolution**2

    def items_digest(self) -> str:
        return hashlib.sha256("\n".join(map(repr, self.items)).encode()).hexdigest()


def prepare_images(
    out: Path, name: str, splits: dict[str, Sequence], source, recipe: Recipe, preparation: dict, **origin
) -> None:
    """Writes the pictures `splits` = {split: items of `source`} to the array directory `out`.

    `preparation` and `origin` go to the manifest, the latter beside the source's kind and its hash, which covers every picture's
    name and bytes in order. Raises HarnessError listing every picture that cannot be decoded; then `out` is left as it was."""
    out.parent.mkdir(parents=True, exist_ok=True)
    key = digest({"source": repr(source), "recipe": asdict(recipe), "versions": library_versions()})
    scratch = out.parent / ".ckpt" / f"{out.name}-{key[:12]}"
    (scratch / "done").mkdir(parents=True, exist_ok=True)
    total = sum(map(len, splits.values()))
    size = shard_images(total, 3 * recipe.resolution**2)
    workers = min(available_cores(), -(-total // size))
    writer, hasher, failures = ArrayWriter(scratch / "shards", name, recipe.resolution), hashlib.sha256(), []
    with tqdm(total=total, desc=f"prepare {out.name}", unit="img", disable=None, mininterval=0.5) as progress:
        for shard, failed in _in_order(fill_shard, _shards(splits, size, scratch, source, recipe), workers):
            progress.update(len(shard.items))
            failures += failed
            if not failures:
                writer.add_written(shard.split)
                _hash_source(hasher, shard)
    if failures:
        raise _failure(failures, total, source, scratch)
    writer.finish({"kind": source.kind, "sha256": hasher.hexdigest(), **origin}, preparation)
    _publish(scratch, out, writer)


def fill_shard(shard: Shard) -> list[str]:
    """Decodes the shard's pictures to its path, unless that is done. Returns what is wrong with those that cannot be decoded."""
    wanted = shard.items_digest()
    if _is_done(shard, wanted):
        return []
    failures, hashes = [], []
    with atomic_path(shard.path) as temporary, temporary.open("wb", buffering=1 << 20) as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(shard.items), 3, *[shard.recipe.resolution] * 2)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(shard.items), REOPEN):
            with shard.source.open() as read:
                for name, locator in shard.items[start : start + REOPEN]:
                    try:
                        data = read(name, locator)
                        image = shard.recipe(data, name)
                    except (HarnessError, OSError) as error:  # OSError: of reading; a full disk below is no picture's fault
                        failures.append(str(error))
                        continue
                    file.write(image)
                    hashes.append(hashlib.sha256(data).hexdigest())
    if failures:
        shard.path.unlink()
    else:
        write_json(shard.done, {"items": wanted, "sources": hashes})
    return failures


def _is_done(shard: Shard, wanted: str) -> bool:
    if not (shard.done.is_file() and shard.path.is_file()):
        return False
    whole = shard.path.stat().st_size >= shard.bytes
    return whole and json.loads(shard.done.read_text(encoding="utf-8"))["items"] == wanted


def _hash_source(hasher, shard: Shard) -> None:
    sources = json.loads(shard.done.read_text(encoding="utf-8"))["sources"]
    for (name, _), source in zip(shard.items, sources, strict=True):
        hasher.update(f"{source}  {name}\n".encode())


def _shards(splits: dict[str, Sequence], size: int, scratch: Path, source, recipe: Recipe) -> Iterator[Shard]:
    for split, items in splits.items():
        for number, start in enumerate(range(0, len(items), size)):
            name = f"{split}-{number:05d}"
            path, done = scratch / "shards" / f"{name}.npy", scratch / "done" / f"{name}.json"
            yield Shard(split, path, done, source, recipe, items[start : start + size])


def shard_images(count: int, image_bytes: int) -> int:
    """Images per shard."""
    return max(1, min(max(count // SHARDS, MIN_SHARD), MAX_SHARD_BYTES // image_bytes))


def available_cores() -> int:
    """Cores this process may use (taskset narrows them), at most MAX_WORKERS."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_WORKERS)


def _in_order(work: Callable, tasks: Iterable, workers: int) -> Iterator[tuple]:
    """(task, work(task)) in the tasks' order; at most a few tasks per worker are held at a time."""
    if workers <= 1:
        yield from ((task, work(task)) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")  # fork is unsafe once a library has started threads
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    waiting = deque()
    try:
        for task in tasks:
            waiting.append((task, executor.submit(work, task)))
            if len(waiting) > 2 * workers:
                task, future = waiting.popleft()
                yield task, future.result()
        for task, future in waiting:
            yield task, future.result()
    except BrokenProcessPool as error:
        raise HarnessError(
            "a decoding process was killed, perhaps for its memory; run again: it goes on where it stopped"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """Ctrl-C is the parent's to handle; a worker whose parent was killed must not go on writing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def _failure(failures: list[str], total: int, source, scratch: Path) -> HarnessError:
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
        if path.name not in wanted:
            path.unlink()
    if out.is_dir():
        shutil.rmtree(out)
    os.replace(scratch / "shards", out)
    shutil.rmtree(scratch)
