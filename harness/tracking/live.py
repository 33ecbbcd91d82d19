"""Logs a training to MLflow while it runs."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from harness.errors import HarnessError
from harness.files import digest
from harness.names import experiment_name
from harness.nested import flatten
from harness.records.curves import curve_row
from harness.records.environment import git_state
from harness.tracking.database import DATABASE, asked_uri, connect, experiment_id
from harness.tracking.points import curve_rows
from harness.tracking.repair import check_place, damage, without_secrets
from harness.tracking.runs import CONFIG, cell_key, create_run, is_live, last_steps, log_facts, log_rows, now_ms, own_runs

SYSTEM_SECONDS = 10  # between two looks at processor, memory and GPU
# A run that takes less is over before anyone looks at it; the projection shows it. Opening a run takes MLflow six seconds.
PATIENCE_SECONDS = 60.0


@contextmanager
def live_run(
    cell: str, profile: str, config: dict, tracking_uri: str | None = None, patience: float = PATIENCE_SECONDS
) -> Iterator[Callable[[list[dict]], None]]:
    """Yields a function that logs batches of curve rows ({nimg, loss_d, ...}) while a cell trains.

    The run appears in MLflow after `patience` seconds, or at once in a store that the user has named. An interrupted run of the
    same cell and configuration is resumed. Later, the projection of the cell's record completes the run; the record must have the
    same `config`. Tracking must never stop training: after an error it prints one warning and logs nothing more.
    """
    uri = asked_uri(tracking_uri)
    live = _Live(lambda: _Open(cell, profile, config, uri), 0.0 if uri else patience)
    status = "KILLED"
    try:
        yield live.log
        status = "FINISHED"
    finally:
        live.close(status)


class _Live:
    """The run of one cell in training. It is opened late. After the first error it does nothing more."""

    def __init__(self, open_run: Callable[[], "_Open"], patience: float) -> None:
        self.open_run, self.broken = open_run, False
        self.run: _Open | None = None
        self.waiting: list[dict] = []  # curve rows to log when the run is opened
        self.due = time.monotonic() + patience
        self.log([])

    def log(self, rows: list[dict]) -> None:
        """Logs curve rows, without those logged before a resume."""
        self.waiting += rows
        if time.monotonic() >= self.due:
            self._guard(self._send)

    def close(self, status: str) -> None:
        """Ends the run, which a training that goes on opens again."""
        if self.run is not None:
            self._guard(partial(self.run.close, status))

    def _send(self) -> None:
        self.run = self.run or self.open_run()
        self.run.log(self.waiting)
        self.waiting = []

    def _guard(self, action: Callable[[], None]) -> None:
        if self.broken:
            return
        try:
            action()
        except Exception as error:
            self.broken = True
            said = without_secrets(" ".join(str(error).split()))[:200]
            print(f"warning: no live curves in MLflow ({said})", file=sys.stderr)


class _Open:
    """A run that MLflow shows."""

    def __init__(self, cell: str, profile: str, config: dict, uri: str | None) -> None:
        if uri is None:
            check_place()  # at once, where MLflow would try for minutes
            if reason := damage():
                raise HarnessError(f"{DATABASE} is broken: {reason}; python -m harness.tracking makes a new one")
        self.client = connect(uri)
        experiment = experiment_id(self.client, experiment_name(profile))
        key, config_digest = cell_key(profile, cell), digest(config)
        found = own_runs(self.client, experiment, key).get(key, [])
        live = [run.info.run_id for run in found if is_live(run, config_digest)]
        self.run_id = live[0] if live else create_run(self.client, experiment, key, {CONFIG: config_digest}, now_ms())
        self.client.update_run(self.run_id, status="RUNNING")
        self.last = last_steps(self.client, self.run_id)
        log_facts(self.client, self.run_id, _source(profile), flatten(config))
        self._watch()

    def _watch(self) -> None:
        """System metrics, as MLflow's own runs have them."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        address = self.client.tracking_uri
        self.monitor = SystemMetricsMonitor(self.run_id, SYSTEM_SECONDS, resume_logging=True, tracking_uri=address)
        self.monitor.start()

    def log(self, rows: list[dict]) -> None:
        """Logs curve rows."""
        fresh = curve_rows([curve_row(row) for row in rows])
        log_rows(self.client, self.run_id, fresh, self.last, lambda nimg: now_ms())

    def close(self, status: str) -> None:
        """Ends the run."""
        self.monitor.finish()
        self.client.set_terminated(self.run_id, status)


def _source(profile: str) -> dict[str, object]:
    """Where the run comes from, as MLflow shows it."""
    git = git_state()
    return {
        "profile": profile,
        "mlflow.source.name": "pipelines/train.py",
        "mlflow.source.git.commit": git.commit,
        "git_dirty": git.dirty,
    }
