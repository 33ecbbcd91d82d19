"""Files beside the records: runs, data and pictures."""

from pathlib import Path

import numpy as np
import pytest

from harness.data.arrays import read_manifest
from harness.data.writer import ArrayWriter
from harness.files import sha256_file
from harness.records.measured import Measurement, Training
from harness.records.models import Run
from harness.records.record import make, read_as, seal, write_record
from harness.records.store import load_store
from harness.report.manifest import write_manifest
from harness.report.table_files import render_measured, render_repeating, write_files
from harness.report.tables import build_tables
from harness.verify.checks import check_profile


def write_report(store):
    tables = build_tables(store)
    repeating, measured = (write_files(store, part(store, tables)) for part in (render_repeating, render_measured))
    write_manifest(store, repeating, measured)


@pytest.fixture
def reported(digits):
    store = load_store("digits")
    write_report(store)
    assert check_profile("digits")[0] == []
    return digits


@pytest.fixture
def trained(reported):
    """The folder of a run beside its record, with one snapshot."""
    record = load_store("digits").scores["t1-01"]
    place = reported / "runs/t1-01"
    place.mkdir(parents=True)
    for name in ("g_ema.safetensors", "g_ema-000001600.safetensors"):
        (place / name).write_bytes(name.encode())
    weights = {path.name: sha256_file(path) for path in place.iterdir()}
    facts = {name: getattr(record, name) for name in ("cell", "profile", "config", "status", "images_seen", "engine")}
    run = make(Run, **facts, made_from="a" * 64, steps=100, weights=weights)
    write_record(place / "run.json", run)
    training = make(Training, cell="t1-01", profile="digits", run_digest=run.digest, processes=[])
    write_record(reported / "measured/train/t1-01.json", training)
    changes = {"weights_sha256": weights["g_ema.safetensors"]}
    record = seal(record.model_copy(update=changes))
    write_record(reported / "records/t1-01.json", record)
    write_record(reported / "measured/t1-01.json", training_as_measured(training, record))
    store = load_store("digits")
    write_report(store)
    assert check_profile("digits")[0] == []
    return place


def training_as_measured(training, record):
    parts = {"cell": record.cell, "profile": record.profile, "record_digest": record.digest}
    return make(Measurement, **parts, processes=training.processes)


@pytest.mark.parametrize(
    ("name", "count"), [("g_ema.safetensors", 2), ("g_ema-000001600.safetensors", 1), ("run.json", 1), ("stray.txt", 1)]
)
def test_one_changed_byte_in_a_run_is_found(trained, name, count):
    path = trained / name
    path.write_bytes((path.read_bytes() if path.is_file() else b"") + b"x")
    problems, counts = check_profile("digits")
    assert [name in problem for problem in problems] == [True] * count
    assert counts["files of runs"] >= 2


def test_a_run_of_other_settings_and_a_measurement_of_another_record_are_found(trained, reported):
    run = read_as(Run, trained / "run.json")
    write_record(trained / "run.json", run.model_copy(update={"images_seen": 1}))
    measured = read_as(Measurement, reported / "measured/t1-02.json")
    write_record(reported / "measured/t1-02.json", measured.model_copy(update={"record_digest": "0" * 64}))
    problems, _ = check_profile("digits")
    assert any("images_seen differ from record 't1-01'" in problem for problem in problems)
    assert any("measured/train/t1-01.json: measured for another training" in problem for problem in problems)
    assert any("measured/t1-02.json: measured for another record" in problem for problem in problems)
    assert len(problems) == 4  # the fourth: the report was made from the measurement that was replaced
    assert "t1-02" not in load_store("digits").measurements


def test_the_pixels_of_a_dataset_are_recomputed(add_score):
    writer = ArrayWriter(Path("results/digits/data/digits"), "digits", 8)
    writer.add("train", np.zeros((3, 3, 8, 8), np.uint8))
    writer.finish({"kind": "test"}, {})
    split = read_manifest("results/digits/data/digits")["splits"]["train"]
    data = {"name": "digits", "train_count": 3, "fraction": 1.0}
    add_score("a", ["1:1"], data=data | {"sha256": split["sha256"]})
    store = load_store("digits")
    write_report(store)
    problems, counts = check_profile("digits")
    assert problems == []
    assert counts["datasets"] == 1
    shard = Path("results/digits/data/digits", split["shards"][0]["file"])
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + b"\xff")
    (problem,) = check_profile("digits")[0]
    assert shard.name in problem
    shard.write_bytes(content)
    add_score("a", ["1:1"], data=data | {"sha256": "0" * 64})
    assert any("not the dataset" in problem for problem in check_profile("digits")[0])
