"""Where MLflow's store is: the database in the working directory, or the one that a user names."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from harness.errors import HarnessError

if TYPE_CHECKING:  # importing it takes one to three seconds
    from mlflow import MlflowClient

DATABASE = Path("mlflow.db")  # in the working directory
ARTEFACTS = Path("mlartifacts")  # of experiments that no server keeps
QUIET = {  # no telemetry, one server process without job workers, no progress bars, few messages
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
# With a server that does not answer; MLflow's own defaults hold a training for minutes. A user's values stay.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
ABOUT = (
    "Written by the LadaGAN harness from its committed records, one run a cell. Runs that it did not write, and a colleague's, "
    "are left alone. Its own are replaced when their record changes; `python -m harness.tracking` brings them up to date."
)


def asked_uri(given: str | None) -> str | None:
    """The store that a user asked for: `given` on the command line, else by MLFLOW_TRACKING_URI. None: the one here."""
    return given or os.environ.get("MLFLOW_TRACKING_URI") or None


def is_server(uri: str | None) -> bool:
    """Whether a store is an MLflow server, which keeps the artefacts too and has an interface of its own."""
    return uri is not None and uri.startswith(("http://", "https://"))


def database_uri() -> str:
    """The address of the database in the working directory, absolute if possible.

    `?`, `#` and `%` have a meaning in an address. If the path contains them, the address is relative to the working directory,
    which is also the server's.
    """
    folder = DATABASE.resolve().parent.as_posix()
    folder = folder if re.fullmatch(r"[A-Za-z0-9/._ +@=,-]+", folder) else "."
    return f"sqlite:///{folder}{'/.' * len(_SET_ASIDE)}/{DATABASE.name}"


_SET_ASIDE: list[str] = []  # databases that were moved away while this process ran


def forget_database(reason: str) -> None:
    """Makes the next connection a new one.

    A process keeps MLflow's connection to an address for ever, even when the file is gone, and cannot close it. So the address of
    the same file is spelt differently.
    """
    _SET_ASIDE.append(reason)


def connect(uri: str | None = None) -> "MlflowClient":
    """An MlflowClient on `uri`, or on the project's database, which is made once even when several processes start together."""
    os.environ.update(QUIET)
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient  # one to three seconds, so only where it is used

    with database_lock():
        client = MlflowClient(tracking_uri=uri or database_uri())
        client.search_experiments(max_results=1)  # makes the tables
    return client


def database_lock(part: str = "") -> FileLock:
    """A file lock for creating tables and experiments, or, with `part` "projection", for a whole projection."""
    return FileLock(DATABASE.with_name(".".join(filter(None, (DATABASE.name, part, "lock")))).resolve())


def experiment_id(client: "MlflowClient", name: str) -> str:
    """The experiment of this name, made if there is none. HarnessError where a user deleted it in MLflow."""
    with database_lock():
        found = client.get_experiment_by_name(name)
        if found is None:
            place = None if is_server(client.tracking_uri) else (ARTEFACTS / name).resolve().as_uri()
            return client.create_experiment(name, artifact_location=place, tags={"mlflow.note.content": ABOUT})
    if found.lifecycle_stage == "deleted":
        raise HarnessError(
            f"the experiment {name} was deleted in MLflow; expected one that takes runs; restore it with "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}`, or remove it for good with `mlflow gc`"
        )
    return found.experiment_id
