import re

import numpy as np
import pytest

from harness.images import progress_grid
from harness.records.store import load_store
from harness.tracking import live_run
from harness.tracking.database import connect
from harness.tracking.projection import project

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


def test_a_broken_store_never_stops_training(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_text("not a database")
    with live_run("lada", "digits", {}) as log:
        log([{"nimg": 1, "loss_d": 1.0}])
        log([{"nimg": 2, "loss_d": 1.0}])
    assert capsys.readouterr().err.count("warning: no live curves") == 1
