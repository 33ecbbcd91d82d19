"""Writes the tables: CSV for programs, Markdown and LaTeX for people. Files with measured times are separate."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.files import write_text
from harness.paper import NOT_PRINTED
from harness.records.store import Store
from harness.report import stale
from harness.report.claims import claim_files, decide
from harness.report.costs import cost_rows
from harness.report.formats import LEGEND, MARKS, heading, published_columns, quantity_columns, run_names, short_text
from harness.report.rivals import RIVAL_TITLE, rival_rows
from harness.report.table_cells import ran, runs_of
from harness.report.tables import Table
from harness.report.text import csv_text, grid_files, latex_document, latex_text, markdown, markdown_text
from harness.report.verdicts import ABSENT, DIVERGED

COST_TITLE = "Every network measured: counted per evaluation (1 MAC = 2 FLOPs), timed on the named device"


def csv_rows(table: Table, store: Store) -> list[dict[str, str]]:
    """Printed columns under the page's headings, each quantity as its printed and measured figure, proxy, interval and verdict;
    then what ran, and where the figures come from."""
    rows, beside = [], table.published_columns
    names = {column: heading(column, [], table.printed) for column in table.rows[0][0]}
    for printed, cells in table.rows:
        row: dict[str, str] = {}
        for column, text in printed.items():
            row |= quantity_columns(names[column], cells[column]) if column in cells else {names[column]: text}
            row |= published_columns(names[column], cells[column]) if column in beside else {}
        runs = runs_of(cells, store)
        asked = "; ".join(dict.fromkeys(table.stale[record.cell] for record in runs if record.cell in table.stale))
        rows.append(row | {"what ran": ran(runs), "not as asked": asked or "-"} | run_names(cells))
    return rows


def short_grid(table: Table, store: Store) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of short texts, for Markdown and LaTeX. The last column says what ran, if anything did."""
    cells_of = {column: [cells[column] for _, cells in table.rows if column in cells] for column in table.columns}
    headings = [heading(column, cells_of[column], table.printed) for column in table.columns]
    rows, last = [], []
    for printed, cells in table.rows:
        rows.append([short_text(cells[column]) if column in cells else printed[column] for column in table.columns])
        runs = runs_of(cells, store)
        last.append(f"{ran(runs)} {stale.MARK}" if any(record.cell in table.stale for record in runs) else ran(runs))
    if any(text != NOT_PRINTED for text in last):
        return [*headings, "what ran"], [[*row, text] for row, text in zip(rows, last, strict=True)]
    return headings, rows


def notes_of(table: Table, store: Store) -> list[str]:
    """The table's notes, and the meaning of the mark for stale runs if there are any."""
    marked = any(record.cell in table.stale for _, cells in table.rows for record in runs_of(cells, store))
    return [*table.notes, *([stale.NOTE] if marked else [])]


def to_markdown(table: Table, store: Store) -> str:
    """A GitHub table with title, summary, legend and notes."""
    notes = "".join(f"- {markdown(note)}\n" for note in (*notes_of(table, store), *table.errata))
    grid = markdown_text(*short_grid(table, store))
    return f"**{markdown(table.title)}**\n\n{grid}\n{table.summary} ({LEGEND}).\n\n{notes}".rstrip() + "\n"


def to_latex(table: Table, store: Store) -> str:
    """A booktabs table."""
    return latex_text(table.name, f"{table.title}. {table.summary} ({LEGEND}).", *short_grid(table, store))


def _summary_rows(tables: Sequence[Table]) -> list[dict[str, str]]:
    """One row per table: its size and the number of each verdict."""
    rows = []
    for table in tables:
        counts = Counter(cell.verdict for cell in table.cells)
        verdicts = {verdict: str(counts[verdict]) for verdict in (*MARKS, DIVERGED, *ABSENT)}
        size = {"table": table.name, "rows": str(len(table.rows)), "figures": str(len(table.cells))}
        rows.append(size | verdicts | {"not printed": str(counts[NOT_PRINTED])})
    return rows


def _three(table: Table, store: Store) -> dict[str, str]:
    return {
        f"{table.name}.csv": csv_text(csv_rows(table, store)),
        f"{table.name}.md": to_markdown(table, store),
        f"{table.name}.tex": to_latex(table, store),
    }


def render_repeating(store: Store, tables: Sequence[Table]) -> dict[str, str]:
    """{file name: text} of the table files that are the same on every machine, from the same runs."""
    files = {name: text for table in tables if table.repeats for name, text in _three(table, store).items()}
    files["summary.csv"] = csv_text(_summary_rows(tables))
    names = [f"{table.name}.tex" for table in tables] + (["costs.tex"] if store.costs else [])
    names += ["rivals.tex"] if rival_rows(store) else []
    files |= claim_files(decide(store))
    return files | {"all_tables.tex": latex_document([*names, "claims.tex"])}


def render_measured(store: Store, tables: Sequence[Table]) -> dict[str, str]:
    """{file name: text} of the table files with a measured time, which differ between machines."""
    files = {name: text for table in tables if not table.repeats for name, text in _three(table, store).items()}
    return files | grid_files("costs", COST_TITLE, cost_rows(store)) | grid_files("rivals", RIVAL_TITLE, rival_rows(store))


def render(store: Store, tables: Sequence[Table]) -> dict[str, str]:
    """{file name: text} of every table file."""
    return render_repeating(store, tables) | render_measured(store, tables)


def write_files(store: Store, files: Mapping[str, str]) -> list[Path]:
    """Writes {file name: text} to results/<profile>/tables, each file atomically. Returns their paths."""
    paths = {store.folder / "tables" / name: text for name, text in files.items()}
    for path, text in paths.items():
        write_text(path, text)
    return list(paths)
