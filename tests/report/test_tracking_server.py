"""Live logging and projection to a real MLflow server with a database of its own, as a laboratory has one."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from harness.tracking import live_run
from harness.tracking.database import QUIET, connect

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::Warning")]  # MLflow's own warnings


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    """Address of `mlflow server` on the loopback address."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/own.db", "--artifacts-destination", str(folder / "kept")]
    process = subprocess.Popen(command, cwd=folder, env=os.environ | QUIET, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        until_it_answers(process, address)
        yield address
    finally:
        process.terminate()
        process.wait()


def until_it_answers(process: subprocess.Popen, address: str) -> None:
    for _ in range(600):
        with suppress(OSError):
            urllib.request.urlopen(f"{address}/health", timeout=5).read()
            return
        assert process.poll() is None
        time.sleep(0.5)


def project(*words: str, **variables: str) -> str:
    command = [sys.executable, "-m", "harness.tracking", *words]
    env = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def test_the_store_that_a_user_names_gets_the_runs_and_keeps_its_own(add_score, server, monkeypatch):
    record = add_score("a", ["1:16"])
    client = connect(server)
    theirs = client.create_run(client.create_experiment("theirs"), run_name="mine").info.run_id
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    with live_run("a", "digits", record.config) as log:
        log([{"nimg": 320, "loss_d": 9.0}])
    said = project(MLFLOW_TRACKING_URI=server)
    experiment = client.get_experiment_by_name("ladagan-digits")
    (run,) = client.search_runs([experiment.experiment_id])
    assert said.startswith(f"digits: 1 runs written, 0 runs kept, 0 runs replaced in {server}")
    assert f"{server}/#/experiments/{experiment.experiment_id}/runs?workflowType=machine_learning&compareRunsMode=CHART" in said
    assert run.data.metrics["fd/digits-train"] == 20.0
    assert sorted(point.step for point in client.get_metric_history(run.info.run_id, "train/loss_d")) == [*range(320, 3201, 320)]
    assert len(client.list_artifacts(run.info.run_id, "images")) == 2  # samples, and their thumbnail
    assert client.list_artifacts(run.info.run_id)[-1].path == "record.json"
    assert client.get_run(theirs).info.lifecycle_stage == "active"

    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert "0 runs written, 1 runs kept" in project("--tracking-uri", server)
    assert not Path("mlflow.db").exists()  # nothing here
    assert not Path("mlartifacts").exists()


def test_the_interface_is_served_with_every_run_and_its_pictures(add_score, tmp_path):
    add_score("a", ["1:16"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "harness.tracking", "--ui", "--port", str(port)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        address = f"http://127.0.0.1:{port}"
        until_it_answers(process, address)
        page = urllib.request.urlopen(address, timeout=60).read().decode()
        client = connect(address)
        experiment = client.get_experiment_by_name("ladagan-digits")
        (run,) = client.search_runs([experiment.experiment_id])
        (picture, _) = client.list_artifacts(run.info.run_id, "images")
        query = f"{address}/get-artifact?path={quote(picture.path)}&run_uuid={run.info.run_id}"
        image = urllib.request.urlopen(query, timeout=60).read()
        made = client.get_experiment(client.create_experiment("made in the interface"))
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    assert "<title>MLflow</title>" in page
    assert run.data.tags["mlflow.loggedImages"] == "True"  # by which a comparison's charts find pictures
    assert image.startswith((b"\x89PNG", b"RIFF"))  # the picture, or its thumbnail as WebP
    assert made.artifact_location.startswith("mlflow-artifacts:/")
    assert f"{address}/#/experiments/{experiment.experiment_id}/runs?workflowType=machine_learning" in said
    assert said.endswith("stopped\n")
    assert "Traceback" not in errors
    assert process.returncode == 0
