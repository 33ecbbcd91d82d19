"""Published weights in MLflow: a run of their own, whose scores have the names of trained cells' scores."""

from pathlib import Path

import numpy as np
import pytest

from harness.images import image_grid
from harness.records.measured import Measurement
from harness.records.record import make, write_record
from harness.records.store import load_store
from harness.tracking.database import connect
from harness.tracking.projection import project
from tests.report.conftest import process

pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # MLflow's own
NOTHING = {"runs": [], "metrics": {}, "counts": {}, "checkpoint": None, "images_seen": None, "extractor": None}


def runs(client):
    experiment = client.get_experiment_by_name("ladagan-published")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_published_weights_are_runs_of_their_own_beside_trained_cells(add_published, add_score, database):
    picture = image_grid(np.zeros((4, 3, 8, 8), np.uint8), Path("results/published/samples/cifar10.png"))
    config = {"weights": {"best-training-checkpoints/ckpt-1.data-00000-of-00001": "a" * 64}, "rows": ["2:3"]}
    sd = {"cifar10-50k": {"fid": 0.02}}
    record = add_published(samples=str(picture), config=config, generation_sd=sd, mismatch=["the checkpoint's dims is [1]"])
    parts = {"cell": "cifar10", "profile": "published", "record_digest": record.digest, "processes": [process("published")]}
    write_record("results/published/measured/cifar10.json", make(Measurement, **parts))
    add_published("celeba_64", rows=["2:7"], lacking=["no img_align_celeba.zip at data"], **NOTHING)
    add_score("table1-16", ["1:16"], profile="published")

    assert project(load_store("published")) == {"written": 3, "kept": 0, "replaced": 0}
    client = connect()
    found = runs(client)
    assert set(found) == {"cifar10", "celeba_64", "table1-16"}
    run, lacking = found["cifar10"], found["celeba_64"]
    assert (run.info.status, lacking.info.status) == ("FINISHED", "FAILED")
    assert run.info.end_time - run.info.start_time == 12500
    values = {"fid/cifar10-50k": 3.28, "fid_sd/cifar10-50k": 0.02, "recall/cifar10-50k": 0.6, "time/published_seconds": 12.5}
    assert values.items() <= run.data.metrics.items()
    (point,) = client.get_metric_history(run.info.run_id, "fid/cifar10-50k")
    assert point.step == 68_096_000
    tags = run.data.tags
    assert (tags["source"], tags["checkpoint"], tags["draws"], tags["comparability"]) == (
        "published weights", "ckpt-68096000", "3", "paper",
    )  # fmt: skip
    assert "the checkpoint's dims is [1]" in tags["mlflow.note.content"]
    assert "no img_align_celeba.zip at data" in lacking.data.tags["mlflow.note.content"]
    assert run.data.params["weights.best-training-checkpoints/ckpt-1.data-00000-of-00001"] == "a" * 64
    assert [entry.path for entry in client.list_artifacts(run.info.run_id)] == ["images", "record.json"]

    assert project(load_store("published")) == {"written": 0, "kept": 3, "replaced": 0}
    add_published("celeba_64", rows=["2:7"])  # its pictures have come
    assert project(load_store("published")) == {"written": 1, "kept": 2, "replaced": 1}
    assert runs(client)["celeba_64"].info.status == "FINISHED"


def test_a_half_written_run_is_completed(add_published, database, monkeypatch):
    add_published()
    with monkeypatch.context() as patch:
        patch.setattr("harness.tracking.published.log_picture", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            project(load_store("published"))
    client = connect()
    before = runs(client)["cifar10"]
    assert project(load_store("published")) == {"written": 1, "kept": 0, "replaced": 0}
    after = runs(client)["cifar10"]
    assert (after.info.run_id, after.info.status) == (before.info.run_id, "FINISHED")
    assert len(client.get_metric_history(after.info.run_id, "fid/cifar10-50k")) == 1
