"""Pictures to memory-mapped shards on every core: bounded memory, resumable, the result independent of the number of processes.

A shard is the unit of work. Finished ones wait in a scratch directory beside the output, .ckpt/<name>-<digest>/, whose digest is
that of recipe, source and library versions; a killed preparation goes on from there. The output appears in one rename."""

import hashlib
import io
import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from harness.data.images import Recipe
from harness.data.manifest import library_versions
from harness.data.sources import Items, Source
from harness.data.writer import ArrayWriter
from harness.errors import HarnessError
from harness.files import atomic_path, digest, sha256_file, write_json, write_text

MAX_WORKERS = 16  # each takes about 45 MiB; more would not keep the whole under 1 GiB
SHARDS = 128  # aimed at: enough to spread over the cores, and little is lost with one
MIN_SHARD = 256  # images; fewer are not worth a process of their own
MAX_SHARD_BYTES = 2 << 30
REOPEN = 512  # pictures read through one handle: an lmdb map keeps in memory what it has shown

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Work:
    """One shard to make: `items` of `source`, made by `recipe`, to `path`; `done` records it once it is finished."""

    split: str
    path: Path
    done: Path
    source: Source
    recipe: Recipe
    items: Sequence[tuple[str, Any]]

    def items_digest(self) -> str:
        """Digest of the items' names and locators."""
        return hashlib.sha256("\n".join(map(repr, self.items)).encode()).hexdigest()


@dataclass(frozen=True)
class Finished:
    """What is known of a finished shard: digest of its items, sha256 of each picture's bytes, sha256 of the shard's file."""

    items: str
    sources: list[str]
    sha256: str

    def write(self, path: Path) -> None:
        """Writes it to `path`, with a check sum of its own."""
        write_json(path, {**asdict(self), "check": digest(asdict(self))})


def read_finished(path: Path) -> Finished | None:
    """What was written to `path`; None if there is nothing, or if it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        check = content.pop("check")
        return Finished(**content) if digest(content) == check else None
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def prepare_images(
    out: Path,
    name: str,
    splits: Mapping[str, Items],
    source: Source,
    recipe: Recipe,
    preparation: dict[str, Any],
    **origin: Any,
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
    writer, hasher = ArrayWriter(scratch / "shards", name, recipe.resolution), hashlib.sha256()
    failures: list[str] = []
    with tqdm(total=total, desc=f"prepare {out.name}", unit="img", disable=None, mininterval=0.5) as progress:
        for work, (failed, finished) in _in_order(fill_shard, _shards(splits, size, scratch, source, recipe), workers):
            progress.update(len(work.items))
            failures += failed
            if finished and not failures:
                writer.add_written(work.split, finished.sha256)
                _hash_source(hasher, work, finished)
    if failures:
        raise _failure(failures, total, source, scratch)
    writer.finish({"kind": source.kind, "sha256": hasher.hexdigest(), **origin}, preparation)
    _publish(scratch, out, writer)


def fill_shard(work: Work) -> tuple[list[str], Finished | None]:
    """Decodes the shard's pictures to its path, unless that is done: what is wrong with those that cannot be decoded, and what
    is known of the shard if nothing is."""
    wanted = work.items_digest()
    finished = read_finished(work.done)
    if finished and finished.items == wanted and work.path.is_file() and sha256_file(work.path) == finished.sha256:
        return [], finished
    failures: list[str] = []
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
    if failures:
        work.path.unlink()
        return failures, None
    finished = Finished(wanted, hashes, whole.hexdigest())
    finished.write(work.done)
    return [], finished


def _decoded(work: Work, failures: list[str]) -> Iterator[tuple[np.ndarray, str]]:
    """Every picture of the shard, decoded, with the sha256 of its bytes; what cannot be read or decoded goes to `failures`."""
    for start in range(0, len(work.items), REOPEN):
        with work.source.open() as read:
            for name, locator in work.items[start : start + REOPEN]:
                try:
                    data = read(name, locator)
                    image = work.recipe(data, name)
                except (HarnessError, OSError) as error:  # OSError: of reading the picture; the shard is written elsewhere
                    failures.append(str(error))
                    continue
                yield image, hashlib.sha256(data).hexdigest()


def _hash_source(hasher: Any, work: Work, finished: Finished) -> None:
    for (name, _), sha256 in zip(work.items, finished.sources, strict=True):
        hasher.update(f"{sha256}  {name}\n".encode())


def _shards(splits: Mapping[str, Items], size: int, scratch: Path, source: Source, recipe: Recipe) -> Iterator[Work]:
    for split, items in splits.items():
        for number, start in enumerate(range(0, len(items), size)):
            name = f"{split}-{number:05d}"
            path, done = scratch / "shards" / f"{name}.npy", scratch / "done" / f"{name}.json"
            yield Work(split, path, done, source, recipe, items[start : start + size])


def shard_images(count: int, image_bytes: int) -> int:
    """Images per shard."""
    return max(1, min(max(count // SHARDS, MIN_SHARD), MAX_SHARD_BYTES // image_bytes))


def available_cores() -> int:
    """Cores this process may use (taskset narrows them), at most MAX_WORKERS."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_WORKERS)


def _in_order(work: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Iterator[tuple[Task, Result]]:
    """(task, work(task)) in the tasks' order; at most a few tasks per worker are held at a time."""
    if workers <= 1:
        yield from ((task, work(task)) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")  # fork is unsafe once a library has started threads
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    waiting: deque[tuple[Task, Future[Result]]] = deque()
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
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


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
