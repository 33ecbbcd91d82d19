"""The jobs of a sweep."""

import signal

import pytest

from harness.errors import HarnessError
from harness.training.interrupt import requested_stop
from pipelines.commands import devices, jobs, sweep


def test_no_gpu_lies_idle_and_none_is_shared_without_a_word(monkeypatch):
    monkeypatch.delenv("HARNESS_DEVICE", raising=False)
    monkeypatch.setattr(devices, "visible_gpus", lambda: [0, 1])
    with pytest.raises(HarnessError, match="--gpus: given 0 where there are 2; expected 1; set HARNESS_DEVICE=cpu"):
        devices.own_devices(sweep._parse(["--gpus", "0"]))
    with pytest.raises(HarnessError, match="--at-once: given 3 for 2 GPUs; expected at most one cell on each"):
        devices.own_devices(sweep._parse(["--at-once", "3"]))
    monkeypatch.setenv("HARNESS_DEVICE", "cpu")
    args = sweep._parse(["--at-once", "3"])
    assert (devices.own_devices(args), args.gpus) == ([], 0)
    with pytest.raises(HarnessError, match="--gpus: given 1, but HARNESS_DEVICE is cpu"):
        devices.own_devices(sweep._parse(["--gpus", "1"]))
    monkeypatch.delenv("HARNESS_DEVICE")
    monkeypatch.setattr(devices, "visible_gpus", list)
    monkeypatch.setattr(sweep.stages, "main", lambda names: None)
    monkeypatch.setattr(devices, "why_no_gpu", lambda: "no NVIDIA driver is loaded")
    with pytest.raises(HarnessError, match="--gpus: given 1, but no NVIDIA driver is loaded"):
        devices.own_devices(sweep._parse(["--gpus", "1"]))
    slurm = sweep._parse(["--cluster", "slurm", "--gpus", "1"])
    assert (devices.own_devices(slurm), slurm.gpus, slurm.at_once) == ([], 1, 2)


def test_squeue_says_which_jobs_are_over():
    watcher = jobs.SqueueWatcher()
    watcher._registered = {"7", "8", "9"}
    watcher._info_dict = watcher.read_info(b"7|PENDING\n8|CANCELLED\n10|FAILED\n")
    states = {job: (watcher.get_state(job, "cache"), watcher.is_done(job, "cache")) for job in ("7", "8", "9")}
    assert states == {"7": ("PENDING", False), "8": ("CANCELLED", True), "9": ("FORGOTTEN", True)}


def test_at_the_time_limit_the_trainer_saves_before_the_requeue(monkeypatch):
    done = []

    def trainer(words):
        with requested_stop() as stop:
            signal.raise_signal(jobs.TIME_IS_UP)
            done.append(f"saved for {stop()}")
            raise SystemExit(143)

    monkeypatch.setattr(jobs, "train", trainer)
    monkeypatch.setattr(jobs, "load_cell", lambda params, cell: cell)
    monkeypatch.setattr(jobs, "is_trained", lambda cell: False)
    former = signal.signal(jobs.TIME_IS_UP, lambda number, frame: done.append("requeued"))
    try:
        with pytest.raises(SystemExit):
            jobs.CellJob(".")("params.yaml", "cell")
        signal.raise_signal(jobs.TIME_IS_UP)
    finally:
        signal.signal(jobs.TIME_IS_UP, former)
    assert done == ["saved for 15", "requeued", "requeued"]


def test_sigterm_ends_a_job_that_scores(monkeypatch):
    monkeypatch.setattr(jobs, "evaluate", lambda words: signal.raise_signal(signal.SIGTERM))
    monkeypatch.setattr(jobs, "load_cell", lambda params, cell: cell)
    monkeypatch.setattr(jobs, "is_trained", lambda cell: True)
    former = signal.signal(signal.SIGTERM, lambda number, frame: None)  # as submitit's, which goes on
    try:
        with pytest.raises(SystemExit, match="143"):
            jobs.CellJob(".")("params.yaml", "cell")
    finally:
        signal.signal(signal.SIGTERM, former)
