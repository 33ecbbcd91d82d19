"""The MLflow database: its location, creating it once, and logging into it in batches."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from harness.names import experiment_name
from harness.records.curves import CurveRow

if TYPE_CHECKING:  # importing it takes one to three seconds
    from mlflow import MlflowClient
    from mlflow.entities import Run

DATABASE = Path("mlflow.db")  # in the working directory

EPOCH_MS = 1_700_000_000_000  # timestamps are EPOCH_MS + step, so that logging a point twice changes nothing
BATCH = 1000  # metrics per log_batch call, at most
QUIET = {  # no telemetry, one server process without job workers, no progress bars, few messages
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


def database_uri() -> str:
    """The address of the database in the working directory, absolute if possible.

    `?`, `#` and `%` have a meaning in an address. If the path contains them, the address is relative to the working directory,
    which is also the server's.
    """
    folder = DATABASE.resolve().parent.as_posix()
    folder = folder if re.fullmatch(r"[A-Za-z0-9/._ +@=,-]+", folder) else "."
    return f"sqlite:///{folder}{'/.' * len(_DISCARDED)}/{DATABASE.name}"


_DISCARDED: list[str] = []  # databases that were removed while this process ran


def forget_database(reason: str) -> None:
    """Makes the next connection a new one.

    A process keeps MLflow's connection to an address for ever, even when the file is gone, and cannot close it. So the address of
    the same file is spelt differently.
    """
    _DISCARDED.append(reason)


def asked_uri(given: str | None) -> str | None:
    """The store that a user asked for: `given` on the command line, else by MLFLOW_TRACKING_URI. None: the one here."""
    return given or os.environ.get("MLFLOW_TRACKING_URI") or None


def connect(uri: str | None = None) -> "MlflowClient":
    """An MlflowClient on `uri`, or on the project's database, which is made once even when several processes start together."""
    os.environ.update(QUIET)
    from mlflow import MlflowClient  # one to three seconds, so only where it is used

    with database_lock():
        client = MlflowClient(tracking_uri=uri or database_uri())
        client.search_experiments(max_results=1)  # makes the tables
    return client


def database_lock(part: str = "") -> FileLock:
    """A lock beside the database, for creating its tables and experiments, or with `part` "projection" for a projection."""
    return FileLock(DATABASE.with_name(".".join(filter(None, (DATABASE.name, part, "lock")))).resolve())


def experiment_id(client: "MlflowClient", profile: str) -> str:
    """The id of the profile's experiment. Creates it if there is none."""
    name = experiment_name(profile)
    with database_lock():
        found = client.get_experiment_by_name(name)
        artefacts = Path("mlartifacts").resolve() / name
        return found.experiment_id if found else client.create_experiment(name, artifact_location=artefacts.as_uri())


def runs_by_cell(client: "MlflowClient", experiment: str, cell: str | None = None) -> dict[str, list["Run"]]:
    """{cell: its runs} of an experiment, or of one of its cells."""
    runs: dict[str, list[Run]] = {}
    token = None
    only = f"tags.cell = '{cell}'" if cell else ""
    while True:
        page = client.search_runs([experiment], only, max_results=1000, page_token=token)
        for run in page:
            runs.setdefault(run.data.tags.get("cell", ""), []).append(run)
        token = page.token
        if not token:
            return runs


def is_live(run: "Run", config_digest: str) -> bool:
    """Whether a run shows a training of this configuration that has no record yet."""
    return "digest" not in run.data.tags and run.data.tags.get("config_digest") == config_digest


def create_run(client: "MlflowClient", experiment: str, cell: str, config_digest: str, position: int = 0) -> str:
    """Creates an open run with the name of its cell. The interface shows the run with `position` 0 first."""
    tags = {"cell": cell, "config_digest": config_digest}
    return client.create_run(experiment, start_time=EPOCH_MS - position, run_name=cell, tags=tags).info.run_id


def last_steps(client: "MlflowClient", run_id: str) -> dict[str, int]:
    """{metric: last logged step} of a run."""
    names = client.get_run(run_id).data.metrics
    return {name: max(point.step for point in client.get_metric_history(run_id, name)) for name in names}


def log_rows(client: "MlflowClient", run_id: str, rows: Sequence[CurveRow], last: dict[str, int]) -> None:
    """Logs rows in batches, except steps that were logged before. Updates `last`, {metric: last logged step}."""
    from mlflow.entities import Metric

    metrics = []
    for row in rows:
        fresh = {name: value for name, value in row.values.items() if row.nimg > last.get(name, -1)}
        metrics += [Metric(name, value, EPOCH_MS + row.nimg, row.nimg) for name, value in fresh.items()]
        last.update(dict.fromkeys(fresh, row.nimg))
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def curve_rows(rows: Sequence[CurveRow]) -> list[CurveRow]:
    """The rows with a prefix in their names. It makes MLflow show their charts in a section."""
    return [CurveRow(row.nimg, {f"curves/{name}": value for name, value in row.values.items()}) for row in rows]
