"""Reads the records of a cell's training, and checks its weights."""

import json
from pathlib import Path

from harness.data.npy import check_sha256
from harness.errors import HarnessError
from harness.records.measured import Training
from harness.records.models import Run
from harness.records.record import read_as
from pipelines.compose import Cell
from pipelines.results import run_path, training_path


def read_run(cell: Cell) -> tuple[Run, Training]:
    """The records of the cell's training. HarnessError if it has not been trained with this configuration."""
    path = run_path(cell) / "run.json"
    if not path.is_file():
        raise HarnessError(f"cell {cell.name} has no trained weights at {path}; run its train stage first")
    run, training = read_as(Run, path), read_as(Training, training_path(cell))
    if run.config != json.loads(json.dumps(cell.config())):
        raise HarnessError(f"{path} was trained with another configuration of cell {cell.name}; run its train stage again")
    if training.run_digest != run.digest:
        raise HarnessError(f"{training_path(cell)} is not of the training in {path}; run the train stage of {cell.name} again")
    check_weights(run, run_path(cell))
    return run, training


def check_weights(run: Run, folder: Path) -> None:
    """HarnessError unless `folder` holds exactly the weights that the training wrote, all undamaged."""
    found = {path.name for path in folder.iterdir()} - {"run.json"}
    advice = f"run the train stage of {run.cell} again"
    for name in sorted(found ^ run.weights.keys()):
        raise HarnessError(f"{folder / name} is {'missing' if name in run.weights else 'not of this training'}; {advice}")
    for name, sha256 in run.weights.items():
        check_sha256(folder / name, sha256, advice)
