"""The tables of a profile: the printed ones and its own experiments. The same records give the same tables."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.metrics.metric import METRICS
from harness.paper import NOT_PRINTED, PrintedTable, errata, printed_tables
from harness.records.models import PublishedRecord
from harness.records.store import Store
from harness.report.cell import Cell
from harness.report.formats import MARKS
from harness.report.own import own_table
from harness.report.published_cells import SOURCE, published_notes
from harness.report.stale import stale_runs
from harness.report.table_cells import Row, table_cells
from harness.report.verdicts import ABSENT, DIFFERS, DIVERGED, NOT_COMPARABLE, OTHER_CHECKPOINT, REPRODUCED

OWN = "table_own"


@dataclass(frozen=True)
class Table:
    """A table ready to be written: name for files, label, title, its rows (printed columns, {column: Cell}), and notes.

    `printed` describes the table of a paper; None for a profile's own experiments. `stale` says of runs that are not what
    params.yaml asks for what differs; `errata` are the statements of the ledger that touch the table.
    """

    name: str
    label: str
    title: str
    rows: list[Row]
    notes: list[str]
    printed: PrintedTable | None = None
    stale: Mapping[str, str] = field(default_factory=dict)
    errata: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """Number of the printed table. 0 for a profile's own."""
        return self.printed.number if self.printed else 0

    @property
    def columns(self) -> list[str]:
        """Columns for people. The CSV file has all columns."""
        hidden = self.printed.hidden if self.printed else []
        return [column for column in self.rows[0][0] if column not in hidden]

    @property
    def cells(self) -> list[Cell]:
        """All figures, row by row."""
        return [cell for _, cells in self.rows for cell in cells.values()]

    @property
    def published(self) -> list[Cell]:
        """Figures of published weights, which stand beside the others and are not counted among them."""
        return [cell.published for cell in self.cells if cell.published]

    @property
    def published_columns(self) -> set[str]:
        """Columns in which there are any."""
        return {column for _, cells in self.rows for column, cell in cells.items() if cell.published}

    @property
    def repeats(self) -> bool:
        """Whether the table contains no measured time, so that the same runs give the same table on every machine."""
        return all(cell.quantity != "throughput" for cell in self.cells)

    @property
    def summary(self) -> str:
        """Summary: how much of the table was measured, and the verdicts."""
        runs = sum(any(cell.text not in ABSENT for cell in cells.values()) for _, cells in self.rows)
        measured = [cell for cell in self.cells if cell.text not in ABSENT]
        counts = Counter(cell.verdict for cell in measured if cell.verdict != NOT_PRINTED)
        verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in (*MARKS, DIVERGED) if counts[verdict])
        figures = f"{runs} of {len(self.rows)} cells, {len(measured)} of {len(self.cells)} figures measured"
        said = f"{figures}: {verdicts}" if verdicts else figures
        return f"{said}; {published_counts(self.published)}" if self.published else said


def published_counts(cells: Iterable[Cell]) -> str:
    """`published weights: 5 reproduced, 1 another checkpoint`."""
    counts = Counter(cell.verdict for cell in cells if cell.verdict != NOT_PRINTED)
    verdicts = [f"{counts[verdict]} {verdict}" for verdict in (*MARKS, OTHER_CHECKPOINT) if counts[verdict]]
    return f"{SOURCE}: {', '.join(verdicts) or 'nothing printed beside them'}"


def build_tables(store: Store) -> list[Table]:
    """Every printed table, then the table of the profile's own experiments if it has any."""
    stale = stale_runs(store)
    tables = [_printed(table, store, stale) for table in printed_tables().values()]
    own = own_table(store)
    if own:
        title = "Experiments outside the printed tables"
        tables.append(Table(OWN, "Own experiments", title, own, _proxy_notes(own, store), stale=stale))
    return tables


def _printed(table: PrintedTable, store: Store, stale: Mapping[str, str]) -> Table:
    rows = table_cells(table, store)
    notes = [*_proxy_notes(rows, store), *([table.note] if table.note else []), *published_notes(_published(table, store))]
    title = f"{table.label}. {table.title}"
    names = {name for _, cells in rows for cell in cells.values() if cell.quantity == "throughput" for name in cell.records}
    processes = [store.throughputs[name].process for name in names if name in store.throughputs]
    if processes:
        machines = sorted({f"{process.device}, {process.started[:10]}" for process in processes})
        title += f" (throughput at the best batch, measured on {'; '.join(machines)})"
    return Table(table.name, table.label, title, rows, notes, table, stale, _errata_notes(table.number, rows))


def _published(table: PrintedTable, store: Store) -> list[PublishedRecord]:
    """Records of published weights that a table's rows ask for."""
    named = {row for index in range(1, len(table.rows) + 1) for column in table.columns for row in table.runs(index, column)}
    return store.published_of_row(*named)


def _proxy_notes(rows: Iterable[Row], store: Store) -> list[str]:
    names = {name for _, cells in rows for cell in cells.values() if cell.is_proxy for name in cell.records}
    words = ", ".join(metric.proxy_heading for metric in METRICS.values())
    return [
        f"{words} are measured on the features of {label}, profile {store.profile}: "
        "they rank the rows among themselves and cannot be compared with the printed scores."
        for label in sorted({store.scores[name].extractor.label for name in names})
    ]


def _errata_notes(number: int, rows: Iterable[Row]) -> tuple[str, ...]:
    found = [entry for index, (row, _) in enumerate(rows, start=1) for column in row for entry in errata(number, index, column)]
    return tuple(dict.fromkeys(f"{entry['statement']} ({entry['source']})" for entry in found))


def headline(tables: Iterable[Table]) -> str:
    """The verdicts in words: `61 costs reproduced, 2 differ; scores: none comparable in this profile`."""
    cells = [cell for table in tables for cell in table.cells]
    costs = Counter(cell.verdict for cell in cells if cell.quantity in ("params", "flops"))
    scores = Counter(cell.verdict for cell in cells if cell.quantity in METRICS and cell.value is not None)
    comparable = {verdict: count for verdict, count in scores.items() if verdict not in (NOT_COMPARABLE, NOT_PRINTED)}
    if not scores:
        said = "none measured"
    elif not comparable:
        said = "none comparable in this profile"
    else:
        said = ", ".join(f"{comparable[verdict]} {verdict}" for verdict in MARKS if verdict in comparable)
    beside = [cell.published for cell in cells if cell.published and cell.published.quantity in METRICS]
    published = f"; {published_counts(beside)}" if beside else ""
    return f"{costs[REPRODUCED]} costs reproduced, {costs[DIFFERS]} differ; scores: {said}{published}"
