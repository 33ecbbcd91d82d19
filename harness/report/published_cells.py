"""Turns records of published weights into figures beside the trained ones in LadaGAN's rows."""

from collections.abc import Iterable, Sequence
from statistics import fmean

from harness.metrics.metric import METRICS
from harness.records.models import PublishedRecord
from harness.report.cell import Cell
from harness.report.score_cells import protocol_of
from harness.report.verdicts import NOT_COMPARABLE, OTHER_CHECKPOINT, cost_verdict, published_verdict

SOURCE = "published weights"


def published_score(records: Iterable[PublishedRecord], metric: str, patterns: Sequence[str], printed: str) -> Cell | None:
    """The score of published weights for a printed figure, over all draws. None if not measured."""
    for record in records:
        protocol = protocol_of(record.metrics, patterns)
        label = METRICS[metric].label_in(record.metrics[protocol]) if protocol else None
        if protocol is None or label is None:
            continue
        points = tuple(run.metrics[protocol][label] for run in record.runs)
        comparable = label == metric and record.comparability.level != "none"
        verdict = published_verdict(points, printed, metric, not record.mismatch) if comparable else NOT_COMPARABLE
        names = (record.cell,)
        return Cell(metric, printed, verdict, fmean(points), points, not comparable, label, names, is_draws=True)
    return None


def published_images_seen(records: Iterable[PublishedRecord], printed: str) -> Cell | None:
    """Millions of images that the checkpoint saw in training."""
    for record in records:
        if record.images_seen is not None:
            value = record.images_seen / 1e6
            verdict = cost_verdict(value, printed)
            verdict = OTHER_CHECKPOINT if verdict == "differs" else verdict
            return Cell("images_seen", printed, verdict, value, (value,), records=(record.cell,), is_draws=True)
    return None


def published_notes(records: Iterable[PublishedRecord]) -> list[str]:
    """A table's notes on the published weights in it: which they are, how they were scored, and where they differ."""
    return [_note(record) for record in records]


def _note(record: PublishedRecord) -> str:
    if record.lacking:
        return f"{record.cell}, {SOURCE}: not run, because something is missing: {'; '.join(record.lacking)}"
    level, mismatch = record.comparability, "".join(f"; {line}" for line in record.mismatch)
    reasons = f" ({'; '.join(level.reasons)})" if level.reasons else ""
    label = record.extractor.label if record.extractor else "nothing"
    seen = "" if record.images_seen is None else f" at {record.images_seen:,} images"
    many = f"{len(record.runs)} draw{'s' if len(record.runs) != 1 else ''}"
    return f"{record.cell}, {SOURCE}: {record.checkpoint}{seen}, {many}, features {label}, {level.level}{reasons}{mismatch}"
