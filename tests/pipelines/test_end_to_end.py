"""The whole pipeline through DVC on a two-cell profile: built once, nothing to do twice, one changed cell rerun alone."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from harness.config import load_params

ROOT = Path(__file__).resolve().parents[2]
CELLS = {"table1-16": 64, "table1-13": 64}  # images seen


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project, with DVC but no history, whose digits profile has two short cells and one cost."""
    root = tmp_path_factory.mktemp("project")
    code = ("harness", "lada", "baselines", "pipelines", "results/bench")
    for name in (*code, ".dvc/config", ".dvcignore", ".gitignore", "dvc.yaml"):
        source, target = ROOT / name, root / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "dvc.lock"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    params = load_params(root / "pipelines/digits/params.yaml")
    params["cells"] = {name: params["cells"][name] for name in CELLS}
    params["train"] |= {"nimg": 64, "snapshots": 1, "checkpoint_nimg": 32, "log_nimg": 32}
    params["cost"] = {"networks": ["g32-lada-conv"], "repeats": 1, "pass_seconds": 0.01}
    write_params(root, params)
    return root


def write_params(root: Path, params: dict) -> None:
    with (root / "pipelines/digits/params.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)


def repro(root: Path) -> str:
    """Runs `dvc repro` as a user would; returns what it printed."""
    done = subprocess.run(
        [Path(sys.executable).with_name("dvc"), "repro"],
        cwd=root,
        env={"PATH": "/usr/bin:/bin", "HARNESS_PYTHON": sys.executable, "HOME": str(root), "HARNESS_DEVICE": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def stages_run(output: str) -> set[str]:
    """Names of the stages that DVC executed."""
    lines = (line for line in output.splitlines() if line.startswith("Running stage '"))
    return {line.split("'")[1].rpartition(":")[2] for line in lines}


def record(root: Path, cell: str) -> dict:
    return json.loads((root / f"results/digits/records/{cell}.json").read_text())


def test_two_cells_from_data_to_tables(project):
    first = stages_run(repro(project))
    assert {f"train@{cell}" for cell in CELLS} | {"prepare@digits", "extractor", "cost", "report", "mlflow"} <= first

    for cell in CELLS:
        found = record(project, cell)
        assert (found["status"], found["images_seen"]) == ("ok", 64)
        assert found["comparability"]["level"] == "none"
        assert found["metrics"]["digits-train"].keys() == found["untrained"]["digits-train"].keys()
        assert not any(label in ("fid", "sfid", "is") for label in found["metrics"]["digits-train"])
    with (project / "results/digits/tables/table_1.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 16
    assert rows[12]["g_gflops_verdict"] == "reproduced"
    assert rows[0]["fid_proxy"] == "not run"
    distance = next(iter(record(project, "table1-16")["metrics"]["digits-train"].values()))
    assert float(rows[15]["fid_proxy"]) == pytest.approx(distance, abs=1e-4)  # the table shows four decimals

    assert stages_run(repro(project)) == set()

    before = record(project, "table1-13")
    params = load_params(project / "pipelines/digits/params.yaml")
    params["cells"]["table1-16"].setdefault("train", {})["lr_g"] = 5e-4
    write_params(project, params)
    assert stages_run(repro(project)) == {"train@table1-16", "evaluate@table1-16", "report", "mlflow"}
    assert record(project, "table1-13") == before
