"""Training curves without a device sync per step: sums stay on the device and are read once per interval."""

from pathlib import Path

import torch
from torch import Tensor

from harness.files import write_text
from harness.training.step import METRICS

COLUMNS = ("nimg", *METRICS)


class CurveSums:
    """Sums of the METRICS since the last reading, and the first bad step: the first with a metric that is not finite.

    `values` is (len(METRICS) + 2,) float64 on the device: the sums, the number of steps summed, the first bad step or -1.
    The first bad step and all later ones are left out of the sums.
    """

    def __init__(self, device: torch.device | str) -> None:
        self.values = torch.zeros(len(METRICS) + 2, dtype=torch.float64, device=device)
        self.values[-1] = -1

    def add(self, metrics: Tensor, step: int) -> None:
        """Adds one step's (8,) metrics."""
        metrics = metrics.double()
        finite = metrics.isfinite().all() & (self.values[-1] < 0)
        counted = torch.cat([metrics, torch.ones_like(metrics[:1])])
        self.values[:-1] += torch.where(finite, counted, 0.0)
        self.values[-1] = torch.where(finite | (self.values[-1] >= 0), self.values[-1], float(step))

    def read(self, nimg: int) -> tuple[dict | None, int | None]:
        """Returns the means since the last reading as a curve row, and the first bad step. Either can be None.

        Makes one transfer from the device and resets the sums.
        """
        *sums, count, bad = self.values.tolist()
        self.values[:-1] = 0
        row = {"nimg": nimg} | {name: total / count for name, total in zip(METRICS, sums, strict=True)} if count else None
        return row, int(bad) if bad >= 0 else None


def write_curves(path: Path, rows: list[dict]) -> None:
    """Writes curve rows as CSV, atomically: nimg and the METRICS, with enough digits to restore each float64 exactly."""
    lines = [",".join(COLUMNS), *(",".join(repr(row[name]) for name in COLUMNS) for row in rows)]
    write_text(path, "\n".join(lines) + "\n")
