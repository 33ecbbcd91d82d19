"""The states of a sweep's cells: running, finished, current."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

import submitit

from harness import progress
from harness.files import sha256_file
from harness.records.models import Run, ScoreRecord
from harness.records.record import read_as
from pipelines.evaluate import said
from pipelines.profile import load_cell
from pipelines.results import record_path, run_path

WAITING, DONE = "waiting", "done"
DIGEST = "?" * 12  # in a checkpoint folder's name; `cell-*` would also match the cell `cell-seed1`


def describe(job: submitit.Job, profile: str, cell: str) -> str:
    """The scheduler's state of the job, and the images in the cell's newest checkpoint."""
    try:
        checkpoints = sorted(Path(".ckpt", profile).glob(f"{cell}-{DIGEST}/[!.]*-*.json"), key=lambda path: path.stat().st_mtime)
        rows = json.loads(checkpoints[-1].read_text())["state"]["rows"] if checkpoints else []
    except (OSError, ValueError):  # the trainer has replaced the file meanwhile
        rows = []
    return f"{job.state.lower()}, {rows[-1]['nimg'] if rows else 0:,} images"


def say(cell: str, states: dict[str, str], state: str) -> None:
    """Prints a line if the state has changed."""
    if states[cell] != state:
        states[cell] = state
        progress.say(f"{cell}: {state}")


def lost(attempt: int) -> str:
    """The state of a cell whose job is over and has not made what was asked for. attempt: 0 for a job of an earlier sweep."""
    return f"attempt {attempt} failed" if attempt else "the earlier sweep's job has not made what params.yaml and code ask for"


def is_current(params: Path, name: str) -> bool:
    """Whether weights and record come from the current parameters, data and code. `dvc commit` does not check that."""
    cell = load_cell(params, name)
    run = read_as(Run, run_path(cell) / "run.json")
    record = read_as(ScoreRecord, cell.results / "records" / f"{name}.json")
    scored = record.weights_sha256 == sha256_file(run_path(cell) / "g_ema.safetensors")
    return scored and run.made_from == cell.digest(cell.images()[0].sha256)


def scores(params: Path, name: str) -> list[str]:
    """What scoring the cell has found, in lines."""
    return said(read_as(ScoreRecord, record_path(load_cell(params, name))))


def left(states: Mapping[str, str], began: float) -> str:
    """How many cells are done, and about how long the others will take. began: on time.monotonic()'s clock."""
    done = sum(state == DONE for state in states.values())
    minutes = (time.monotonic() - began) / 60 * (len(states) - done) / max(done, 1)
    return f"{done} of {len(states)} cells done, about {minutes:.0f} minutes left"
