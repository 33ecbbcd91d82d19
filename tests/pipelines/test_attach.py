"""A second sweep whose first one has died, with commands in place of Slurm's that only write down what is asked of them."""

import os
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import cloudpickle
import psutil
import pytest
import submitit

from harness.errors import HarnessError
from harness.locks import InUse
from pipelines.commands import attach, jobs, sweep

PARAMS, LOGS = Path("pipelines/tiny/params.yaml"), Path(".ckpt/sweep")
COMMANDS = {
    "sbatch": """
        number=$(($(wc -l < "$SENT") + 1)); name=$(sed -n 's/^#SBATCH --job-name=//p' "$1")
        echo "$number|PENDING|$name|$PWD" | tee -a "$SENT" >> "$QUEUE"; echo "Submitted batch job $number" """,
    "squeue": """case "$*" in *%j*) cat "$QUEUE";; *) cut -d'|' -f1,2 "$QUEUE";; esac""",
    "scancel": """echo "$1" >> "$QUEUE.cancelled" """,
    "srun": "exit 1",
}


class Died(BaseException):
    """The end of a sweep's process, which nothing can answer."""


class Slurm:
    """What the commands have written down, and what a cluster would make of it."""

    def __init__(self, folder):
        self.queue, self.sent, self.cancelled = (folder / name for name in ("queue", "sent", "queue.cancelled"))
        self.queue.touch()
        self.sent.touch()

    def names(self):
        """Of all jobs ever sent, in order."""
        return [line.split("|")[2].removeprefix("tiny.") for line in self.sent.read_text().splitlines()]

    def leave(self, cell):
        """Takes the cell's job out of the queue; returns its id."""
        rows = [line.split("|", 3) for line in self.queue.read_text().splitlines()]
        self.queue.write_text("".join("|".join(row) + "\n" for row in rows if row[2] != f"tiny.{cell}"))
        return next(row[0] for row in rows if row[2] == f"tiny.{cell}")

    def state(self, cell, state):
        name = f"tiny.{cell}|{Path.cwd()}"
        number = self.leave(cell)
        with self.queue.open("a") as queue:
            queue.write(f"{number}|{state}|{name}\n")

    def finish(self, *cells):
        for cell in cells:
            (LOGS / f"{self.leave(cell)}_0_result.pkl").write_bytes(cloudpickle.dumps(("success", None)))


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Slurm's commands, in a place with a profile `tiny`."""
    tools, place = tmp_path / "bin", tmp_path / "project"
    tools.mkdir()
    for name, script in COMMANDS.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    (place / "pipelines/tiny").mkdir(parents=True)
    monkeypatch.chdir(place)
    PARAMS.write_text("profile: tiny\n")
    for name in ("queue", "sent"):
        monkeypatch.setenv(name.upper(), str(tmp_path / name))
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setattr(jobs, "LOOK_SECONDS", 0)
    monkeypatch.setattr(submitit.SlurmJob, "_results_timeout_s", 0)
    monkeypatch.setattr(sweep, "scores", lambda params, cell: [])
    monkeypatch.setattr(attach, "is_current", lambda params, cell: True)
    return Slurm(tmp_path)


@pytest.fixture
def run(monkeypatch):
    """Runs a sweep of cells; at each look one of `steps` happens first. It dies where they are at an end."""

    def run(cells, *steps):
        left = list(steps)

        def look(seconds):
            if not left:
                raise Died
            left.pop(0)()

        monkeypatch.setattr(sweep, "time", SimpleNamespace(sleep=look, monotonic=time.monotonic))
        args = sweep._parse(["--profile", "tiny", "--cluster", "slurm", "--at-once", "9", "--gpus", "0"])
        return sweep.run_all(args, PARAMS, cells, [])

    return run


def die(run, cells):
    with pytest.raises(Died):
        run(cells)


def test_the_second_sweep_waits_for_what_runs_and_sends_only_the_rest(slurm, run, capsys):
    die(run, ["a", "b", "c"])
    slurm.finish("a")
    slurm.state("b", "RUNNING")
    slurm.leave("c")  # without a result
    capsys.readouterr()
    states = run(["a", "b", "c", "d"], lambda: slurm.finish("b", "c", "d"))
    assert states == dict.fromkeys("abcd", sweep.DONE)
    assert slurm.names() == ["a", "b", "c", "c", "d"]
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["attached to 1 job of an earlier sweep", "a: done by a job of an earlier sweep"]
    assert said[-1] == "3 of 3 cells done, about 0 minutes left"


