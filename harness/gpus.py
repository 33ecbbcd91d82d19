"""Tells which GPUs a process may use, and why torch uses none and what to do about it."""

import os
import re
from pathlib import Path

import torch

DRIVER = Path("/proc/driver/nvidia/version")
OLDEST_DRIVERS = {"13": 580, "12": 525}  # by major version of the CUDA that torch was built for; NVIDIA's compatibility table


def visible_gpus() -> list[int]:
    """Numbers of this machine's GPUs that this process may use. CUDA_VISIBLE_DEVICES can restrict them."""
    if not torch.cuda.is_available():
        return []
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    named = [int(number) for number in given if number.strip().isdigit()]
    return named or list(range(torch.cuda.device_count()))


def why_no_gpu(driver: Path = DRIVER) -> str:
    """The reason why torch sees no GPU."""
    built_for = torch.version.cuda
    if built_for is None:
        return "this torch was built without CUDA"
    found = re.search(r"(?:Kernel Module.*?)\s(\d+)\.[\d.]+", driver.read_text()) if driver.is_file() else None
    if found is None:
        return "no NVIDIA driver is loaded"
    oldest = OLDEST_DRIVERS.get(built_for.partition(".")[0], 0)
    if int(found[1]) < oldest:
        return (
            f"the NVIDIA driver is version {found[1]}, and this torch, built for CUDA {built_for}, needs {oldest} or newer; "
            "update it, or install a torch that was built for an older CUDA"
        )
    return "torch sees no GPU, although a driver is loaded (CUDA_VISIBLE_DEVICES, or a container without its devices)"


def why_unsupported(capability: tuple[int, int], built_for: list[str]) -> str | None:
    """Why torch's kernels cannot run on a GPU of this compute capability, (7, 0) for a V100; None if they can.

    built_for: torch.cuda.get_arch_list(), such as ["sm_75", "sm_90"]. Kernels run on their own and on later minor versions; code
    marked compute_NN is compiled for anything later.
    """
    major, minor = capability
    kernels = [divmod(int(name[3:]), 10) for name in built_for if re.fullmatch(r"sm_\d+", name)]
    later = [divmod(int(name[8:]), 10) for name in built_for if re.fullmatch(r"compute_\d+", name)]
    if any(m == major and n <= minor for m, n in kernels) or any(found <= capability for found in later) or not built_for:
        return None
    return (
        f"the GPU is sm_{major}{minor}, this torch (CUDA {torch.version.cuda}) has kernels for {', '.join(built_for)}; "
        "install a torch that was built for another CUDA"
    )
