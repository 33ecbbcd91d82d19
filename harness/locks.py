"""Locks, so that only one process writes an output. The kernel releases them however their holder ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from harness.errors import HarnessError

FOLDER = Path(".ckpt/locks")


class InUse(HarnessError):
    """Another process writes the same output."""


@contextmanager
def output_lock(output: Path) -> Iterator[None]:
    """Holds the right to write `output`, a path relative to the working directory. InUse if another process has it."""
    name = ".".join(part for part in output.parts if part not in ("/", ".."))[-200:]  # a file's name has at most 255 bytes
    with held(FOLDER / f"{name}.lock", str(output), "process"):
        yield


@contextmanager
def cell_lock(scratch: Path) -> Iterator[None]:
    """Holds the checkpoints in `scratch`. InUse if another trainer has them."""
    with held(scratch / "lock", str(scratch), "trainer"):
        yield


@contextmanager
def held(file: Path, what: str, kind: str) -> Iterator[None]:
    """Holds the lock `file`. InUse if another process has it, with its id and whether it is an orphan."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(file, timeout=0):
            file.write_text(f"{os.getpid()} {os.getppid()}")
            yield
    except Timeout:
        raise InUse(_refusal(what, kind, file.read_text(errors="replace"))) from None


def _refusal(what: str, kind: str, holder: str) -> str:
    """`holder` is "pid parent", as the holder wrote it at its start. If its parent is another now, it is an orphan."""
    where = f"{what} is in use"
    try:
        pid, parent = (int(word) for word in holder.split())
        orphan = psutil.Process(pid).ppid() != parent
    except (ValueError, psutil.Error):
        return f"{where} by another {kind}; expected none; wait for it to end, then run again"
    if orphan:
        return f"{where} by an orphan (pid {pid}, whose starter has ended); expected no {kind}; run `kill {pid}`, then run again"
    return f"{where} by another {kind} (pid {pid}); expected none; wait for it to end or run `kill {pid}`, then run again"
