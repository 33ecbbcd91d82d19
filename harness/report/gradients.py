"""Figure 5 in numbers: the norm of a run's gradients, and how often it spikes."""

from collections.abc import Sequence
from statistics import median

from harness.records.curves import read_curves
from harness.records.models import ScoreRecord

HALF = 0.5  # the norm is measured after this share of the images, when every mechanism has settled
SETTLED = 0.2  # spikes are counted after this share
NEIGHBOURS = 4  # rows on either side that a row is compared with
SPIKE = 3.0  # times the neighbours' median


def norm(record: ScoreRecord, name: str) -> float | None:
    """Median of a curve over the second half of the images. None if the run has no such curve."""
    rows = [(row.nimg, row.values[name]) for row in read_curves(record) if name in row.values]
    late = [value for nimg, value in rows if nimg > HALF * rows[-1][0]]
    return median(late) if late else None


def spikes(record: ScoreRecord, name: str) -> int | None:
    """Rows that exceed SPIKE times the median of their NEIGHBOURS on either side. None if the run has no such curve."""
    rows = [(row.nimg, row.values[name]) for row in read_curves(record) if name in row.values]
    if not rows:
        return None
    first = next(index for index, (nimg, _) in enumerate(rows) if nimg > SETTLED * rows[-1][0])
    values = [value for _, value in rows]
    return sum(_is_spike(values, index) for index in range(first, len(values)))


def _is_spike(values: Sequence[float], index: int) -> bool:
    around = [*values[max(0, index - NEIGHBOURS) : index], *values[index + 1 : index + 1 + NEIGHBOURS]]
    return bool(around) and values[index] > SPIKE * median(around)
