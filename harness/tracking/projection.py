"""Writes records to MLflow as runs. A run is written once, and again only when its record has changed."""

from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.nested import flatten
from harness.records.curves import CurveRow, read_curves
from harness.records.measured import Measurement
from harness.records.models import ScoreRecord, TrainingData
from harness.records.store import Store
from harness.tracking.database import (
    EPOCH_MS,
    connect,
    create_run,
    curve_rows,
    database_lock,
    experiment_id,
    is_live,
    last_steps,
    log_rows,
    runs_by_cell,
)
from harness.tracking.repair import check_place, damage, discard

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PICTURES = ("samples", "maps", "interpolation")


def project(store: Store) -> dict[str, int]:
    """Updates a profile's runs from its records. Returns how many were written, kept and removed.

    One process at a time. A broken database is deleted and created again. HarnessError if it cannot be created.
    """
    check_place()
    with database_lock("projection"):
        if reason := damage():
            discard(reason)
            return _guarded(store)
        try:
            return _project(store)
        except database_errors() as error:
            check_place()  # a full disk is not damage
            discard(str(error))
            return _guarded(store)


def database_errors() -> tuple[type[Exception], ...]:
    """Exceptions that MLflow raises for its database. Imported here, because importing MLflow is slow."""
    import sqlite3

    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, sqlite3.Error


def _guarded(store: Store) -> dict[str, int]:
    """Projects into a new database. If that fails too, HarnessError."""
    try:
        return _project(store)
    except database_errors() as error:
        said = " ".join(str(error).split())[:200]
        raise HarnessError(
            f"MLflow's database cannot be made ({said}); the records are untouched; correct that, run again"
        ) from error


def _project(store: Store) -> dict[str, int]:
    client = connect()
    experiment = experiment_id(client, store.profile)
    runs = runs_by_cell(client, experiment)
    counts = {"written": 0, "kept": 0, "removed": 0}
    for position, (cell, record) in enumerate(store.scores.items()):
        current, stale = _split(runs.pop(cell, []), record)
        _remove(client, stale, counts)
        if current is not None and current.data.tags.get("digest") == record.digest:
            counts["kept"] += 1
            continue
        run_id = current.info.run_id if current else create_run(client, experiment, cell, record.config_digest, position)
        _write_run(client, run_id, record, store.measurements.get(cell))
        counts["written"] += 1
    # a run without a digest belongs to a cell that is training and has no record yet
    _remove(client, [run for cell in runs for run in runs[cell] if "digest" in run.data.tags], counts)
    return counts


def _split(runs: list["Run"], record: ScoreRecord) -> tuple["Run | None", list["Run"]]:
    """The run that shows this record, or the live run that it completes, and all other runs."""
    same = [run for run in runs if run.data.tags.get("digest") == record.digest]
    live = [run for run in runs if is_live(run, record.config_digest)]
    current = next(iter(same + live), None)
    return current, [run for run in runs if run is not current]


def _remove(client: "MlflowClient", runs: list["Run"], counts: dict[str, int]) -> None:
    for run in runs:
        client.delete_run(run.info.run_id)
        counts["removed"] += 1


def _write_run(client: "MlflowClient", run_id: str, record: ScoreRecord, measured: Measurement | None) -> None:
    from mlflow.entities import Param, RunTag

    last = last_steps(client, run_id)
    log_rows(client, run_id, curve_rows(read_curves(record)), last)
    log_rows(client, run_id, _score_rows(record), last)
    params = [Param(key, str(value)[:500]) for key, value in flatten(record.config).items()]
    for start in range(0, len(params), 100):
        client.log_batch(run_id, params=params[start : start + 100])
    client.log_batch(run_id, tags=[RunTag(key, str(value)) for key, value in _tags(record, measured).items()])
    _log_dataset(client, run_id, record.data)
    _log_pictures(client, run_id, record)
    client.set_tag(run_id, "digest", record.digest)  # last, because a run with a digest counts as complete
    seconds = measured.seconds if measured else 0
    client.set_terminated(run_id, "FINISHED" if record.status == "ok" else "FAILED", EPOCH_MS + int(seconds * 1e3))


def _tags(record: ScoreRecord, measured: Measurement | None) -> dict[str, object]:
    """Tags for filtering and grouping in the interface."""
    config, commits = record.config, [process.git.commit for process in measured.processes] if measured else []
    return {
        "profile": record.profile,
        "tables": " ".join(sorted({row.split(":")[0] for row in record.rows})),
        "rows": " ".join(record.rows),
        "attention": config.get("attention", ""),
        "discriminator": config.get("discriminator_attention", ""),
        "device": ", ".join(measured.devices) if measured else "not recorded",
        "seed": record.seed,
        "status": record.status,
        "comparability": record.comparability.level,
        "extractor": record.extractor.label,
        "data_sha256": record.data.sha256,
        "config_digest": record.config_digest,
        "mlflow.source.git.commit": next((commit for commit in reversed(commits) if commit), ""),
        "mlflow.note.content": f"`{record.command}`",
    }


def _score_rows(record: ScoreRecord) -> list[CurveRow]:
    """The scores of the untrained generator, of every snapshot and of the last weights. MLflow allows no @ in a name."""
    steps = {0: record.untrained} | {entry.nimg: entry.metrics for entry in record.history}
    if record.metrics:
        steps[record.images_seen] = record.metrics
    rows = []
    for nimg, scores in sorted(steps.items()):
        values = {(protocol, label): value for protocol, found in scores.items() for label, value in found.items()}
        rows.append(
            CurveRow(nimg, {f"{protocol}/{label.replace('@', '-')}": value for (protocol, label), value in values.items()})
        )
    return rows


def _log_dataset(client: "MlflowClient", run_id: str, data: TrainingData) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(data.name, data.sha256[:36], "local", f'{{"sha256": "{data.sha256}"}}')
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def _log_pictures(client: "MlflowClient", run_id: str, record: ScoreRecord) -> None:
    """Logs the pictures of the last weights, and one picture per snapshot, which MLflow shows with a slider."""
    import numpy as np
    from PIL import Image

    for field in PICTURES:
        path = getattr(record, field)
        if path and Path(path).is_file():
            with Image.open(path) as picture:
                client.log_image(run_id, np.asarray(picture.convert("RGB")), key=field, step=record.images_seen)
    progress = record.progress
    if progress and Path(progress.path).is_file():
        with Image.open(progress.path) as picture:
            strips = np.array_split(np.asarray(picture.convert("RGB")), len(progress.nimg))  # one row of tiles per snapshot
        for nimg, strip in zip(progress.nimg, strips, strict=True):
            client.log_image(run_id, strip, key="progress", step=nimg)
