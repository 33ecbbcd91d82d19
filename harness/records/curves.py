"""Reads the curves of a training from its CSV file."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.records.models import ScoreRecord


@dataclass(frozen=True)
class CurveRow:
    """One row of the curves."""

    nimg: int  # images seen so far
    values: Mapping[str, float]  # {metric: mean since the row before}


def read_curves(record: ScoreRecord) -> list[CurveRow]:
    """Rows of a record's curves file, without empty fields. No rows if the record has no curves.

    HarnessError if the file cannot be read, or contains anything except finite numbers below its headings.
    """
    if record.curves is None:
        return []
    path = Path(record.curves)
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            return [_row(row) for row in csv.DictReader(handle, strict=True)]
    except (OSError, ValueError, TypeError, KeyError, OverflowError, csv.Error) as error:
        raise HarnessError(f"{path}: not a readable curves file ({error}); restore it from Git or rerun the cell") from error


def curve_row(row: Mapping[str, float]) -> CurveRow:
    """Converts a row from the trainer, {nimg, name: value}."""
    return CurveRow(int(row["nimg"]), {name: float(value) for name, value in row.items() if name != "nimg"})


def _row(texts: Mapping[str, str]) -> CurveRow:
    row = curve_row({name: float(text) for name, text in texts.items() if text})
    if not all(math.isfinite(value) for value in row.values.values()):
        raise ValueError(f"a value at {row.nimg} images is not finite")
    return row
