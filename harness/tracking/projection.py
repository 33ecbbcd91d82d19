"""Writes records to MLflow as runs. A run stays while its record is the same and is replaced if the record changes.

Nothing else is deleted: not a user's run, not a run whose record is gone, not a colleague's of the same cell.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.files import digest
from harness.names import experiment_name
from harness.progress import is_quiet
from harness.records.models import CostRecord, PublishedRecord, ScoreRecord
from harness.records.store import Store
from harness.tracking.cells import write_cell_run
from harness.tracking.costs import cost_key, costs_experiment, write_cost_run
from harness.tracking.database import connect, database_lock, experiment_id
from harness.tracking.generator import MODEL, log_generator, mark_replaced
from harness.tracking.published import published_key, write_published_run
from harness.tracking.repair import check_place, plain_errors, repair
from harness.tracking.runs import DIGEST, cell_key, is_live, own_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

LAYOUT = 2  # of a run: its metrics' names, tags and pictures; another number replaces every run
SAY_SECONDS = 5
OUTCOMES = ("written", "kept", "replaced")


def project(store: Store, uri: str | None = None) -> Counter[str]:
    """Brings the runs of a profile's cells, published weights and networks in line with its records.

    The store is at `uri`, or the one here. Returns how many were written, kept and replaced. One process at a time. A broken
    database here is set aside and made anew. HarnessError if the store cannot be used.
    """
    if uri is None:
        check_place()
    with database_lock("projection"):
        if uri is None:
            repair()
        with plain_errors(uri):
            client = connect(uri)
            return _Projection(client, store).run()


class _Projection:
    """One pass over a profile's records."""

    def __init__(self, client: "MlflowClient", store: Store) -> None:
        self.client, self.store = client, store
        self.counts: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self.total = len(store.scores) + len(store.published) + len(store.costs)
        self.done, self.said = 0, time.monotonic()

    def run(self) -> Counter[str]:
        """Cells first, then published weights, then networks."""
        cells = experiment_id(self.client, experiment_name(self.store.profile))
        own = own_runs(self.client, cells)
        for record in self.store.scores.values():
            self._cell(cells, own.get(cell_key(self.store.profile, record.cell), []), record)
        for published in self.store.published.values():
            self._published(cells, own.get(published_key(self.store.profile, published.cell), []), published)
        if self.store.costs:
            costs = experiment_id(self.client, costs_experiment(self.store.profile))
            own = own_runs(self.client, costs)
            for cost in self.store.costs.values():
                self._cost(costs, own.get(cost_key(self.store.profile, cost.cell), []), cost)
        return self.counts

    def _cell(self, experiment: str, found: list["Run"], record: ScoreRecord) -> None:
        def write(live: str | None) -> str:
            return write_cell_run(self.client, experiment, self.store, record, live)

        run_id, tags = self._update(experiment, found, self._shown_by(record), record.config_digest, write)
        if MODEL not in tags:
            log_generator(self.client, experiment, run_id, record)

    def _published(self, experiment: str, found: list["Run"], record: PublishedRecord) -> None:
        def write(half_written: str | None) -> str:
            return write_published_run(self.client, experiment, self.store, record, half_written)

        self._update(experiment, found, self._shown_by(record), record.config_digest, write)

    def _cost(self, experiment: str, found: list["Run"], record: CostRecord) -> None:
        def write(half_written: str | None) -> str:
            return write_cost_run(self.client, experiment, self.store, record, half_written)

        measured = self.store.throughputs.get(record.cell)
        shown = digest([LAYOUT, record.digest, measured.digest if measured else ""])
        self._update(experiment, found, shown, record.digest, write)

    def _shown_by(self, record: ScoreRecord | PublishedRecord) -> str:
        """Digest of all that the run of a cell or of published weights shows."""
        measured = self.store.measurements.get(record.cell)
        costs = [self.store.costs.get(name or "") for name in (record.networks.generator, record.networks.discriminator)]
        parts = [measured.digest if measured else "", *(cost.digest if cost else "" for cost in costs)]
        return digest([LAYOUT, record.digest, *parts])

    def _update(
        self, experiment: str, found: list["Run"], shown: str, config: str, write: Callable[[str | None], str]
    ) -> tuple[str, dict[str, str]]:
        """Keeps the run that shows this, or writes one and then deletes those that it replaces. Its id and tags."""
        complete = {run.info.run_id: run.data.tags for run in found if DIGEST in run.data.tags}
        kept = next((run_id for run_id, tags in complete.items() if tags[DIGEST] == shown), None)
        if kept is None:
            live = next((run.info.run_id for run in found if is_live(run, config)), None)
            run_id = write(live)
            self.client.set_tag(run_id, DIGEST, shown)
        else:
            run_id = kept
        self.counts["written" if kept is None else "kept"] += 1
        for other in complete.keys() - {run_id}:
            mark_replaced(self.client, experiment, other, run_id)
            self.client.delete_run(other)
            self.counts["replaced"] += 1
        self._say()
        return run_id, complete.get(run_id, {})

    def _say(self) -> None:
        self.done += 1
        if not is_quiet() and time.monotonic() - self.said >= SAY_SECONDS:
            self.said = time.monotonic()
            print(f"{self.store.profile}: {self.done} of {self.total} runs", file=sys.stderr, flush=True)
