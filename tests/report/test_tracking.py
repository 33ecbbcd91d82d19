import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from baselines.attention import ATTENTIONS
from harness.errors import HarnessError
from harness.files import sha256_file
from harness.images import progress_grid
from harness.records.store import load_store
from harness.tracking import live_run
from harness.tracking.database import connect
from harness.tracking.generator import MODEL, register
from harness.tracking.projection import project
from harness.tracking.runs import user
from lada.configs import GeneratorConfig
from lada.generator import Generator

pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # MLflow's own


def runs(client, name="ladagan-digits"):
    experiment = client.get_experiment_by_name(name)
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_projection_is_idempotent_and_completes_a_live_run(add_score, add_cost, database):
    progress = progress_grid({nimg: np.full((2, 3, 4, 4), 50, np.uint8) for nimg in (0, 1600)}, "progress.png")
    add_cost("g32-lada-conv")
    config = {"attention": "lada", "train": {"lr_g": 2e-4, "betas": [0.5, 0.99]}, "generator": {"dims": [64, 32]}}
    add_score("lada-seed1", ["1:16"], progress=progress, seed=1, config=config)
    asked = config | {"train": {"lr_g": 2e-4, "betas": (0.5, 0.99)}, "generator": {"dims": (64, 32)}}  # as a cell holds it
    with live_run("lada-seed1", "digits", asked, patience=0) as log:
        log([{"nimg": 320, "loss_d": 9.0, "grad_norm_g": 1.0}])
        client = connect()
        live = runs(client)["lada-seed1"]
        assert live.info.status == "RUNNING"
        assert live.data.params["train.lr_g"] == "0.0002"
    assert runs(client)["lada-seed1"].info.status == "FINISHED"

    assert project(load_store("digits")) == {"written": 2, "kept": 0, "replaced": 0}
    run = runs(client)["lada-seed1"]
    assert run.info.run_id == live.info.run_id
    assert (run.info.status, run.info.start_time) == ("FINISHED", live.info.start_time)
    assert sorted(point.step for point in client.get_metric_history(run.info.run_id, "train/loss_d")) == [*range(320, 3201, 320)]
    history = client.get_metric_history(run.info.run_id, "fd/digits-train")
    assert [(point.step, point.value) for point in history] == [(0, 100.0), (1600, 40.0), (3200, 20.0)]
    assert {name.split("/")[0] for name in run.data.metrics} >= {"train", "fd", "isx", "cost", "time", "memory"}
    assert not any("cnn" in name for name in run.data.metrics)  # the extractor is a tag
    tags = run.data.tags
    assert (tags["cell"], tags["seed"], tags["extractor"]) == ("lada", "1", "digits-cnn")
    assert (tags["mlflow.user"], tags["mlflow.source.git.commit"]) == (user(), "d" * 40)
    names = [re.split(r"[+%]", entry.path.removeprefix("images/")) for entry in client.list_artifacts(run.info.run_id, "images")]
    steps = {key: {int(step) for found, _, step, *_ in names if found == key} for key in ("progress", "samples")}
    assert steps == {"progress": {0, 1600}, "samples": {3200}}  # the slider's stops
    data = run.inputs.dataset_inputs[0].dataset
    assert (data.name, data.digest) == ("digits", "a" * 36)
    assert project(load_store("digits")) == {"written": 0, "kept": 2, "replaced": 0}
    assert "cost/gmac" in runs(client, "ladagan-digits-costs")["g32-lada-conv"].data.metrics

    add_score("lada-seed1", ["1:16"], value=21.0, seed=1)  # measured anew
    assert project(load_store("digits")) == {"written": 1, "kept": 1, "replaced": 1}
    assert len(runs(client)) == 1


def test_a_short_run_is_left_to_the_projection_and_a_long_one_gets_all_its_rows(add_score, database, monkeypatch):
    now = iter((0.0, 0.0, 59.0, 61.0))  # at the start, at the first look, at two logs
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    with live_run("lada", "digits", {}) as log:
        log([{"nimg": 16, "loss_d": 1.0}])
        client = connect()
        assert client.get_experiment_by_name("ladagan-digits") is None
        log([{"nimg": 32, "loss_d": 2.0}])
        monkeypatch.undo()
    history = client.get_metric_history(runs(client)["lada"].info.run_id, "train/loss_d")
    assert [(point.step, point.value) for point in history] == [(16, 1.0), (32, 2.0)]


