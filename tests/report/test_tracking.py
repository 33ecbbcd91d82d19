import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.images import progress_grid
from harness.records.store import load_store
from harness.tracking import live_run
from harness.tracking.database import connect
from harness.tracking.projection import project
from harness.tracking.repair import damage

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # MLflow's own


def runs(client):
    experiment = client.get_experiment_by_name("ladagan-digits")
    return {run.data.tags["cell"]: run for run in client.search_runs([experiment.experiment_id])}


def test_projection_is_idempotent_and_completes_a_live_run(add_score):
    progress = progress_grid({nimg: np.full((2, 3, 4, 4), 50, np.uint8) for nimg in (0, 1600)}, "progress.png")
    record = add_score("lada", ["1:16"], progress=progress)
    with live_run("lada", "digits", record.config) as log:
        log([{"nimg": 320, "loss_d": 9.0, "grad_norm_g": 1.0}])
    client = connect()
    live = runs(client)["lada"]
    assert live.info.status == "RUNNING"

    assert project(load_store("digits")) == {"written": 1, "kept": 0, "removed": 0}
    run = runs(client)["lada"]
    assert run.info.run_id == live.info.run_id
    assert run.info.status == "FINISHED"
    assert [point.step for point in client.get_metric_history(run.info.run_id, "curves/loss_d")] == list(range(320, 3201, 320))
    history = client.get_metric_history(run.info.run_id, "digits-train/fd/digits-cnn")
    assert [(point.step, point.value) for point in history] == [(0, 100.0), (1600, 40.0), (3200, 20.0)]
    assert run.data.params["train.lr_g"] == "0.0002"
    assert run.data.tags["attention"] == "lada"
    names = [re.split(r"[+%]", entry.path.removeprefix("images/")) for entry in client.list_artifacts(run.info.run_id, "images")]
    steps = {key: {int(step) for found, _, step, *_ in names if found == key} for key in ("progress", "samples")}
    assert steps == {"progress": {0, 1600}, "samples": {3200}}  # the slider's stops
    assert run.inputs.dataset_inputs[0].dataset.name == "digits"
    assert project(load_store("digits")) == {"written": 0, "kept": 1, "removed": 0}

    add_score("lada", ["1:16"], value=21.0)  # measured anew
    assert project(load_store("digits")) == {"written": 1, "kept": 0, "removed": 1}
    assert len(runs(client)) == 1


@pytest.mark.parametrize("place", ["file", "directory"])
def test_a_broken_store_never_stops_training(tmp_path, monkeypatch, capsys, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_text("not a database") if place == "file" else (tmp_path / "mlflow.db").mkdir()
    with live_run("lada", "digits", {}) as log:
        log([{"nimg": 1, "loss_d": 1.0}])
        log([{"nimg": 2, "loss_d": 1.0}])
    assert capsys.readouterr().err.count("warning: no live curves") == 1


def test_a_broken_projection_is_rebuilt_and_said_in_one_line(add_score, capsys):
    add_score("lada", ["1:16"])
    store = load_store("digits")
    for content in (b"not a database", b"SQLite format 3\0" + b"\1" * 5000):
        Path("mlflow.db").write_bytes(content)
        assert damage()
    assert project(store) == {"written": 1, "kept": 0, "removed": 0}
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: mlflow.db is broken (")
    assert not damage()
    with sqlite3.connect("mlflow.db") as connection:  # sound for SQLite, not for MLflow
        connection.execute("DROP TABLE runs")
    connection.close()
    assert project(store) == {"written": 1, "kept": 0, "removed": 0}
    assert "rebuilding it from the records" in capsys.readouterr().err


def test_a_directory_or_a_full_disk_in_its_place_is_one_line(add_score, monkeypatch):
    add_score("lada", ["1:16"])
    store = load_store("digits")
    Path("mlflow.db").mkdir()
    with pytest.raises(HarnessError, match=r"mlflow\.db is a directory"):
        project(store)
    Path("mlflow.db").rmdir()
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**20))
    with pytest.raises(HarnessError, match="1 MiB are free"):
        project(store)
    assert not Path("mlflow.db").exists()


def test_a_path_of_signs_that_mean_something_in_an_address(add_score, tmp_path, monkeypatch):
    add_score("lada", ["1:16"])
    odd = tmp_path / "a %41?b#c (d)"
    (tmp_path / "results").rename(odd.with_name("results-of-it"))
    odd.mkdir()
    (tmp_path / "results-of-it").rename(odd / "results")
    monkeypatch.chdir(odd)
    assert project(load_store("digits")) == {"written": 1, "kept": 0, "removed": 0}
    assert {path.name for path in odd.iterdir()} >= {"mlflow.db", "mlartifacts"}
    assert list(odd.glob("mlartifacts/ladagan-digits/*/artifacts/images/samples*.png"))
    assert {path.name for path in tmp_path.iterdir()} == {odd.name}


def test_two_projections_at_once_write_every_run_once(add_score, tmp_path):
    for cell in ("a", "b"):
        add_score(cell)
    command = [sys.executable, "-m", "harness.tracking"]
    both = [subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate()[1].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert runs(connect()).keys() == {"a", "b"}
    assert project(load_store("digits")) == {"written": 0, "kept": 2, "removed": 0}
