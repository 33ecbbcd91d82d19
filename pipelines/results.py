"""Paths of a cell's results."""

from pathlib import Path

from pipelines.compose import Cell


def run_path(cell: Cell) -> Path:
    """Folder of the cell's weights and run.json."""
    return cell.results / "runs" / cell.name


def training_path(cell: Cell) -> Path:
    """Measurements of the cell's training: time, memory, device."""
    return cell.results / "measured" / "train" / f"{cell.name}.json"


def record_path(cell: Cell) -> Path:
    """The cell's score record."""
    return cell.results / "records" / f"{cell.name}.json"


def measured_path(cell: Cell) -> Path:
    """Measurements of the cell's training and scoring: time, memory, device."""
    return cell.results / "measured" / f"{cell.name}.json"
