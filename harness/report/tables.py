"""The tables of a profile: the printed ones, its own experiments, and the cost of every network. Same records, same bytes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.files import write_text
from harness.paper import NOT_PRINTED, TITLES, errata
from harness.records.store import Store
from harness.report.cells import Cell, table_cells
from harness.report.costs import cost_rows
from harness.report.formats import (
    LEGEND,
    MARKS,
    csv_text,
    latex_document,
    latex_text,
    markdown_text,
    quantity_columns,
    run_names,
    short_grid,
)
from harness.report.own import own_cells
from harness.report.rivals import RIVAL_TITLE, rival_rows
from harness.report.verdicts import ABSENT, DIVERGED

TABLE_5_NOTE = "Steps per image, true multiply-accumulates, peak memory and sources of every rival: rivals.md beside this table."
ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V"}
COST_TITLE = "Every network measured: counted per evaluation (1 MAC = 2 FLOPs), timed on the named device"


@dataclass(frozen=True)
class Table:
    """A table ready to be written: name for files, title, its rows (printed columns, {quantity: Cell}), and notes."""

    name: str
    title: str
    rows: list[tuple[dict[str, str], dict[str, Cell]]]
    notes: list[str]
    number: int = 0  # of the printed table; 0 for a profile's own

    @property
    def cells(self) -> list[Cell]:
        """Every figure, row by row."""
        return [cell for _, cells in self.rows for cell in cells.values()]

    @property
    def summary(self) -> str:
        """How much of the table was measured, and what the verdicts say."""
        runs = sum(any(cell.text not in ABSENT for cell in cells.values()) for _, cells in self.rows)
        measured = [cell for cell in self.cells if cell.text not in ABSENT]
        counts = Counter(cell.verdict for cell in measured if cell.verdict != NOT_PRINTED)
        verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in (*MARKS, DIVERGED) if counts[verdict])
        figures = f"{runs} of {len(self.rows)} cells, {len(measured)} of {len(self.cells)} figures measured"
        return f"{figures}: {verdicts}" if verdicts else figures


def build_tables(store: Store) -> list[Table]:
    """Tables I to V, then the profile's own experiments where it has any."""
    tables = [_printed(number, store) for number in TITLES]
    own = own_cells(store)
    return (
        [*tables, Table("table_own", "Experiments outside the printed tables", own, _proxy_notes(own, store))] if own else tables
    )


def _printed(number: int, store: Store) -> Table:
    rows = table_cells(number, store)
    title = f"Table {ROMAN[number]}. {TITLES[number]}"
    notes = [*_proxy_notes(rows, store), *([TABLE_5_NOTE] if number == 5 else []), *_errata_notes(number, rows)]
    names = {name for _, cells in rows for cell in cells.values() for name in cell.records}
    devices = sorted({store.throughputs[name].process.device for name in names if name in store.throughputs})
    if number == 5 and devices:
        title += f" (throughput measured on {', '.join(devices)}, at its best batch)"
    return Table(f"table_{number}", title, rows, notes, number)


def _proxy_notes(rows: list, store: Store) -> list[str]:
    names = {name for _, cells in rows for cell in cells.values() if cell.is_proxy for name in cell.records}
    return [
        f"FD, sFD, ISX, precision and recall are measured on the features of {label}, profile {store.profile}: "
        "they rank the rows among themselves and cannot be compared with the printed scores."
        for label in sorted({store.scores[name].extractor.label for name in names})
    ]


def _errata_notes(number: int, rows: list) -> list[str]:
    found = [entry for index, (row, _) in enumerate(rows, start=1) for column in row for entry in errata(number, index, column)]
    return list(dict.fromkeys(f"{entry['statement']} ({entry['source']})" for entry in found))


def csv_rows(table: Table) -> list[dict[str, str]]:
    """Printed columns, each quantity followed by its measured figure, proxy and verdict; then where they come from."""
    rows = []
    for printed, cells in table.rows:
        row = {}
        for column, text in printed.items():
            row |= quantity_columns(column, cells[column]) if column in cells else {column: text}
        rows.append(row | run_names(cells))
    return rows


def to_markdown(table: Table) -> str:
    """A GitHub table with its title, summary, legend and notes."""
    notes = "".join(f"- {note}\n" for note in table.notes)
    headings, rows = short_grid(table.rows)
    text = f"**{table.title}**\n\n{markdown_text(headings, rows)}\n{table.summary} ({LEGEND}).\n\n{notes}"
    return text.rstrip() + "\n"


def to_latex(table: Table) -> str:
    """A booktabs table."""
    return latex_text(table.name, f"{table.title}. {table.summary} ({LEGEND}).", *short_grid(table.rows))


def _summary_rows(tables: list[Table]) -> list[dict[str, str]]:
    """One row per table: its size and the count of each verdict."""
    rows = []
    for table in tables:
        counts = Counter(cell.verdict for cell in table.cells)
        verdicts = {verdict: str(counts[verdict]) for verdict in (*MARKS, DIVERGED, *ABSENT)}
        size = {"table": table.name, "rows": str(len(table.rows)), "figures": str(len(table.cells))}
        rows.append(size | verdicts | {"not printed": str(counts[NOT_PRINTED])})
    return rows


def _grid_files(name: str, title: str, rows: list[dict[str, str]]) -> dict[str, str]:
    if not rows:
        return {}
    headings, grid = list(rows[0]), [list(row.values()) for row in rows]
    markdown = f"**{title}**\n\n{markdown_text(headings, grid)}"
    return {
        f"{name}.csv": csv_text(rows),
        f"{name}.md": markdown,
        f"{name}.tex": latex_text(name, f"{title}.", headings, grid),
    }


def render(store: Store, tables: list[Table]) -> dict[str, str]:
    """{file name: text} of every table file."""
    writers: dict[str, Callable[[Table], str]] = {
        "csv": lambda table: csv_text(csv_rows(table)),
        "md": to_markdown,
        "tex": to_latex,
    }
    files = {f"{table.name}.{suffix}": write(table) for table in tables for suffix, write in writers.items()}
    files |= _grid_files("costs", COST_TITLE, cost_rows(store)) | _grid_files("rivals", RIVAL_TITLE, rival_rows(store))
    files |= {"summary.csv": csv_text(_summary_rows(tables))}
    return files | {"all_tables.tex": latex_document([name for name in files if name.endswith(".tex")])}


def write_tables(store: Store, tables: list[Table]) -> list[Path]:
    """Writes results/<profile>/tables, each file atomically; returns their paths."""
    files = {store.folder / "tables" / name: text for name, text in render(store, tables).items()}
    for path, text in files.items():
        write_text(path, text)
    return list(files)
