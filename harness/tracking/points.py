"""What a cell's run shows as metrics. A name is `group/one`: MLflow makes a section of charts of each group, and each chart
compares one metric over all cells."""

import re
from datetime import datetime

from harness.records.curves import CurveRow, read_curves
from harness.records.measured import Measurement
from harness.records.models import CostRecord, PublishedRecord, ScoreRecord
from harness.records.parts import Scores
from harness.records.store import Store
from harness.tracking.runs import Clock, now_ms


def curve_rows(rows: list[CurveRow]) -> list[CurveRow]:
    """Curves of the training: train/loss_d, train/r1, ..."""
    return [CurveRow(row.nimg, {f"train/{name}": value for name, value in row.values.items()}) for row in rows]


def score_rows(record: ScoreRecord) -> list[CurveRow]:
    """Scores of the untrained generator, every snapshot and the last weights: fd/digits-train, fd/digits-test, ...

    The extractor stands in a tag, not in the name: one profile has one."""
    steps = {0: record.untrained} | {entry.nimg: entry.metrics for entry in record.history}
    last = steps.get(record.images_seen, {}) if record.curve_images else {}  # of fewer images, and so of other names
    if record.metrics:
        steps[record.images_seen] = {name: last.get(name, {}) | found for name, found in record.metrics.items()}
    return [CurveRow(nimg, score_values(scores)) for nimg, scores in sorted(steps.items())]


def score_values(scores: Scores, ending: str = "") -> dict[str, float]:
    """{fd/digits-train: value, ...} of {protocol: {label: value}}. `ending` follows the metric's name."""
    return {
        f"{_plain(label.split('/')[0])}{ending}/{protocol}": value
        for protocol, found in scores.items()
        for label, value in found.items()
    }


def cost_row(store: Store, record: ScoreRecord | PublishedRecord) -> CurveRow:
    """What the networks cost at the paper's full size, and what training and scoring took here."""
    values: dict[str, float] = {}
    for role in ("generator", "discriminator"):
        cost = store.costs.get(getattr(record.networks, role) or "")
        values |= {f"cost/{role}_{name}": value for name, value in cost_values(cost).items()} if cost else {}
    measured = store.measurements.get(record.cell)
    for process in measured.processes if measured else []:
        name = f"time/{_plain(process.stage)}_seconds"
        values[name] = values.get(name, 0.0) + process.seconds
    if measured and measured.peak_bytes:
        values["memory/train_peak_gib"] = measured.peak_bytes / 2**30
    return CurveRow(record.images_seen or 0, values)


def cost_values(cost: CostRecord) -> dict[str, float]:
    """{gmac, params_million} of a network, as the tables print them; what could not be counted is left out."""
    macs = cost.macs.fvcore if cost.macs.printed_convention is None else cost.macs.printed_convention
    found = {"gmac": (macs, 1e9), "params_million": (cost.params, 1e6)}
    return {name: value / unit for name, (value, unit) in found.items() if value is not None}


def all_rows(store: Store, record: ScoreRecord) -> list[CurveRow]:
    """Every metric of a cell's run."""
    return [*curve_rows(read_curves(record)), *score_rows(record), cost_row(store, record)]


def times(record: ScoreRecord | PublishedRecord, measured: Measurement | None) -> tuple[int, int, Clock]:
    """Start and end of the work on a cell in milliseconds, and when each image was seen.

    Between start and end of the training a straight line is drawn. A record without a measurement gives the present."""
    if measured is None or not measured.processes:
        now = now_ms()
        return now, now, lambda nimg: now
    spans = [(started_ms(process.started), process.seconds * 1000, process.stage) for process in measured.processes]
    start, end = min(begun for begun, _, _ in spans), max(begun + int(took) for begun, took, _ in spans)
    trained = max((begun + int(took) for begun, took, stage in spans if stage == "train"), default=end)
    share = (trained - start) / max(1, record.images_seen or 0)
    return start, end, lambda nimg: start + int(share * nimg)


def started_ms(text: str) -> int:
    """An ISO 8601 time in milliseconds since 1970."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def _plain(name: str) -> str:
    """A name with the characters that MLflow takes."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", name)
