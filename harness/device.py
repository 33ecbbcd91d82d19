"""On what a stage computes: its device, its number of threads, and the memory it took."""

import os
import re
import resource
import sys
from pathlib import Path

import psutil
import torch

from harness.errors import HarnessError, short


def default_device() -> str:
    """HARNESS_DEVICE if set (from the environment: a changed command would invalidate every cell), else the GPU if any."""
    given = os.environ.get("HARNESS_DEVICE")
    return check_device(given, "HARNESS_DEVICE") if given else "cuda" if torch.cuda.is_available() else "cpu"


def check_device(name: str, given_as: str = "--device") -> str:
    """`name` if it is a device that is here; HarnessError, naming where it was given, for another."""
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", name):
        raise HarnessError(f"{given_as}: given {short(name)}; expected cpu, cuda or cuda:NUMBER")
    count = torch.cuda.device_count() if name != "cpu" and torch.cuda.is_available() else 0
    if name != "cpu" and int(name.partition(":")[2] or 0) >= count:
        sees = f"torch sees {count or 'no'} GPU"
        raise HarnessError(f"{given_as}: given {name}, but {sees}; expected cpu, or a machine with that GPU")
    return name


def use_threads(threads: int | None) -> None:
    """Gives torch this many CPU threads, or leaves it as many as it takes."""
    if threads is not None:
        torch.set_num_threads(threads)


def memory_bytes(device: str) -> int:
    """The device's memory, of a CPU what the machine or the container has."""
    if device != "cpu":
        return torch.cuda.get_device_properties(device).total_memory
    limits = [psutil.virtual_memory().total]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # of cgroups version 2 and 1
        file = Path("/sys/fs/cgroup") / name
        text = file.read_text().strip() if file.is_file() else "max"
        limits += [int(text)] if text.isdigit() else []
    return min(limits)


def peak_resident_bytes() -> int:
    """Most memory that this process has had at once: getrusage counts KiB on Linux, bytes on macOS."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
