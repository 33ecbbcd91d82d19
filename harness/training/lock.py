"""One trainer per cell: a lock that the kernel releases however its holder ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from harness.errors import HarnessError


@contextmanager
def cell_lock(scratch: Path) -> Iterator[None]:
    """Holds `scratch`/lock for this process; HarnessError naming the other trainer's pid, and whether it is an orphan."""
    scratch.mkdir(parents=True, exist_ok=True)
    handle = os.open(scratch / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HarnessError(_refusal(scratch, os.pread(handle, 64, 0).decode())) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()} {os.getppid()}".encode(), 0)
        yield
    finally:
        os.close(handle)


def _refusal(scratch: Path, holder: str) -> str:
    """`holder` is "pid parent", as the holder wrote it when it started; an orphan has lost that parent since."""
    where = f"{scratch} is in use"
    try:
        pid, parent = (int(word) for word in holder.split())
        orphan = psutil.Process(pid).ppid() != parent
    except (ValueError, psutil.Error):
        return f"{where} by another trainer; expected none; wait for it to end, then run again"
    if orphan:
        return f"{where} by an orphan (pid {pid}, whose starter has ended); expected no trainer; run `kill {pid}`, then run again"
    return f"{where} by another trainer (pid {pid}); expected none; wait for it to end or run `kill {pid}`, then run again"
