"""A cell's record as one MLflow run: metrics, parameters, tags, data set and pictures."""

import json
import re
from typing import TYPE_CHECKING

from harness.nested import flatten
from harness.records.measured import Measurement
from harness.records.models import ScoreRecord
from harness.records.parts import TrainingData
from harness.records.store import Store
from harness.tracking.pictures import log_pictures
from harness.tracking.points import all_rows, times
from harness.tracking.runs import CONFIG, cell_key, create_run, last_steps, log_facts, log_rows

if TYPE_CHECKING:
    from mlflow import MlflowClient


def write_cell_run(client: "MlflowClient", experiment: str, store: Store, record: ScoreRecord, run_id: str | None = None) -> str:
    """Writes a run, or completes that of the cell's training; returns its id."""
    measured = store.measurements.get(record.cell)
    start, end, clock = times(record, measured)
    last: dict[str, int] = {}
    if run_id is None:
        run_id = create_run(client, experiment, cell_key(store.profile, record.cell), {CONFIG: record.config_digest}, start)
    else:
        last = last_steps(client, run_id)
    log_rows(client, run_id, all_rows(store, record), last, clock)
    log_facts(client, run_id, cell_tags(record, measured), flatten(record.config))
    _log_dataset(client, run_id, record.data)
    log_pictures(client, run_id, record)
    client.log_dict(run_id, record.model_dump(), "record.json")
    client.set_terminated(run_id, "FINISHED" if record.status == "ok" else "FAILED", end)
    return run_id


def cell_tags(record: ScoreRecord, measured: Measurement | None) -> dict[str, object]:
    """Tags for filtering and grouping in the interface. Replicates of a cell share the tag `cell` and differ in `seed`."""
    return source_tags(measured, "pipelines/train.py") | {
        "cell": re.sub(r"-seed[0-9]+$", "", record.cell),
        "profile": record.profile,
        "tables": " ".join(sorted({row.split(":")[0] for row in record.rows})),
        "rows": " ".join(record.rows),
        "attention": record.config.get("attention", ""),
        "discriminator": record.config.get("discriminator_attention", ""),
        "arithmetic": record.arithmetic,
        "seed": record.seed,
        "status": record.status,
        "comparability": record.comparability.level,
        "extractor": record.extractor.label,
        "extractor_sha256": record.extractor.sha256,
        "weights_sha256": record.weights_sha256,
        "mlflow.note.content": _note(record),
    }


def source_tags(measured: Measurement | None, script: str) -> dict[str, object]:
    """Where a record comes from, as MLflow shows it: devices, script and commit."""
    git = next((process.git for process in measured.processes if process.git.commit), None) if measured else None
    return {
        "device": ", ".join(measured.devices) if measured else "not recorded",
        "mlflow.source.name": script,
        "mlflow.source.git.commit": git.commit if git else None,
        "git_dirty": git.dirty if git else None,
    }


def _note(record: ScoreRecord) -> str:
    """The description on the run's page, in Markdown."""
    rows = ", ".join("table {} row {}".format(*row.split(":")) for row in record.rows) or "no row of the paper's tables"
    reasons = "; ".join(record.comparability.reasons) or "the paper's protocol"
    return (
        f"Fills {rows}. Comparability with the paper: {record.comparability.level} ({reasons}).\n\n`{record.command}`\n\n"
        "`cost/*` are of the paper's full-size networks. The whole record is the artefact `record.json`."
    )


def _log_dataset(client: "MlflowClient", run_id: str, data: TrainingData) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"sha256": data.sha256})
    profile = json.dumps({"num_rows": data.train_count, "fraction": data.fraction})
    dataset = Dataset(data.name, data.sha256[:36], "local", source, profile=profile)  # 36 characters are the most it takes
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
