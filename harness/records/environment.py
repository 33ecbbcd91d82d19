"""What a result depends on besides its configuration: the commit, the versions and the device."""

import json
import platform
import re
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "torch-fidelity", "fvcore", "diffusers", "safetensors")


@cache
def _environment() -> str:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return json.dumps({"git": git_state(), "versions": versions, "device": device_name()})


def environment() -> dict:
    """What a result depends on besides its configuration: {git: {commit, dirty}, versions: {...}, device}."""
    return json.loads(_environment())


def git_state() -> dict:
    """The commit, and whether a tracked or new file differs from it; results and DVC's lock files do not count."""
    try:
        commit = _git("rev-parse", "HEAD").strip()
        changed = _git("status", "--porcelain", "--", ".", ":(exclude)results", ":(exclude,glob)**/*.lock")
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}  # an unpacked archive has no history
    return {"commit": commit, "dirty": bool(changed.strip())}


def _git(*arguments: str) -> str:
    root = Path(__file__).resolve().parent.parent.parent
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def device_name() -> str:
    """The accelerator's name, or the processor's."""
    import torch  # here, because the report reads records without needing torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU {_processor()}"


def device_slug(name: str) -> str:
    """A device's name as the name of a folder: "CPU AMD EPYC" is cpu-amd-epyc."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in names if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
