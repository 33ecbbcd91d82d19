"""Where the stages of a cell leave their results."""

from pathlib import Path

from pipelines.compose import Cell


def run_path(cell: Cell) -> Path:
    """Folder of the cell's weights and the facts of its run."""
    return cell.results / "runs" / cell.name


def training_path(cell: Cell) -> Path:
    """What cannot repeat of the cell's training."""
    return cell.results / "measured" / "train" / f"{cell.name}.json"


def record_path(cell: Cell) -> Path:
    """The cell's score record."""
    return cell.results / "records" / f"{cell.name}.json"


def measured_path(cell: Cell) -> Path:
    """What cannot repeat of the cell's training and scoring."""
    return cell.results / "measured" / f"{cell.name}.json"
