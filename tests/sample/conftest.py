"""Trained cells that were never trained."""

import importlib.util
import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from safetensors.torch import save_file

from harness.files import sha256_file
from harness.records.models import Run
from harness.records.record import make, write_record

sys.path.insert(0, str(Path(__file__).parent))  # for the helpers in small_generators.py
from small_generators import SMALL, drawn

spec = importlib.util.spec_from_file_location("report_fixtures", Path(__file__).parents[1] / "report" / "conftest.py")
fixtures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fixtures)
add_score = fixtures.add_score


@pytest.fixture
def add_run(tmp_path, monkeypatch):
    """Writes a cell's run folder as training does; returns it and the generator in it."""
    monkeypatch.chdir(tmp_path)

    def add(cell="lada", attention="lada", profile="digits", **config):
        generator, folder = drawn(attention), Path("results", profile, "runs", cell)
        folder.mkdir(parents=True)
        save_file(generator.state_dict(), folder / "g_ema.safetensors")
        save_file(drawn(attention).state_dict(), folder / "g_ema-000000640.safetensors")
        weights = {path.name: sha256_file(path) for path in sorted(folder.iterdir())}
        plain = json.loads(json.dumps({"attention": attention, "generator": asdict(SMALL), **config}))
        facts = {"status": "ok", "steps": 2, "images_seen": 64, "engine": "eager", "made_from": "a" * 64}
        write_record(folder / "run.json", make(Run, cell=cell, profile=profile, config=plain, weights=weights, **facts))
        return folder, generator

    return add


@pytest.fixture
def add_cell(add_run, add_score):
    """A trained cell with its record, Table I's row 16."""

    def add(cell="table1-16", attention="lada", **fields):
        folder, generator = add_run(cell, attention)
        config = json.loads((folder / "run.json").read_text())["config"]
        sha256 = sha256_file(folder / "g_ema.safetensors")
        record = add_score(cell, ["1:16"], 14.5, **{"weights_sha256": sha256, "config": config} | fields)
        return record, generator

    return add
