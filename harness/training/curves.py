"""Training curves without a device sync per step: sums stay on the device and are read once per interval."""

from pathlib import Path

import torch
from torch import Tensor

from harness.files import write_text
from harness.training.step import METRICS

COLUMNS = ("nimg", *METRICS)


class CurveSums:
    """Sums of the METRICS since the last reading, and the first step at which any of them was not finite.

    `values` is (len(METRICS) + 2,) float64 on the device: the sums, the number of steps summed, the first bad step or -1.
    Steps from the first bad one on are not summed.
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
        """The means since the last reading as a curve row (None if no step was summed) and the first bad step (None if there is
        none). One transfer from the device; the sums start again."""
        *sums, count, bad = self.values.tolist()
        self.values[:-1] = 0
        row = {"nimg": nimg} | {name: total / count for name, total in zip(METRICS, sums, strict=True)} if count else None
        return row, int(bad) if bad >= 0 else None


def write_curves(path: Path, rows: list[dict]) -> None:
    """Curve rows as CSV, atomically: a header, then nimg and the METRICS, in as many digits as tell one float64 from another."""
    lines = [",".join(COLUMNS), *(",".join(repr(row[name]) for name in COLUMNS) for row in rows)]
    write_text(path, "\n".join(lines) + "\n")
