"""The sweep's bookkeeping, with an executor that runs each job at once, in this process."""

import json

import pytest

from harness.errors import HarnessError
from pipelines import sweep


class Job:
    state = "RUNNING"

    def __init__(self, error=None):
        self.error = error

    def done(self):
        return True

    def exception(self):
        return self.error


class Executor:
    def submit(self, function, *args):
        try:
            function(*args)
        except RuntimeError as error:
            return Job(error)
        return Job()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A profile of three cells, of which `broken` fails always and `requeued` once; returns the words of every DVC command."""
    (tmp_path / "pipelines" / "tiny").mkdir(parents=True)
    (tmp_path / "pipelines" / "tiny" / "params.yaml").write_text("cells: {good: {}, requeued: {}, broken: {}}")
    monkeypatch.chdir(tmp_path)
    commands, calls = [], []

    def train(argv):
        calls.append(argv[-1])
        if argv[-1] == "broken" or calls == ["requeued"]:
            raise RuntimeError("killed")

    def dvc(*words):
        commands.append(words)
        return json.dumps({"pipelines/tiny/dvc.yaml:train@good": [], "pipelines/tiny/dvc.yaml:evaluate@requeued": []})

    monkeypatch.setattr(sweep, "train", train)
    monkeypatch.setattr(sweep, "dvc", dvc)
    monkeypatch.setattr(sweep, "make_executor", lambda args: Executor())
    return commands


COMMON = ["--profile", "tiny", "--poll", "0"]


def test_sends_a_failed_cell_again_and_hands_what_finished_to_dvc(place, capsys):
    sweep.main([*COMMON, "--cells", "requeued,good"])
    assert place == [("commit", "-f", "-q", f"pipelines/tiny/dvc.yaml:train@{cell}") for cell in ("requeued", "good")]
    lines = capsys.readouterr().out.splitlines()
    assert "requeued: attempt 1 failed" in lines
    assert lines.count("requeued: done") == lines.count("good: done") == 1
    assert "2 cells trained" in lines[-1]


def test_names_the_cells_that_keep_failing_after_handing_over_the_others(place):
    with pytest.raises(HarnessError, match="broken failed 2 times"):
        sweep.main([*COMMON, "--cells", "broken,good", "--attempts", "2"])
    assert place == [("commit", "-f", "-q", "pipelines/tiny/dvc.yaml:train@good")]


def test_trains_what_dvc_finds_changed_and_refuses_unknown_cells(place):
    sweep.main(COMMON)
    assert [words[-1] for words in place[1:]] == ["pipelines/tiny/dvc.yaml:train@good"]
    with pytest.raises(HarnessError, match=r"unknown cell 'goad'.*did you mean 'good'"):
        sweep.main([*COMMON, "--cells", "goad"])


def test_images_of_the_newest_checkpoint_are_shown(place, tmp_path):
    assert sweep.describe(Job(), "tiny", "good") == "running, 0 images"
    scratch = tmp_path / ".ckpt" / "tiny" / "good-0123"
    scratch.mkdir(parents=True)
    (scratch / "ab-000000004.json").write_text(json.dumps({"state": {"rows": [{"nimg": 1280}]}}))
    (scratch / ".ab-000000008.json.7.tmp.json").write_text("{")
    assert sweep.describe(Job(), "tiny", "good") == "running, 1,280 images"
