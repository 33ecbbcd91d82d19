"""Finds what a sweep has left whose process died: jobs that still wait or run, and cells whose jobs ended while nobody looked.

Slurm's queue says which jobs are alive: one is this sweep's if it has the cell's name and this working folder. Another clone has
another folder, another profile another name, and an id that Slurm has used again another of both. What has left the queue is in
the folder of the logs, where submitit keeps each job's submission and result.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import submitit
from submitit.core.utils import DelayedSubmission

from harness import progress
from harness.errors import HarnessError
from harness.files import digest, sha256_file
from harness.locks import FOLDER, held
from pipelines.commands.jobs import OVER, job_name
from pipelines.commands.states import is_current

QUEUE = ["squeue", "--me", "--states=all", "--noheader", "--format=%i|%T|%j|%Z"]  # id, state, name, working folder
SUBMITTED = "_submitted.pkl"  # follows the id in the name of submitit's file


@contextmanager
def held_cells(params: Path, cells: Sequence[str]) -> Iterator[None]:
    """Holds the right to send these cells' jobs. InUse if another sweep deals with one of them."""
    with ExitStack() as locks:
        for cell in cells:
            name = job_name(params, cell)
            locks.enter_context(held(FOLDER / f"sweep.{name}.lock", name, "sweep"))
        yield


def inputs_digest(params: Path) -> str:
    """Of the profile's parameters, and of what DVC has listed as the code of its cells."""
    listings = sorted((Path("results") / params.parent.name / "inputs").rglob("*"))
    return digest({str(path): sha256_file(path) for path in (params, *listings) if path.is_file()})


def earlier_jobs(
    cluster: str, logs: Path, params: Path, cells: Sequence[str], inputs: str
) -> tuple[dict[str, submitit.Job], list[str]]:
    """{cell: its Slurm job that waits or runs}, and the cells whose jobs have ended with a record that is still current.

    Jobs on this machine end with their sweep; those that are still saving are waited for.
    """
    logs.mkdir(parents=True, exist_ok=True)
    kind = submitit.SlurmJob if cluster == "slurm" else submitit.LocalJob
    queue = queued_jobs() if cluster == "slurm" else {}
    alive: dict[str, submitit.Job] = {
        cell: kind(logs, queue[job_name(params, cell)]) for cell in cells if job_name(params, cell) in queue
    }
    kept = {cell: number for cell, number in kept_jobs(logs, params).items() if cell in cells and cell not in alive}
    if cluster == "local":
        _await_orphans(logs, kept)
    made = [cell for cell, number in kept.items() if _has_made(kind(logs, number), params, cell, inputs)]
    if alive:
        progress.say(f"attached to {_jobs(len(alive))} of an earlier sweep")
    for cell in made:
        progress.say(f"{cell}: done by a job of an earlier sweep")
    return alive, made


def queued_jobs() -> dict[str, str]:
    """{name: id} of this user's Slurm jobs that were sent from this folder and are not over. HarnessError if squeue fails."""
    done = subprocess.run(QUEUE, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join(done.stderr.split())[-300:]
        raise HarnessError(f"squeue failed ({said}); expected a list of jobs, or cells might be sent twice; run again later")
    rows = (line.split("|", 3) for line in done.stdout.splitlines())
    here = os.path.realpath(Path.cwd())
    return {name: job for job, state, name, folder in rows if state not in OVER and os.path.realpath(folder) == here}


def kept_jobs(logs: Path, params: Path) -> dict[str, str]:
    """{cell: id of its last job} of the profile's jobs whose submissions are in the folder of the logs."""
    found = {}
    for file in sorted(logs.glob(f"*{SUBMITTED}"), key=lambda path: path.stat().st_mtime):
        try:
            words = DelayedSubmission.load(file).args
        except Exception:  # a pickle of other code raises anything
            continue
        if words[:1] == (str(params),):
            found[words[1]] = file.name.removesuffix(SUBMITTED)
    return found


def succeeded(job: submitit.Job, inputs: str) -> bool:
    """Whether a job that is over has trained and scored its cell, with these inputs."""
    return job.exception() is None and getattr(job.submission().function, "inputs", None) == inputs


def forget(logs: Path, params: Path, cells: Sequence[str]) -> None:
    """Removes submission and result of these cells' last jobs, which are DVC's concern from now on."""
    for cell, number in kept_jobs(logs, params).items():
        if cell in cells:
            paths = submitit.core.utils.JobPaths(logs, number)
            for path in (paths.result_pickle, paths.submitted_pickle):
                path.unlink(missing_ok=True)


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"


def _has_made(job: submitit.Job, params: Path, cell: str, inputs: str) -> bool:
    try:
        return job.paths.result_pickle.exists() and succeeded(job, inputs) and is_current(params, cell)
    except (HarnessError, OSError):  # no record, or a damaged one
        return False


def _await_orphans(logs: Path, kept: dict[str, str]) -> None:
    """Waits for jobs on this machine whose sweep was killed: they save a checkpoint and end (pipelines.commands.jobs)."""
    found = [process for number in kept.values() if (process := _controller(logs, int(number)))]
    if found:
        progress.say(f"waiting for {_jobs(len(found))} of an earlier sweep to save and end")
        psutil.wait_procs(found)


def _controller(logs: Path, number: int) -> psutil.Process | None:
    """submitit's process of the local job, unless it has ended or the id is another process's now."""
    try:
        process = psutil.Process(number)
        return process if process.cmdline()[-2:] == ["submitit.local._local", str(logs.absolute())] else None
    except psutil.Error:
        return None
