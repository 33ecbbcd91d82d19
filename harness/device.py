"""On what a stage computes: its device and its number of threads."""

import os

import torch


def default_device() -> str:
    """HARNESS_DEVICE if set (from the environment: a changed command would invalidate every cell), else the GPU if any."""
    return os.environ.get("HARNESS_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")


def use_threads(threads: int | None) -> None:
    """Gives torch this many CPU threads, or leaves it as many as it takes."""
    if threads is not None:
        torch.set_num_threads(threads)
