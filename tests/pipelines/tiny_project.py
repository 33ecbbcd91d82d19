"""A copy of the project, with DVC but no history, whose digits profile has two short cells and one cost."""

import shutil
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from harness.config import load_params

ROOT = Path(__file__).resolve().parents[2]
CELLS = ("table1-16", "table1-13")


def make_project(root: Path, **train: int) -> Path:
    """Copies the project to `root`; train: what the profile's cells train by."""
    code = ("harness", "lada", "baselines", "pipelines", "results/bench")
    for name in (*code, ".dvc/config", ".dvcignore", ".gitignore", "dvc.yaml"):
        source, target = ROOT / name, root / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "dvc.lock"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    (root / "pipelines/digits-full/dvc.yaml").unlink(missing_ok=True)  # not started: DVC would speak of it in every test
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    params = load_params(root / "pipelines/digits/params.yaml")
    params |= {part: {name: params[part][name] for name in CELLS} for part in ("rows", "cells")}
    params |= {part: {"digits": params[part]["digits"]} for part in ("data", "evaluate")}
    params["train"] |= {"snapshots": 1, **train}
    params["cost"] = {"networks": ["g32-lada-conv"], "repeats": 1, "pass_seconds": 0.01}
    write_params(root, params)
    return root


def write_params(root: Path, params: dict) -> None:
    with (root / "pipelines/digits/params.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)


def environment(root: Path) -> dict[str, str]:
    """What a user's shell would hold, and no more."""
    return {"PATH": "/usr/bin:/bin", "HARNESS_PYTHON": sys.executable, "HOME": str(root), "HARNESS_DEVICE": "cpu"}


def dvc(root: Path, *words: str) -> str:
    """Runs DVC as a user would; returns what it printed."""
    done = subprocess.run(
        [Path(sys.executable).with_name("dvc"), *words],
        cwd=root,
        env=environment(root),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def stages_run(output: str) -> set[str]:
    """Names of the stages that `dvc repro` executed."""
    lines = (line for line in output.splitlines() if line.startswith("Running stage '"))
    return {line.split("'")[1].rpartition(":")[2] for line in lines}
