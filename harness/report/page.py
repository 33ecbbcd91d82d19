"""The HTML page: tables, claims, figures and samples. Every figure opens its provenance. No scripts, no requests."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from harness.files import write_text
from harness.metrics.metric import METRICS
from harness.paper import NOT_PRINTED, errata
from harness.records.store import Store
from harness.report import stale
from harness.report.cell import Cell
from harness.report.claims import DEFINITIONS, TITLE, claim_rows, claim_summary, decide
from harness.report.formats import LEGEND, MARKS, heading, mean_text, measured_text, published_text, spread_text
from harness.report.pictures import Embedded, Linked
from harness.report.provenance import common_versions, duration, provenances
from harness.report.sections import Source, anchor_tables, errata_entries, figure_entries, gallery, real_pictures
from harness.report.table_cells import ran, runs_of
from harness.report.table_files import notes_of
from harness.report.tables import Table, headline
from harness.report.uses import uses_of_records
from harness.report.verdicts import ABSENT, DIVERGED, rules

EVERY_ROW = 0  # matches only errata that concern a whole column
NAME, SINGLE_NAME = "report.html", "report_single.html"


def write_page(store: Store, tables: list[Table], figures: list[Path], single_file: bool = False) -> Path:
    """Writes results/<profile>/report.html, or report_single.html with all pictures inside. Returns its path."""
    path = store.folder / (SINGLE_NAME if single_file else NAME)
    source = Embedded(store.folder) if single_file else Linked(store.folder)
    write_text(path, render_page(store, tables, figures, source))
    return path


def render_page(store: Store, tables: list[Table], figures: list[Path], source: Source) -> str:
    """The page's text. The same results give the same text. source: gives an image element's source for a picture."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=select_autoescape(default=True), undefined=StrictUndefined)
    environment.globals |= {"marks": MARKS | {word: word for word in (DIVERGED, *ABSENT)}}
    outcomes = decide(store)
    environment.trim_blocks = environment.lstrip_blocks = True
    return environment.get_template("page.html.j2").render({
        "profile": store.profile,
        "overview": _overview(store, tables),
        "legend": LEGEND.partition("; ")[2],
        "tables": [_table(table, store) for table in tables],
        "figures": figure_entries(store, figures, source),
        "gallery": gallery(store, source),
        "real": real_pictures(store, source),
        "anchors": anchor_tables(store),
        "claims": claim_rows(outcomes),
        "claim_title": f"{TITLE}: {claim_summary(outcomes)}",
        "definitions": DEFINITIONS,
        "rules": rules(),
        "errata": errata_entries(),
        "records": (records := provenances(store, uses_of_records(tables))),
        "opened": {record["id"] for record in records},
        "versions": common_versions(store),
        "points": _seed_points(tables),
    })  # fmt: skip


def _overview(store: Store, tables: list[Table]) -> dict[str, Any]:
    processes = [process for measured in store.measurements.values() for process in measured.processes]
    processes += [measured.process for measured in store.throughputs.values()]
    verdicts = Counter(cell.verdict for table in tables for cell in table.cells)
    days = sorted({process.started[:10] for process in processes})
    return {
        "headline": headline(tables),
        "devices": sorted({f"{process.device} ({process.instruction_sets}), {process.cores} cores" for process in processes}),
        "commits": sorted({(process.git.commit or "no commit")[:12] for process in processes}),
        "dates": " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "not recorded",
        "runs": len(store.scores),
        "networks": len(store.costs),
        "time": duration(sum(process.seconds for process in processes)),
        "verdicts": [(verdict, verdicts[verdict]) for verdict in (*MARKS, DIVERGED, *ABSENT) if verdicts[verdict]],
    }


def _table(table: Table, store: Store) -> dict[str, Any]:
    columns, rows = table.columns, []
    for index, (row, cells) in enumerate(table.rows, start=1):
        found = [_figure(table, index, name, cells[name]) if name in cells else {"text": row[name]} for name in columns]
        runs = runs_of(cells, store)
        wrong = [f"{record.cell}: {table.stale[record.cell]}" for record in runs if record.cell in table.stale]
        rows.append([*found, {"text": ran(runs), "stale": "; ".join(wrong)}])
    cells_of = {column: [cells[column] for _, cells in table.rows if column in cells] for column in columns}
    headings = [
        {
            "text": heading(column, cells_of[column], table.printed),
            "errata": [entry["id"] for entry in errata(table.number, EVERY_ROW, column)],
        }
        for column in columns
    ]
    return {"name": table.name, "short": table.label, "title": table.title, "summary": table.summary,
            "notes": notes_of(table, store), "stale_mark": stale.MARK,
            "seeds": any(spread_text(cell) for cell in table.cells),
            "headings": [*headings, {"text": "what ran", "errata": []}], "rows": rows}  # fmt: skip


def _figure(table: Table, index: int, column: str, cell: Cell) -> dict[str, Any]:
    """The values of one figure for the template."""
    target = f"p-{cell.records[0]}" if len(cell.records) == 1 else _points_id(table, index, column)
    return {
        "printed": cell.printed,
        "measured": mean_text(cell),
        "spread": spread_text(cell),
        "verdict": cell.verdict if cell.verdict != NOT_PRINTED else "",
        "style": re.sub(r"[^a-z]", "", cell.verdict) or "none",
        "target": target if cell.records else "",
        "errata": [entry["id"] for entry in errata(table.number, index, column) if entry["rows"] != "*"],
        "name": f"{column.replace('_', ' ')}, row {index}",
        "beside": published_text(cell),
        "beside_target": f"p-{cell.published.records[0]}" if cell.published else "",
    }


def _points_id(table: Table, index: int, column: str) -> str:
    return f"points-{table.name}-{index}-{re.sub('[^A-Za-z0-9]', '-', column)}"


def _seed_points(tables: list[Table]) -> list[dict[str, Any]]:
    """For each figure over several runs: every seed's value, and a link to its run."""
    found = []
    for table in tables:
        for index, (_, cells) in enumerate(table.rows, start=1):
            for column, cell in cells.items():
                if len(cell.records) > 1:
                    points = [f"{point:.6g}" for point in cell.points] or [DIVERGED] * len(cell.records)
                    name = METRICS[cell.quantity].heading if cell.quantity in METRICS else column
                    found.append({
                        "id": _points_id(table, index, column), "cell": cell, "mean": measured_text(cell),
                        "title": f"{table.label}, row {index}, {name}",
                        "points": list(zip(cell.records, points, strict=False)),
                    })  # fmt: skip
    return found
