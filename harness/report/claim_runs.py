"""Tests claims about runs: their scores, gradients and divergence, over seeds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.metrics.metric import METRICS
from harness.paper import printed_table
from harness.paper.claims import Claim, Contrast
from harness.records.models import ScoreRecord
from harness.records.store import Store
from harness.report.contrasts import contrast
from harness.report.gradients import norm, spikes
from harness.report.score_cells import score_point

NOT_RUN, UNDECIDED = "not run", "undecided"


@dataclass(frozen=True)
class Finding:
    """What the runs show: a verdict, or the p-values of the claim and of its opposite."""

    evidence: str  # in words
    runs: tuple[ScoreRecord, ...] = ()
    verdict: str = ""  # empty if a test decides
    p_holds: float = 1.0  # p-value of the claim
    p_fails: float = 1.0  # p-value of its opposite
    seeds: int = 0  # in the smallest group
    interval: str = field(default="-")


def contrasts(claim: Claim, store: Store) -> Finding:
    """Tests several contrasts together. The claim holds if all hold, so its p-value is the largest.

    It fails if one is reversed, so the p-value of that is the smallest, times their number.
    """
    rows = list(dict.fromkeys(row for entry in claim.contrasts for row in entry.rows))
    runs = {row: [record for record in store.of_row(row) if record.status != "failed"] for row in rows}
    missing = [row for row in rows if not runs[row]]
    if missing:
        return Finding(f"no run of row {missing[0]}", verdict=NOT_RUN)
    everything = tuple(record for row in rows for record in runs[row])
    diverged = [row for row in rows if any(record.status == "diverged" for record in runs[row])]
    if diverged:
        return Finding(f"a run of row {diverged[0]} diverged", everything, UNDECIDED)
    groups = {row: _values(claim, row, runs[row]) for row in rows}
    if not all(groups.values()):
        return Finding("not measured in every run", everything, NOT_RUN)
    seeds = min(len(values) for values in groups.values())
    if seeds < 2:
        weakest = min(claim.contrasts, key=lambda entry: _estimate(groups, entry) - _bound(claim, entry))
        return Finding(f"{_words(weakest)}: {_said(claim, _estimate(groups, weakest))}", everything, UNDECIDED, seeds=seeds)
    tested = [(entry, contrast(groups, entry.rows, _bound(claim, entry))) for entry in claim.contrasts]
    entry, least_sure = max(tested, key=lambda pair: pair[1].p_above)
    fails = min(1.0, len(tested) * min(found.p_below for _, found in tested))
    interval = f"{_said(claim, least_sure.low)} to {_said(claim, least_sure.high)}"
    said = f"{_words(entry)}: {_said(claim, least_sure.estimate)}"
    return Finding(said, everything, "", least_sure.p_above, fails, seeds, interval)


def _values(claim: Claim, row: str, records: list[ScoreRecord]) -> list[float]:
    """One value per seed, or its logarithm if the claim compares ratios. Empty if a value was not measured."""
    found = [_value(claim, row, record) for record in records]
    if any(value is None or (claim.scale == "log" and value <= 0) for value in found):
        return []
    known = [value for value in found if value is not None]
    return [math.log(value) for value in known] if claim.scale == "log" else known


def _value(claim: Claim, row: str, record: ScoreRecord) -> float | None:
    if claim.quantity not in METRICS:
        return norm(record, claim.quantity)
    number, _, index = row.partition(":")
    table = printed_table(int(number))
    column = next(name for name in table.columns if table.quantity(int(index), name) == claim.quantity)
    point = score_point(record, claim.quantity, table.patterns(int(index), column))
    return point[1] if point else None


def _estimate(groups: Mapping[str, list[float]], entry: Contrast) -> float:
    return sum(weight * sum(groups[row]) / len(groups[row]) for row, weight in entry.rows.items())


def _bound(claim: Claim, entry: Contrast) -> float:
    return math.log(entry.above) if claim.scale == "log" else entry.above


def _said(claim: Claim, value: float) -> str:
    return f"{math.exp(value):.2f}" if claim.scale == "log" else f"{value:.2f}"


def _words(entry: Contrast) -> str:
    """A contrast in words: `1:10 over 1:12, above 1`. Rows that should be larger come first."""
    sides = [[row for row, weight in entry.rows.items() if weight * sign > 0] for sign in (1, -1)]
    return f"{' and '.join(sides[0])} over {' and '.join(sides[1])}, above {entry.above:g}"


def diverges(claim: Claim, store: Store) -> Finding:
    """Tests that every run diverges. It fails if none does. Some, or a single run, decide nothing."""
    runs = tuple(record for row in claim.rows for record in store.of_row(row) if record.status != "failed")
    if not runs:
        return Finding(f"no run of row {claim.rows[0]}", verdict=NOT_RUN)
    count = sum(record.status == "diverged" for record in runs)
    said = f"{count} of {len(runs)} runs diverged"
    if len(runs) < 2 or 0 < count < len(runs):
        return Finding(said, runs, UNDECIDED, seeds=len(runs))
    return Finding(said, runs, "holds" if count else "does not hold", seeds=len(runs))


def spiking(claim: Claim, store: Store) -> Finding:
    """Tests by Fisher's exact test that the share of runs with a spike is larger in `rows` than in `without`."""
    named = [*claim.rows, *claim.without]
    runs = {row: store.of_row(row) for row in named}
    counts = {row: [spikes(record, claim.quantity) for record in records] for row, records in runs.items()}
    everything = tuple(record for row in named for record in runs[row])
    if any(not found or None in found for found in counts.values()):
        return Finding("no curves of every row", everything, NOT_RUN)
    table = [_with_and_without([count for row in rows for count in counts[row]]) for rows in (claim.rows, claim.without)]
    (some, none), (other_some, other_none) = table
    said = f"{some} of {some + none} runs spike against {other_some} of {other_some + other_none}"
    seeds = min(len(found) for found in counts.values())
    if seeds < 2:
        return Finding(said, everything, UNDECIDED, seeds=seeds)
    from scipy.stats import fisher_exact  # half a second to import

    more, fewer = (float(fisher_exact(table, alternative=side).pvalue) for side in ("greater", "less"))
    return Finding(said, everything, p_holds=more, p_fails=fewer, seeds=seeds)


def _with_and_without(counts: list[int | None]) -> list[int]:
    some = sum(bool(count) for count in counts)
    return [some, len(counts) - some]


def hours(claim: Claim, store: Store) -> Finding:
    """Tests the time for a number of images, at the training speed of the row's runs. Only runs on the stated device count."""
    runs = tuple(record for row in claim.rows for record in store.of_row(row) if record.comparability.level == "paper")
    measured = [store.measurements[record.cell] for record in runs if record.cell in store.measurements]
    processes = [process for entry in measured for process in entry.processes if claim.device in process.device]
    images = sum(process.images or 0 for process in processes)
    if not images:
        return Finding(f"needs a full-size run on {claim.device}", verdict=NOT_RUN)
    took = sum(process.seconds for process in processes if process.images) / images * claim.images / 3600
    return Finding(f"on {claim.device}", runs, "holds" if took < claim.hours else "does not hold", seeds=len(runs))


RUNS = {"contrasts": contrasts, "diverges": diverges, "spikes": spiking, "hours": hours}
