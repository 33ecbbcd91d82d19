"""Progress without a terminal."""

import pytest

from harness import progress
from harness.progress import tracked
from harness.training import progress as training_progress


def test_without_a_terminal_a_line_comes_now_and_then(capsys, monkeypatch):
    now = iter(range(0, 1000, 8))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    assert list(tracked(range(6), "scoring", "snapshots")) == list(range(6))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["scoring: 3 of 6 snapshots, about 24 s left"]


def test_quiet_shows_neither_progress_nor_advice(capsys, monkeypatch):
    monkeypatch.setenv(progress.QUIET, "1")
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)
    monkeypatch.setattr(training_progress, "LINE_SECONDS", 0)
    progress.say("next: go on")
    assert list(tracked(range(3), "scoring", "snapshots")) == [0, 1, 2]
    training_progress.Progress("cell", 10, 0).losses({"nimg": 5, "loss_d": 1.0, "loss_g": 1.0})
    assert capsys.readouterr() == ("", "")


def test_an_error_in_the_work_goes_through(capsys):
    def work():
        for _ in tracked([1, 2], "x", "y"):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        work()
