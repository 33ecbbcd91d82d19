"""Logs a training run to MLflow while it runs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.errors import HarnessError
from harness.files import digest
from harness.records.curves import curve_row
from harness.tracking.database import (
    DATABASE,
    asked_uri,
    connect,
    create_run,
    curve_rows,
    experiment_id,
    is_live,
    last_steps,
    log_rows,
    runs_by_cell,
)
from harness.tracking.repair import check_place, damage


@contextmanager
def live_run(cell: str, profile: str, config: dict, tracking_uri: str | None = None) -> Iterator[Callable[[list[dict]], None]]:
    """Yields a function that logs batches of curve rows ({nimg, loss_d, ...}) while a cell trains.

    An interrupted run of the same cell and configuration is resumed. Later, the projection of the cell's record completes the
    run; the record must have the same `config`. Tracking must never stop training: after an error it prints one warning and logs
    nothing more.
    """
    yield _Live(cell, profile, digest(config), asked_uri(tracking_uri)).log


class _Live:
    """The open run of one cell in training. After the first error it does nothing more."""

    def __init__(self, cell: str, profile: str, config_digest: str, uri: str | None) -> None:
        self.broken, self.uri = False, uri
        self._guard(lambda: self._open(cell, profile, config_digest))

    def log(self, rows: list[dict]) -> None:
        """Logs curve rows, except those that were logged before a resume."""
        self._guard(lambda: log_rows(self.client, self.run_id, curve_rows([curve_row(row) for row in rows]), self.last))

    def _open(self, cell: str, profile: str, config_digest: str) -> None:
        check_place()  # fails at once; MLflow would retry for minutes
        if reason := damage():
            raise HarnessError(f"{DATABASE} is broken: {reason}; python -m harness.tracking rebuilds it")
        self.client = connect()
        experiment = experiment_id(self.client, profile)
        runs = runs_by_cell(self.client, experiment, cell).get(cell, [])
        live = [run.info.run_id for run in runs if is_live(run, config_digest)]
        self.run_id = live[0] if live else create_run(self.client, experiment, cell, config_digest)
        self.last = last_steps(self.client, self.run_id)

    def _guard(self, action: Callable[[], None]) -> None:
        if self.broken:
            return
        try:
            action()
        except Exception as error:
            self.broken = True
            print(f"warning: no live curves in MLflow ({' '.join(str(error).split())[:200]})", file=sys.stderr)
