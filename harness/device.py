"""The device that a stage computes on, its number of threads, and its memory."""

import ctypes
import gc
import os
import re
import resource
import sys
from pathlib import Path

import psutil
import torch

from harness.errors import HarnessError, short

_LIBC = ctypes.CDLL(None)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT_BLOCK, KEPT_MEMORY = 2**25, 2**29  # bytes: the largest block that is kept, as large as glibc allows, and all that is kept


def default_device() -> str:
    """HARNESS_DEVICE if set, else the GPU if there is one, else the CPU.

    It is an environment variable, because DVC would run every cell again after a change of the command.
    """
    given = os.environ.get("HARNESS_DEVICE")
    return check_device(given, "HARNESS_DEVICE") if given else "cuda" if torch.cuda.is_available() else "cpu"


def check_device(name: str, given_as: str = "--device") -> str:
    """Returns `name` if this machine has the device. Otherwise HarnessError says where the name was given."""
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", name):
        raise HarnessError(f"{given_as}: given {short(name)}; expected cpu, cuda or cuda:NUMBER")
    count = torch.cuda.device_count() if name != "cpu" and torch.cuda.is_available() else 0
    if name != "cpu" and int(name.partition(":")[2] or 0) >= count:
        sees = f"torch sees {count or 'no'} GPU"
        raise HarnessError(f"{given_as}: given {name}, but {sees}; expected cpu, or a machine with that GPU")
    return name


def use_threads(threads: int | None) -> None:
    """Sets torch's number of CPU threads. None leaves torch's own choice."""
    if threads is not None:
        torch.set_num_threads(threads)


def prepare_long_work() -> None:
    """Saves the steps of a long computation some overhead. Call it after the imports.

    Python's collector need not look again at what the imports made. glibc keeps freed memory, where it would return it to the
    system and ask for it again at the next step; the page faults of small networks took a tenth of their time.
    """
    gc.freeze()
    if hasattr(_LIBC, "mallopt"):
        _LIBC.mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK)
        _LIBC.mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY)


def memory_bytes(device: str) -> int:
    """Size of the device's memory. For the CPU, the memory of the machine, or the container's limit if that is smaller."""
    if device != "cpu":
        return torch.cuda.get_device_properties(device).total_memory
    limits = [psutil.virtual_memory().total]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # of cgroups version 2 and 1
        file = Path("/sys/fs/cgroup") / name
        text = file.read_text().strip() if file.is_file() else "max"
        limits += [int(text)] if text.isdigit() else []
    return min(limits)


def peak_resident_bytes() -> int:
    """Peak resident memory of this process. getrusage counts KiB on Linux, bytes on macOS."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
