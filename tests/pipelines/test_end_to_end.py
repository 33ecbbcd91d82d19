"""The whole pipeline through DVC on a profile of two cells. A second run does nothing; a changed cell is run again alone."""

import csv
import json
import subprocess
from pathlib import Path

import pytest
from tiny_project import CELLS, dvc, make_project, stages_run, write_params

from harness.config import load_params
from harness.files import sha256_file

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"), nimg=64, checkpoint_nimg=32, log_nimg=32)


LAST = {"report", "metrics", "mlflow"}  # stages that read what the cells wrote


def record(root: Path, cell: str) -> dict:
    return json.loads((root / f"results/digits/records/{cell}.json").read_text())


def test_two_cells_from_data_to_tables(project):
    first = stages_run(dvc(project, "repro"))
    assert {f"train@{cell}" for cell in CELLS} | {
        "prepare@digits",
        "extractor",
        "cost",
        "report",
        "mlflow",
        "mechanisms",
    } <= first

    for cell in CELLS:
        found = record(project, cell)
        assert (found["status"], found["images_seen"]) == ("ok", 64)
        assert found["comparability"]["level"] == "none"
        assert found["metrics"]["digits-train"].keys() == found["untrained"]["digits-train"].keys()
        assert not any(label in ("fid", "sfid", "is") for label in found["metrics"]["digits-train"])
    with (project / "results/digits/tables/table_1.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 16
    assert rows[12]["G GMAC, verdict"] == "reproduced"
    assert rows[0]["FID, proxy"] == "not run"
    distance = next(iter(record(project, "table1-16")["metrics"]["digits-train"].values()))
    assert float(rows[15]["FID, proxy"]) == pytest.approx(distance, abs=1e-4)  # the table shows four decimals

    assert stages_run(dvc(project, "repro")) == set()

    before = record(project, "table1-13")
    params = load_params(project / "pipelines/digits/params.yaml")
    params["cells"]["table1-16"].setdefault("train", {})["lr_g"] = 5e-4
    write_params(project, params)
    assert stages_run(dvc(project, "repro")) == {"names", "train@table1-16", "evaluate@table1-16", *LAST}
    assert record(project, "table1-13") == before


def test_a_clone_pulls_what_was_pushed_and_has_nothing_left_to_do(project, tmp_path):
    dvc(project, "repro")
    dvc(project, "remote", "add", "-d", "-f", "shared", str(tmp_path / "remote"))
    dvc(project, "push")
    for words in (["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", project, clone], check=True)
    dvc(clone, "pull")
    for cell in CELLS:
        assert sha256_file(clone / f"results/digits/runs/{cell}/g_ema.safetensors") == record(clone, cell)["weights_sha256"]
    assert json.loads(dvc(clone, "status", "--json")) == {"mlflow": [{"changed outs": {"mlflow.db": "deleted"}}]}
