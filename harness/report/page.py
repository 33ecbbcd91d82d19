"""One self-contained HTML page: tables, figures and samples, every figure opening its provenance. No script, no request."""

import re
from collections import Counter
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from harness.files import write_text
from harness.paper import NOT_PRINTED, errata
from harness.records.store import Store
from harness.report.cells import Cell
from harness.report.formats import HIDDEN, MARKS, heading, measured_text
from harness.report.provenance import duration, provenance, uses_of_records
from harness.report.sections import Pictures, anchor_tables, errata_entries, figure_entries, gallery
from harness.report.tables import ROMAN, Table
from harness.report.verdicts import ABSENT, DIVERGED, RULES

PAGE_BYTES = 4_800_000  # a page of under 5 MB opens quickly and can be sent by mail
EVERY_ROW = 0  # matches only the errata that touch a whole column


def write_page(store: Store, tables: list[Table], figures: list[Path]) -> Path:
    """Writes results/<profile>/report.html; returns its path."""
    path = store.folder / "report.html"
    write_text(path, render_page(store, tables, figures))
    return path


def render_page(store: Store, tables: list[Table], figures: list[Path]) -> str:
    """The page's text, with as many pictures inside as fit into PAGE_BYTES; the same records and figures give the same text."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=select_autoescape(default=True), undefined=StrictUndefined)
    environment.globals |= {"marks": MARKS | {word: word for word in (DIVERGED, *ABSENT)}}
    environment.trim_blocks = environment.lstrip_blocks = True
    template = environment.get_template("page.html.j2")
    parts = {
        "profile": store.profile,
        "overview": _overview(store, tables),
        "tables": [_table(table) for table in tables],
        "anchors": anchor_tables(store),
        "rules": RULES,
        "errata": errata_entries(),
        "records": _provenances(store, tables),
        "points": _seed_points(tables),
    }
    bare = template.render(parts | _pictures(store, figures, 0))
    return template.render(parts | _pictures(store, figures, PAGE_BYTES - len(bare.encode())))


def _pictures(store: Store, figures: list[Path], budget: int) -> dict:
    embed = Pictures(store.folder, budget)
    return {"figures": figure_entries(store, figures, embed), "gallery": gallery(store, embed)}


def _overview(store: Store, tables: list[Table]) -> dict:
    processes = [process for measured in store.measurements.values() for process in measured.processes]
    processes += [measured.process for measured in store.throughputs.values()]
    verdicts = Counter(cell.verdict for table in tables for cell in table.cells)
    return {
        "devices": sorted({process.device for process in processes}),
        "commits": sorted({(process.git.commit or "no commit")[:12] for process in processes}),
        "runs": len(store.scores),
        "networks": len(store.costs),
        "time": duration(sum(process.seconds for process in processes)),
        "verdicts": [(verdict, verdicts[verdict]) for verdict in (*MARKS, DIVERGED, *ABSENT) if verdicts[verdict]],
    }


def _table(table: Table) -> dict:
    columns = [column for column in table.rows[0][0] if column not in HIDDEN]
    rows = [
        [_figure(table, index, column, cells[column]) if column in cells else {"text": row[column]} for column in columns]
        for index, (row, cells) in enumerate(table.rows, start=1)
    ]
    cells_of = {column: [cells[column] for _, cells in table.rows if column in cells] for column in columns}
    headings = [
        {"text": heading(column, cells_of[column]), "errata": [entry["id"] for entry in errata(table.number, EVERY_ROW, column)]}
        for column in columns
    ]
    name = f"Table {ROMAN[table.number]}" if table.number else "Own experiments"
    return {"name": table.name, "short": name, "title": table.title, "summary": table.summary, "notes": table.notes,
            "headings": headings, "rows": rows}  # fmt: skip


def _figure(table: Table, index: int, column: str, cell: Cell) -> dict:
    """What the template needs of one figure."""
    target = f"p-{cell.records[0]}" if len(cell.records) == 1 else _points_id(table, index, column)
    return {
        "printed": cell.printed,
        "measured": measured_text(cell, column),
        "verdict": cell.verdict if cell.verdict != NOT_PRINTED else "",
        "style": re.sub(r"[^a-z]", "", cell.verdict) or "none",
        "target": target if cell.records else "",
        "errata": [entry["id"] for entry in errata(table.number, index, column) if entry["rows"] != "*"],
        "name": f"{column.replace('_', ' ')}, row {index}",
    }


def _points_id(table: Table, index: int, column: str) -> str:
    return f"points-{table.name}-{index}-{re.sub('[^A-Za-z0-9]', '-', column)}"


def _seed_points(tables: list[Table]) -> list[dict]:
    """For each figure of several runs: every seed's point, and the way to its run."""
    found = []
    for table in tables:
        for index, (_, cells) in enumerate(table.rows, start=1):
            for column, cell in cells.items():
                if len(cell.records) > 1:
                    points = [f"{point:.6g}" for point in cell.points] or [DIVERGED] * len(cell.records)
                    found.append({
                        "id": _points_id(table, index, column), "cell": cell, "column": column,
                        "title": f"{table.title.split('.')[0]}, row {index}, {column}",
                        "points": list(zip(cell.records, points, strict=False)),
                    })  # fmt: skip
    return found


def _provenances(store: Store, tables: list[Table]) -> list[dict]:
    uses = uses_of_records(tables)
    named = store.scores | store.costs
    return [{"id": f"p-{name}", **provenance(record, uses.get(name, []), store)} for name, record in named.items()]
