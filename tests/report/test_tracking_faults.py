"""MLflow's database broken, full, locked or in another's hands: training goes on, and one line says what happened."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import HarnessError
from harness.records.store import load_store
from harness.tracking import live_run
from harness.tracking.database import connect
from harness.tracking.projection import project
from harness.tracking.repair import damage

ROOT = Path(__file__).resolve().parents[2]


def runs(client, name="ladagan-digits"):
    experiment = client.get_experiment_by_name(name)
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


@pytest.mark.parametrize("place", ["file", "directory"])
def test_a_broken_store_never_stops_training(tmp_path, monkeypatch, capsys, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_text("not a database") if place == "file" else (tmp_path / "mlflow.db").mkdir()
    with live_run("lada", "digits", {}, patience=0) as log:
        log([{"nimg": 1, "loss_d": 1.0}])
        log([{"nimg": 2, "loss_d": 1.0}])
    assert capsys.readouterr().err.count("warning: no live curves") == 1


def test_a_broken_projection_is_rebuilt_and_said_in_one_line(add_score, capsys):
    add_score("lada", ["1:16"])
    store = load_store("digits")
    for content in (b"not a database", b"SQLite format 3\0" + b"\1" * 5000):
        Path("mlflow.db").write_bytes(content)
        assert damage()
    assert project(store) == {"written": 1, "kept": 0, "replaced": 0}
    (line,) = [line for line in capsys.readouterr().err.splitlines() if " INFO mlflow." not in line]
    assert line.startswith("warning: mlflow.db is broken (")
    assert Path("mlflow.db.broken-1").read_bytes() == content  # a user's runs may be in it
    assert not damage()
    with sqlite3.connect("mlflow.db") as connection:  # sound for SQLite, not for MLflow
        connection.execute("DROP TABLE runs")
    connection.close()
    assert project(store) == {"written": 1, "kept": 0, "replaced": 0}
    assert "it is now mlflow.db.broken-2" in capsys.readouterr().err


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
    assert project(load_store("digits")) == {"written": 1, "kept": 0, "replaced": 0}
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
    assert project(load_store("digits")) == {"written": 0, "kept": 2, "replaced": 0}
