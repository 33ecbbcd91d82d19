"""The harness's own runs in a store: how they are known again, made, and filled.

A run belongs to the harness if it bears its key, and to this user if MLflow says so. No other run is ever touched.
"""

import getpass
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.records.curves import CurveRow

if TYPE_CHECKING:  # importing it takes one to three seconds
    from mlflow import MlflowClient
    from mlflow.entities import Run

KEY = "ladagan.key"  # tag: what the run shows, "cell/digits/table1-16"
DIGEST = "ladagan.digest"  # tag: of all that it shows; set last, so a run that has it is complete
CONFIG = "ladagan.config"  # tag: digest of the configuration, by which a record completes the run of its training
BATCH = 1000  # metrics per log_batch call, at most
Clock = Callable[[int], int]  # images seen -> milliseconds since 1970


def cell_key(profile: str, cell: str) -> str:
    """The key of a cell's run."""
    return f"cell/{profile}/{cell}"


def user() -> str:
    """Who writes the runs, as MLflow shows it."""
    with suppress(KeyError, OSError, ImportError):  # a container may give its user no name
        return getpass.getuser()
    return "unknown"


def now_ms() -> int:
    return int(time.time() * 1000)


def own_runs(client: "MlflowClient", experiment: str, key: str = "") -> dict[str, list["Run"]]:
    """{key: runs} that the harness wrote for this user in an experiment, or those of one key."""
    wanted = f"tags.`{KEY}` = '{key}'" if key else f"tags.`{KEY}` LIKE '%/%'"
    runs: dict[str, list[Run]] = {}
    token, me = None, user()
    while True:
        page = client.search_runs([experiment], wanted, max_results=1000, page_token=token)
        for run in page:
            if run.data.tags.get("mlflow.user") == me:
                runs.setdefault(run.data.tags[KEY], []).append(run)
        token = page.token
        if not token:
            return runs


def is_live(run: "Run", config_digest: str) -> bool:
    """Whether a run belongs to a training of this configuration that no record has completed."""
    return DIGEST not in run.data.tags and run.data.tags.get(CONFIG) == config_digest


def create_run(client: "MlflowClient", experiment: str, key: str, tags: Mapping[str, str], start_ms: int) -> str:
    """A new, open run, named by the last part of its key."""
    name = key.rpartition("/")[2]
    own = {KEY: key, "mlflow.user": user(), "mlflow.source.type": "LOCAL"}
    return client.create_run(experiment, start_time=start_ms, run_name=name, tags={**own, **tags}).info.run_id


def last_steps(client: "MlflowClient", run_id: str) -> dict[str, int]:
    """{metric: the last step that a run holds}."""
    names = client.get_run(run_id).data.metrics
    return {name: max(point.step for point in client.get_metric_history(run_id, name)) for name in names}


def log_rows(client: "MlflowClient", run_id: str, rows: Sequence[CurveRow], last: dict[str, int], clock: Clock) -> None:
    """Logs rows in batches, without the steps already in `last`, and updates `last`."""
    from mlflow.entities import Metric

    metrics = []
    for row in rows:
        fresh = {name: value for name, value in row.values.items() if row.nimg > last.get(name, -1)}
        metrics += [Metric(name, value, clock(row.nimg), row.nimg) for name, value in fresh.items()]
        last.update(dict.fromkeys(fresh, row.nimg))
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def log_facts(client: "MlflowClient", run_id: str, tags: Mapping[str, object], params: Mapping[str, object]) -> None:
    """Logs tags and parameters; empty tags are left out."""
    from mlflow.entities import Param, RunTag

    shown = [RunTag(name, str(value)[:5000]) for name, value in tags.items() if value not in ("", None)]
    client.log_batch(run_id, tags=shown)
    stated = [Param(name, _text(value)[:500]) for name, value in params.items()]
    for start in range(0, len(stated), 100):
        client.log_batch(run_id, params=stated[start : start + 100])


def _text(value: object) -> str:
    """As a record has it, where tuples became lists: MLflow refuses a parameter that changes when the record completes a run."""
    return str(json.loads(json.dumps(value))) if isinstance(value, list | tuple) else str(value)
