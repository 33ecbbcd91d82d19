"""The figures of any printed table. Its description says which records belong to which column."""

from dataclasses import replace

from harness.paper import PrintedTable
from harness.paper.table import COSTS
from harness.records.models import ScoreRecord
from harness.records.store import Store
from harness.report.cell import Cell
from harness.report.cost_cells import cost_cell
from harness.report.published_cells import published_images_seen, published_score
from harness.report.score_cells import images_seen_cell, score_cell

Row = tuple[dict[str, str], dict[str, Cell]]


def table_cells(table: PrintedTable, store: Store) -> list[Row]:
    """For each row: its printed columns and {measured column: Cell}."""
    return [
        (row, {column: _cell(table, index, column, store) for column in table.columns})
        for index, row in enumerate(table.rows, start=1)
    ]


def _cell(table: PrintedTable, index: int, column: str, store: Store) -> Cell:
    stated, quantity, printed = table.columns[column], table.quantity(index, column), table.rows[index - 1][column]
    runs = table.runs(index, column)
    if quantity not in COSTS:
        patterns = table.patterns(index, column)
        published = published_score(store.published_of_row(*runs), quantity, patterns, printed)
        return replace(score_cell(store.of_row(*runs), quantity, patterns, printed), published=published)
    if quantity == "images_seen":
        published = None if stated.rival else published_images_seen(store.published_of_row(*runs), printed)
        return replace(images_seen_cell([] if stated.rival else store.of_row(*runs), printed), published=published)
    return cost_cell(store, table.network(index, column), quantity, printed, stated.rival, stated.tolerance)


def runs_of(cells: dict[str, Cell], store: Store) -> list[ScoreRecord]:
    """The runs behind a row's figures, without repetition."""
    names = dict.fromkeys(name for cell in cells.values() for name in cell.records if name in store.scores)
    return [store.scores[name] for name in names]


def ran(records: list[ScoreRecord]) -> str:
    """What ran for a row, in words: `digits 16 px, G 256-64-16, 7,680 images seen, 1 seed`. "-" if nothing did.

    A profile smaller than the paper fills the paper's rows with runs of its own size, and this says of which.
    """
    seeds = len({record.seed for record in records})
    said = [*dict.fromkeys(_described(record) for record in records)]
    return f"{'; '.join(said)}, {seeds} seed{'s' if seeds > 1 else ''}" if said else "-"


def _described(record: ScoreRecord) -> str:
    generator = record.config.get("generator", {})
    share = f", {record.data.fraction:.0%} of the images" if record.data.fraction != 1 else ""
    size = f" {generator['resolution']} px" if "resolution" in generator else ""
    dims = f", G {'-'.join(map(str, generator['dims']))}" if "dims" in generator else ""
    return f"{record.data.name}{size}{dims}{share}, {record.images_seen:,} images seen"
