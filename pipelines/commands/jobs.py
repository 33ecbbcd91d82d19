"""The jobs of a sweep: what a job does, how it is submitted, and how its state is found."""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import submitit
from submitit.slurm.slurm import SlurmInfoWatcher

from harness.errors import HarnessError
from harness.processes import deaf_to_ctrl_c, end_children, end_with
from pipelines.evaluate import main as evaluate
from pipelines.profile import load_cell
from pipelines.train import is_trained
from pipelines.train import main as train

TIME_IS_UP = signal.SIGUSR2  # the signal that submitit makes Slurm send before a job's time limit
REQUEUES = 1_000_000  # after time limits; a long cell may need many
LOOK_SECONDS = 30  # longest time between two looks at Slurm's queue
# squeue's states of a job that is over. Not PREEMPTED and NODE_FAIL, because Slurm requeues such jobs by default.
OVER = ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "OUT_OF_MEMORY", "REVOKED", "TIMEOUT", "FORGOTTEN")


@dataclass
class CellJob:
    """Trains and scores one cell. A requeued job resumes from the trainer's checkpoints.

    A job on the sweep's own machine ends with the sweep, even one that is killed: nothing else would end it. Slurm's goes on.
    """

    root: str  # the working directory
    inputs: str = ""  # digest of the parameters and code when it was sent (pipelines.commands.attach)
    sweep: int = 0  # process id of the sweep

    def __call__(self, params: str, cell: str) -> None:
        os.chdir(self.root)
        if os.environ.get("SUBMITIT_EXECUTOR") == "local":
            end_with(self.sweep)
        words = ["--params", params, "--cell", cell]
        if not is_trained(load_cell(params, cell)):  # if it is trained, an earlier attempt failed in scoring
            with saving_first():
                train(words)
        with ending_at_once():
            evaluate(words)

    def checkpoint(self, params: str, cell: str) -> submitit.helpers.DelayedSubmission:
        """The job to submit again when its time is up."""
        return submitit.helpers.DelayedSubmission(self, params, cell)


@contextmanager
def saving_first() -> Iterator[None]:
    """On TIME_IS_UP, first lets the trainer save a checkpoint, as for SIGTERM, and then lets submitit requeue the job.

    A SIGTERM from Slurm, on preemption or `scontrol requeue`, ends the job, and Slurm requeues it.
    """
    requeue, asked = signal.getsignal(TIME_IS_UP), []

    def save(number: int, frame: object) -> None:
        asked.append(number)
        signal.raise_signal(signal.SIGTERM)

    signal.signal(TIME_IS_UP, save)
    try:
        yield
    except SystemExit:
        _call(requeue, asked)
        raise
    finally:
        signal.signal(TIME_IS_UP, requeue)


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Lets SIGTERM end the job. submitit only writes it down, and a trainer saves first, but scoring has nothing to save."""

    def end(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # `end_with` repeats it
        raise SystemExit(128 + number)

    former = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _call(handler: Callable | int | None, asked: list[int]) -> None:
    if asked and callable(handler):
        handler(asked[0], None)


class SqueueWatcher(SlurmInfoWatcher):
    """Asks squeue for states. submitit asks sacct, which needs an accounting database that not every Slurm has."""

    def _make_command(self) -> list[str]:
        return ["squeue", "--me", "--states=all", "--noheader", "--format=%i|%T"]

    def read_info(self, string: bytes | str) -> dict[str, dict[str, str]]:
        """{job: its state}. A job that Slurm no longer knows is over."""
        text = string.decode() if isinstance(string, bytes) else string
        states = dict(line.split("|") for line in text.split())
        return {job: {"State": states.get(job, "FORGOTTEN")} for job in self._registered}

    def is_done(self, job_id: str, mode: str = "standard") -> bool:
        """Whether the job is over, with or without a result."""
        return self.get_state(job_id, mode) in OVER


def check_slurm() -> None:
    """HarnessError unless Slurm's commands can be found."""
    missing = [name for name in ("sbatch", "srun", "squeue", "scancel") if shutil.which(name) is None]
    if missing:
        raise HarnessError(
            f"--cluster slurm: {', '.join(missing)} not found; expected Slurm's commands on PATH; run it where jobs are sent from"
        )


def job_name(params: Path, cell: str) -> str:
    """The name of a cell's job. The names of profiles and cells hold no dot (harness.names)."""
    return f"{params.parent.name}.{cell}"


def send(executor: submitit.Executor, inputs: str, params: Path, cell: str) -> submitit.Job:
    """Submits the cell's job. inputs: digest of the parameters and code that it is expected to find."""
    executor.update_parameters(name=job_name(params, cell))
    with deaf_to_ctrl_c():
        job = executor.submit(CellJob(os.getcwd(), inputs, os.getpid()), str(params), cell)
    job.paths.result_pickle.unlink(missing_ok=True)  # an older job's, where its id is used again
    return job


def cancel(cluster: str, jobs: Iterable[submitit.Job]) -> None:
    """Ends jobs: Slurm's by scancel, those here by SIGTERM, which a trainer answers with a checkpoint. Submitit would send them
    SIGINT, which prints a traceback, and a second later SIGKILL."""
    if cluster == "local":
        end_children()
        return
    for job in jobs:
        job.cancel()


def make_executor(args: argparse.Namespace) -> submitit.Executor:
    """An executor for local processes or for Slurm jobs."""
    if args.cluster == "slurm":
        submitit.SlurmJob.watcher = SqueueWatcher(delay_s=LOOK_SECONDS)
    executor = submitit.AutoExecutor(args.logs, cluster=args.cluster, slurm_max_num_timeout=REQUEUES)
    executor.update_parameters(
        cpus_per_task=args.cpus,
        gpus_per_node=args.gpus,
        timeout_min=args.minutes,
        slurm_srun_args=[f"--cpus-per-task={args.cpus}"],  # since Slurm 22.05, srun does not inherit it from sbatch
    )
    return executor