@pytest.mark.parametrize("state", ["PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "REQUEUED", "PREEMPTED", "NODE_FAIL"])
def test_a_job_that_will_go_on_is_waited_for(slurm, run, state):
    die(run, ["a"])
    slurm.state("a", state)
    assert run(["a"], lambda: None, lambda: slurm.finish("a")) == {"a": sweep.DONE}
    assert slurm.names() == ["a"]


@pytest.mark.parametrize("state", ["CANCELLED", "FAILED", "TIMEOUT", "OUT_OF_MEMORY", "COMPLETED"])
def test_a_job_that_is_over_without_a_result_is_sent_again(slurm, run, state):
    die(run, ["a"])
    slurm.state("a", state)
    die(run, ["a"])
    assert slurm.names() == ["a", "a"]


def test_a_job_that_is_lost_while_attached_is_sent_again(slurm, run, capsys):
    die(run, ["a"])
    (LOGS / "1_submitted.pkl").unlink()  # the first sweep died before submitit had put it there: the job will fail
    states = run(["a"], lambda: None, lambda: slurm.leave("a"), lambda: slurm.finish("a"))
    assert (states, slurm.names()) == ({"a": sweep.DONE}, ["a", "a"])
    assert "a: the earlier sweep's job has not made what params.yaml and code ask for" in capsys.readouterr().out


@pytest.mark.parametrize("row", ["1|RUNNING|tiny.a|/elsewhere", "1|RUNNING|other.a|{here}", "1|RUNNING|a|b|{here}"])
def test_jobs_of_another_clone_profile_or_program_are_not_this_ones(slurm, run, row):
    slurm.queue.write_text(row.format(here=Path.cwd()) + "\n")
    die(run, ["a"])
    assert slurm.names() == ["a"]


def test_what_was_made_with_other_parameters_is_made_again(slurm, run):
    die(run, ["a", "b"])
    slurm.finish("a")
    PARAMS.write_text("profile: tiny\ntrain: {}\n")
    states = run(["a", "b"], lambda: slurm.finish("b"), lambda: slurm.finish("a", "b"))
    assert (states, slurm.names()) == (dict.fromkeys("ab", sweep.DONE), ["a", "b", "a", "b"])


def test_a_result_without_its_record_is_made_again(slurm, run, monkeypatch):
    die(run, ["a"])
    slurm.finish("a")

    def is_current(params, cell):
        raise HarnessError("no record")

    monkeypatch.setattr(attach, "is_current", is_current)
    die(run, ["a"])
    assert slurm.names() == ["a", "a"]


def test_the_result_of_an_older_job_with_the_same_id_counts_for_nothing(slurm, run):
    LOGS.mkdir(parents=True)
    (LOGS / "1_0_result.pkl").write_bytes(cloudpickle.dumps(("success", None)))
    (LOGS / "1_submitted.pkl").write_bytes(b"no pickle")
    (LOGS / "x_submitted.pkl").write_bytes(b"")
    die(lambda cells: run(cells, lambda: None), ["a"])
    assert slurm.names() == ["a"]


def test_nothing_is_sent_while_the_queue_is_unknown(slurm, run):
    die(run, ["a"])
    slurm.queue.unlink()
    with pytest.raises(HarnessError, match=r"squeue failed \(.*queue.*\); expected a list of jobs"):
        run(["a"])
    assert slurm.names() == ["a"]


@pytest.mark.parametrize(("end", "cancelled"), [(KeyboardInterrupt, ["1", "2"]), (SystemExit, [])])
def test_ctrl_c_cancels_the_jobs_and_a_lost_connection_does_not(slurm, run, end, cancelled):
    def stop():
        raise end

    with pytest.raises(end):
        run(["a", "b"], stop)
    assert (slurm.cancelled.read_text().split() if slurm.cancelled.exists() else []) == cancelled


def test_two_sweeps_at_once_share_no_cell(slurm):
    other = Path("pipelines/other/params.yaml")
    with attach.held_cells(PARAMS, ["a", "b"]), attach.held_cells(PARAMS, ["c"]), attach.held_cells(other, ["a"]):
        with pytest.raises(InUse, match=r"tiny\.b is in use by another sweep \(pid"), attach.held_cells(PARAMS, ["d", "b"]):
            pass
        with attach.held_cells(PARAMS, ["d"]):
            pass


def test_what_dvc_has_is_forgotten(slurm, run):
    die(run, ["a", "b"])
    slurm.finish("a", "b")
    attach.forget(LOGS, PARAMS, ["a"])
    assert attach.kept_jobs(LOGS, PARAMS) == {"b": "2"}
    assert [path.name for path in LOGS.glob("*_result.pkl")] == ["2_0_result.pkl"]


def test_orphans_on_this_machine_are_waited_for(slurm, capsys):
    words = ["submitit.local._local", str(LOGS.absolute())]
    orphan = subprocess.Popen(["sh", "-c", "sleep 0.3; exit", *words])
    stranger = subprocess.Popen(["sleep", "60"])
    LOGS.mkdir(parents=True)
    for cell, process in (("a", orphan), ("b", stranger)):
        submission = submitit.core.utils.DelayedSubmission(jobs.CellJob("."), str(PARAMS), cell)
        submission.dump(LOGS / f"{process.pid}_submitted.pkl")
    try:
        assert attach.earlier_jobs("local", LOGS, PARAMS, ["a", "b"], "") == ({}, [])
        assert orphan.poll() is not None or psutil.Process(orphan.pid).status() == psutil.STATUS_ZOMBIE
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        orphan.wait()
    assert capsys.readouterr().out == "waiting for 1 job of an earlier sweep to save and end\n"


def test_slurm_is_asked_for_before_anything_is_prepared(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HarnessError, match="--cluster slurm: sbatch, srun, squeue, scancel not found"):
        sweep.main(["--cluster", "slurm"])