def test_a_run_has_the_times_that_were_measured(add_score, database):
    from tests.report.conftest import process

    add_score("lada", processes=[process("train"), process("evaluate", started="2026-01-01T00:01:00+00:00")])
    project(load_store("digits"))
    client = connect()
    run = runs(client)["lada"]
    start = 1767225600000
    assert (run.info.start_time, run.info.end_time) == (start, start + 72500)
    times = [point.timestamp - start for point in client.get_metric_history(run.info.run_id, "train/loss_d")]
    assert times == [1250 * step for step in range(1, 11)]  # over the 12.5 seconds of the training


def test_no_run_is_deleted_but_the_one_that_is_replaced(add_score, database, monkeypatch):
    add_score("a")
    add_score("b")
    project(load_store("digits"))
    client = connect()
    experiment = client.get_experiment_by_name("ladagan-digits").experiment_id
    mine = client.create_run(experiment, run_name="mine", tags={"cell": "a", "digest": "0" * 64}).info.run_id
    with live_run("a", "digits", {"other": "settings"}, patience=0):  # in training, with settings that no record has
        pass
    with monkeypatch.context() as patch:
        patch.setattr("getpass.getuser", lambda: "a colleague")
        project(load_store("digits"))
    Path("results/digits/records/b.json").unlink()
    Path("results/digits/measured/b.json").unlink()
    add_score("a", value=30.0)
    assert project(load_store("digits")) == {"written": 1, "kept": 0, "replaced": 1}
    found = client.search_runs([experiment])
    assert sorted(run.info.run_name for run in found) == ["a", "a", "a", "b", "b", "mine"]
    assert client.get_run(mine).info.lifecycle_stage == "active"


def test_an_experiment_that_was_deleted_there_is_said_in_one_line(add_score, database):
    add_score("a")
    project(load_store("digits"))
    client = connect()
    client.delete_experiment(client.get_experiment_by_name("ladagan-digits").experiment_id)
    with pytest.raises(HarnessError, match=r"ladagan-digits was deleted in MLflow.*mlflow experiments restore"):
        project(load_store("digits"))


def test_the_generator_is_a_model_that_makes_images(add_score, database):
    import mlflow.pyfunc

    config = dataclasses.asdict(GeneratorConfig(resolution=8, base=4, dims=(8, 4), noise_dim=5, num_heads=2, mlp_dim=8))
    generator = Generator(GeneratorConfig(**config), ATTENTIONS["lada"])
    record = add_score("a", config={"attention": "lada", "generator": config})
    weights = Path("results/digits/runs/a/g_ema.safetensors")
    project(load_store("digits"))
    client = connect()
    assert MODEL not in runs(client)["a"].data.tags  # no weights yet

    weights.parent.mkdir(parents=True)
    save_file(generator.state_dict(), weights)
    add_score("a", config=record.config, weights_sha256=sha256_file(weights))
    project(load_store("digits"))
    run = runs(client)["a"]
    z = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    said = [register(client, run.info.experiment_id, "digits", "cell/digits/a") for _ in range(2)]
    assert said == ["ladagan-digits-a version 1"] * 2
    model = client.get_logged_model(run.data.tags[MODEL])
    loaded = mlflow.pyfunc.load_model(model.artifact_location)
    expected = generator.eval()(torch.from_numpy(z)).detach().numpy()
    assert np.array_equal(loaded.predict(z), expected)
    assert [spec.name for spec in loaded.metadata.signature.inputs.inputs] == ["z"]
    with pytest.raises(mlflow.exceptions.MlflowException, match="shape"):
        loaded.predict(z[:, :4])
    add_score("a", config=record.config, weights_sha256=sha256_file(weights), value=50.0)
    project(load_store("digits"))  # replaced; but its model is registered
    assert client.get_logged_model(model.model_id).tags["ladagan.replaced_by"] == runs(client)["a"].info.run_id
    assert client.get_logged_model(model.model_id).status == "READY"
