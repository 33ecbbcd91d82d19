"""A sweep through a real Slurm that is killed half-way, and whose jobs are requeued."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from slurm_node import ask, slurm_node, wait_for
from tiny_project import CELLS, dvc, environment, make_project, stages_run

from harness.training.checkpoint import load_checkpoint, save_checkpoint

pytestmark = pytest.mark.slow

PIPELINE = "pipelines/digits/dvc.yaml"
STEPS, SAVED_AT = 240, 120  # the one checkpoint that the trainer writes unasked before the last; seconds are left to interrupt it
MARK = 1e6  # seconds added to a checkpoint: only who goes on from it can hand them down
REQUEUES = {"table1-16": ["scontrol", "requeue"], "table1-13": ["scancel", "--signal=USR2"]}  # by hand; as at a time limit


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    with slurm_node(tmp_path_factory.mktemp("slurm")) as names:
        yield names


@pytest.fixture
def project(slurm, tmp_path) -> Path:
    """A project with everything done but its cells; after `slurm`, because where that skips nothing need be made."""
    root = make_project(tmp_path / "project", batch=16, nimg=16 * STEPS, checkpoint_nimg=16 * SAVED_AT, log_nimg=64)
    dvc(root, "repro", f"{PIPELINE}:anchors@digits", f"{PIPELINE}:cost")
    return root


@contextmanager
def sweeping(root: Path, slurm: dict[str, str]):
    """The sweep, as a process whose output goes to root/sweep.out. It is killed at the end of the block."""
    command = [sys.executable, "-m", "pipelines.commands.sweep", "--cluster", "slurm", "--poll", "0.5"]
    with (root / "sweep.out").open("w") as output:
        process = subprocess.Popen(command, cwd=root, env=environment(root) | slurm, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def newest(root: Path, cell: str) -> Path | None:
    """The record of the cell's last checkpoint."""
    return max(root.glob(f".ckpt/digits/{cell}-*/[!.]*-*.json"), default=None)


def started(root: Path) -> list[str]:
    """The cells that have a checkpoint."""
    return [cell for cell in CELLS if newest(root, cell)]


def mark(path: Path) -> int:
    """Adds MARK to the seconds of a checkpoint's last process; returns its step."""
    key = json.loads(path.read_text())["key"]
    found = load_checkpoint(path.parent, key)
    found.state["processes"][-1]["seconds"] += MARK
    save_checkpoint(path.parent, key, found, found.state["snapshots"])
    return found.step


def test_requeued_cells_go_on_without_their_sweep_and_dvc_has_only_the_report_left(project, slurm):
    with sweeping(project, slurm) as sweep:
        jobs = {}
        while len(jobs) < len(CELLS):  # whichever is ready first: a cell that waits for the other may be over by then
            assert wait_for(lambda: set(started(project)) - set(jobs) or sweep.poll() is not None, 300)
            for cell in set(started(project)) - set(jobs):
                jobs[cell] = ask(slurm, "squeue", "--noheader", f"--name=digits.{cell}", "--format=%i")
                subprocess.run([*REQUEUES[cell], jobs[cell]], env=slurm, check=True)
            assert sweep.poll() is None, (project / "sweep.out").read_text()
        for cell, job in jobs.items():
            pending = wait_for(lambda job=job: ask(slurm, "squeue", "--noheader", f"--jobs={job}", "--states=PD"), 60)
            assert pending, f"{cell} was not requeued"
            assert SAVED_AT < mark(newest(project, cell)) < STEPS
    with sweeping(project, slurm) as second:
        assert second.wait(400) == 0, (project / "sweep.out").read_text()

    said = (project / "sweep.out").read_text().splitlines()
    assert said[-1] == f"2 cells trained and scored; `dvc repro {PIPELINE}` makes the report"
    assert any("of an earlier sweep" in line for line in said)
    assert not any("failed" in line for line in said)
    assert len(list(project.glob(".ckpt/sweep/*_submission.sh"))) == len(CELLS), "a cell was sent twice"
    for cell in CELLS:
        assert any(line.startswith(f"{cell}: done") for line in said)
        run = json.loads((project / f"results/digits/runs/{cell}/run.json").read_text())
        assert (run["status"], run["steps"]) == ("ok", STEPS)
        measured = json.loads((project / f"results/digits/measured/train/{cell}.json").read_text())
        assert sum(process["seconds"] for process in measured["processes"]) > MARK, f"{cell} began anew"
    assert stages_run(dvc(project, "repro", "--dry", PIPELINE)) == {"report", "metrics"}
