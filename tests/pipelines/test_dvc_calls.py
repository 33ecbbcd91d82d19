"""Stages that were run without DVC."""

import json
from pathlib import Path

import pytest

from harness.errors import HarnessError
from pipelines.commands.dvc_calls import commit_stages, dvc

PIPELINE = """
stages:
  copy:
    foreach: [a, b]
    do:
      cmd: cp given copied-${item}
      deps:
        - given
      outs:
        - copied-${item}
"""


@pytest.fixture
def pipeline(tmp_path, monkeypatch) -> Path:
    """Two stages, whose outputs are there although DVC has not run them."""
    monkeypatch.chdir(tmp_path)
    dvc("init", "-q", "--no-scm")
    for name in ("given", "copied-a", "copied-b"):
        Path(name).write_text("content")
    Path("dvc.yaml").write_text(PIPELINE)
    return Path("dvc.yaml")


def test_dvc_takes_what_was_made_without_it_as_its_own(pipeline):
    commit_stages(pipeline, ["copy@a", "copy@b"])
    assert dvc("status", "--json").strip() == "{}"
    Path("copied-a").unlink()
    dvc("checkout", "-q")
    assert Path("copied-a").read_text() == "content"  # from the cache
    Path("given").write_text("another")
    assert set(json.loads(dvc("status", "--json"))) == {"copy@a", "copy@b"}


def test_a_stage_that_is_not_named_stays_changed(pipeline):
    commit_stages(pipeline, ["copy@a"])
    assert "copy@a" not in dvc("status", "--json")
    assert "copy@b" in dvc("status", "--json")


def test_a_missing_output_is_one_line(pipeline):
    Path("copied-b").unlink()
    with pytest.raises(HarnessError, match=r"DVC could not commit stages of dvc\.yaml: .*copied-b.*; correct that"):
        commit_stages(pipeline, ["copy@b"])
