"""A rehearsal takes the engine that the whole run takes, on the cell's own images, and leaves nothing behind."""

from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from harness.config import load_params
from harness.data.writer import ArrayWriter
from harness.errors import HarnessError
from harness.training import loop
from harness.training.engines import LONG_RUN
from pipelines.commands import rehearse

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def long_run(tmp_path, monkeypatch):
    """The digits cell table1-16, with as many steps as make compiling pay, on 40 pictures."""
    monkeypatch.chdir(tmp_path)
    writer = ArrayWriter(tmp_path / "results/digits/data/digits", "digits", 16)
    for split in ("train", "test"):
        writer.add(split, np.random.default_rng(0).integers(0, 256, (40, 3, 16, 16), dtype=np.uint8))
    writer.finish({"kind": "test"}, {})
    params = load_params(ROOT / "pipelines/digits/params.yaml")
    params |= {part: {"table1-16": params[part]["table1-16"]} for part in ("rows", "cells")}
    params["train"] |= {"batch": 4, "nimg": 4 * LONG_RUN}
    with Path("params.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)
    monkeypatch.setenv("HARNESS_DEVICE", "cpu")
    return ["--params", "params.yaml", "--cell", "table1-16"]


@pytest.mark.slow
def test_a_rehearsal_tries_the_engine_of_the_whole_run_first(long_run, tmp_path, monkeypatch, capsys):
    asked, verify = [], loop.verify_engine

    def check(engine, *setting):
        asked.append(engine.name)
        if engine.name == "compiled":
            raise HarnessError("no compiler")
        return verify(engine, *setting)

    monkeypatch.setattr(loop, "verify_engine", check)
    before = sorted(tmp_path.rglob("*"))
    rehearse.main([*long_run, "--steps", "2"])
    assert asked == ["compiled", "eager"]
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("table1-16: engine eager, fp32, ready after")
    assert second.endswith("images. Nothing was written.")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_lacks_is_said_before_anything_is_made_ready(long_run):
    with pytest.raises(HarnessError, match="--steps: given 0; expected at least 1"):
        rehearse.main([*long_run, "--steps", "0"])
    with pytest.raises(HarnessError, match="unknown cell 'table1-17'"):
        rehearse.main([*long_run[:-1], "table1-17"])
