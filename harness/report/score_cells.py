"""Turns score records into the figures of a table: one score over all its seeds."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from statistics import fmean

from harness.metrics.metric import METRICS
from harness.records.models import ScoreRecord
from harness.report.cell import Cell
from harness.report.verdicts import DIVERGED, NOT_COMPARABLE, REPRODUCED, cost_verdict, score_verdict, within_assumptions


def protocol_of(protocols: Iterable[str], patterns: Sequence[str]) -> str | None:
    """The first protocol of a record that matches a pattern. Earlier patterns come first."""
    names = list(protocols)
    return next((name for pattern in patterns for name in names if fnmatch(name, pattern)), None)


def score_point(record: ScoreRecord, metric: str, patterns: Sequence[str]) -> tuple[str, float] | None:
    """(label, value) of a metric in a record. None if it was not measured."""
    protocol = protocol_of(record.metrics, patterns)
    label = METRICS[metric].label_in(record.metrics[protocol]) if protocol else None
    return (label, record.metrics[protocol][label]) if protocol and label else None


def score_cell(records: Iterable[ScoreRecord], metric: str, patterns: Sequence[str], printed: str) -> Cell:
    """One score over all its seeds. If one run diverged, the score diverged."""
    found = [record for record in records if record.status != "failed" and _concerns(record, patterns)]
    comparable = [record for record in found if _is_comparable(record, score_point(record, metric, patterns), metric)]
    used = comparable or found
    if not used:
        return Cell(metric, printed)
    names = tuple(record.cell for record in used)
    if any(record.status == "diverged" for record in used):
        verdict = REPRODUCED if comparable and printed == DIVERGED else DIVERGED
        return Cell(metric, printed, verdict, is_proxy=not comparable, records=names)
    points = [point for record in used if (point := score_point(record, metric, patterns))]
    if not points:
        return Cell(metric, printed)
    values = tuple(value for _, value in points)
    verdict = score_verdict(values, printed, metric) if comparable else NOT_COMPARABLE
    verdict = within_assumptions(verdict, protocol_of(used[0].metrics, patterns))
    return Cell(metric, printed, verdict, fmean(values), values, not comparable, points[0][0], names)


def images_seen_cell(records: Sequence[ScoreRecord], printed: str) -> Cell:
    """Millions of training images. Only for runs at the paper's scale."""
    points = tuple(record.images_seen / 1e6 for record in records)
    if not points:
        return Cell("images_seen", printed)
    comparable = all(record.comparability.level == "paper" for record in records)
    verdict = cost_verdict(points[0], printed) if comparable and len(set(points)) == 1 else NOT_COMPARABLE
    names = tuple(record.cell for record in records)
    return Cell("images_seen", printed, verdict, fmean(points), points, records=names)


def _concerns(record: ScoreRecord, patterns: Sequence[str]) -> bool:
    """Whether a record counts for a column: it has the protocol, or it diverged before it could be scored."""
    if record.status == "diverged":
        return not record.untrained or protocol_of(record.untrained, patterns) is not None
    return protocol_of(record.metrics, patterns) is not None


def _is_comparable(record: ScoreRecord, point: tuple[str, float] | None, metric: str) -> bool:
    """Whether a score is a proxy. Its name tells; for a diverged run without scores, the record's level does."""
    level = record.comparability.level
    return level == "paper" if point is None else point[0] == metric and level != "none"
