"""What a result depends on besides its configuration: the commit, the versions of libraries and the machine."""

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.records.parts import Git, Process

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "torch-fidelity", "fvcore", "diffusers", "safetensors")
MADE = (":(exclude)results", ":(exclude,glob)**/*.lock", ":(exclude,glob)**/dvc.yaml")  # from what is committed
ROOT = Path(__file__).resolve().parent.parent.parent  # the tree that holds this code


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute results. Python's patch level is left out; it changes no result."""
    found = {"python": ".".join(map(str, sys.version_info[:2]))}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def environment() -> dict[str, Any]:
    """For benchmarks: {git: {commit, dirty, reason}, versions: {...}, device}."""
    return {"git": git_state().model_dump(), "versions": versions(), "device": device_name()}


@cache
def git_state(root: Path = ROOT) -> Git:
    """The commit of the tree that holds the code, and whether a tracked or new file differs from it.

    Results and DVC's files do not count. Without a Git tree there is no commit, but a reason.
    """
    try:
        top = _git(root, "rev-parse", "--show-toplevel").strip()
        if Path(top).resolve() != root:
            return _no_commit(f"the code lies inside another repository, {Path(top).name}, and has no history of its own")
        commit = _git(root, "rev-parse", "HEAD").strip()
        changed = _git(root, "status", "--porcelain", "--", ".", *MADE)
    except FileNotFoundError:
        return _no_commit("git is not installed")
    except OSError as error:
        return _no_commit(f"git cannot be run: {error.strerror}")
    except subprocess.CalledProcessError as error:
        return _no_commit(_reason(error.stderr or ""))
    return Git(commit=commit, dirty=bool(changed.strip()))


def _git(root: Path, *arguments: str) -> str:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {"LC_ALL": "C"}
    return subprocess.run(["git", *arguments], cwd=root, env=variables, check=True, capture_output=True, text=True).stdout


def _no_commit(reason: str) -> Git:
    return Git(commit=None, dirty=None, reason=reason)


def _reason(message: str) -> str:
    """Git's error message in one line that names no path of this machine."""
    if "dubious ownership" in message:
        return "git refuses a tree of another owner (dubious ownership); allow it with git config safe.directory"
    if "not a git repository" in message:
        return "the code lies in no git repository (an unpacked archive)"
    if "unknown revision" in message:
        return "the repository of the code has no commit yet"
    return "git says: " + (message.strip().splitlines() or ["nothing"])[0].replace(str(ROOT), ".")[:200]


def this_process(stage: str, started: float, seconds: float, device: Any = "cpu", images: int | None = None) -> Process:
    """The entry of the running process in a measurement.

    started: time.time() at its start. seconds: that it took. device: torch's name of the device. images: trained by this process.
    """
    return Process(
        stage=stage,
        started=datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
        device=device_name(device),
        instruction_sets=instruction_sets(),
        cores=cores(),
        git=git_state(),
        images=images,
    )


def device_name(device: Any = None) -> str:
    """The model name of a torch device, such as "CPU AMD EPYC". Without a device, the GPU's name if there is one."""
    import torch  # here, because the report reads records and does not need torch

    if str(device).startswith("cuda") or (device is None and torch.cuda.is_available()):
        return torch.cuda.get_device_name(device)
    return f"CPU {_processor()}"


def device_slug(name: str) -> str:
    """A device's name as a folder name: "CPU AMD EPYC" becomes cpu-amd-epyc."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def instruction_sets(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's vector instructions, such as "AVX2, no AVX-512". On other architectures, the architecture's name."""
    flags = set(_cpu_field("flags", cpuinfo).split())
    if not flags:
        return platform.machine() or "unknown"
    if "avx512f" in flags:
        return "AVX2, AVX-512"
    return "AVX2, no AVX-512" if "avx2" in flags else "no AVX2"


def cores() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    return _cpu_field("model name") or platform.processor() or platform.machine()


def _cpu_field(name: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines() if cpuinfo.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if re.match(rf"{name}\s*:", line)), "")
