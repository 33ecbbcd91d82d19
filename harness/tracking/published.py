"""A record of published weights as one MLflow run, beside the runs of trained cells: the same metrics' names, one point each."""

from typing import TYPE_CHECKING

from harness.nested import flatten
from harness.records.curves import CurveRow
from harness.records.measured import Measurement
from harness.records.models import PublishedRecord
from harness.records.store import Store
from harness.tracking.cells import source_tags
from harness.tracking.pictures import log_picture
from harness.tracking.points import cost_row, score_values, times
from harness.tracking.runs import CONFIG, create_run, last_steps, log_facts, log_rows

if TYPE_CHECKING:
    from mlflow import MlflowClient


def published_key(profile: str, checkpoint: str) -> str:
    """The key of a checkpoint's run."""
    return f"published/{profile}/{checkpoint}"


def write_published_run(
    client: "MlflowClient", experiment: str, store: Store, record: PublishedRecord, run_id: str | None = None
) -> str:
    """Writes a run, or completes a half-written one; returns its id. A record without scores is a failed run that says why."""
    measured = store.measurements.get(record.cell)
    start, end, _ = times(record, measured)
    last = last_steps(client, run_id) if run_id else {}
    if run_id is None:
        key = published_key(store.profile, record.cell)
        run_id = create_run(client, experiment, key, {CONFIG: record.config_digest}, start)
    log_rows(client, run_id, _rows(store, record), last, lambda step: end)
    log_facts(client, run_id, _tags(record, measured), flatten(record.config))
    log_picture(client, run_id, record.samples, "samples", record.images_seen or 0)
    client.log_dict(run_id, record.model_dump(), "record.json")
    client.set_terminated(run_id, "FAILED" if record.lacking else "FINISHED", end)
    return run_id


def _rows(store: Store, record: PublishedRecord) -> list[CurveRow]:
    """The means over the draws, their standard deviations as fid_sd/cifar10-50k, and the costs, at the images seen."""
    values = score_values(record.metrics) | score_values(record.generation_sd, "_sd")
    costs = cost_row(store, record)
    return [CurveRow(costs.nimg, {**values, **costs.values})]


def _tags(record: PublishedRecord, measured: Measurement | None) -> dict[str, object]:
    extractor = record.extractor
    return source_tags(measured, "pipelines/published/score.py") | {
        "cell": record.cell,
        "profile": record.profile,
        "source": record.source,
        "checkpoint": record.checkpoint,
        "tables": " ".join(sorted({row.split(":")[0] for row in record.rows})),
        "rows": " ".join(record.rows),
        "draws": len(record.runs) or None,
        "arithmetic": record.arithmetic,
        "comparability": record.comparability.level,
        "extractor": extractor.label if extractor else None,
        "extractor_sha256": extractor.sha256 if extractor else None,
        "weights_sha256": record.weights_sha256,
        "mlflow.note.content": _note(record),
    }


def _note(record: PublishedRecord) -> str:
    """The description on the run's page, in Markdown."""
    if record.lacking:
        return f"Published weights, not scored: {'; '.join(record.lacking)}.\n\n`{record.command}`"
    reasons = "; ".join([*record.comparability.reasons, *record.mismatch]) or "the paper's protocol and checkpoint"
    return (
        f"Weights that the authors published, {record.checkpoint}; nothing was trained. Scores are means over {len(record.runs)} "
        f"draws. Comparability with the paper: {record.comparability.level} ({reasons}).\n\n`{record.command}`\n\n"
        "The whole record is the artefact `record.json`."
    )
