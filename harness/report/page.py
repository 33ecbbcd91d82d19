"""One self-contained HTML page: tables, figures and samples, every figure opening its provenance. No script, no request."""

import base64
import os
import re
from collections import Counter
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from harness.files import write_text
from harness.paper import NOT_PRINTED, all_errata, errata
from harness.report.cells import Cell
from harness.report.formats import HIDDEN, MARKS, heading, measured_text
from harness.report.provenance import duration, provenance, uses_of_records
from harness.report.store import Store
from harness.report.tables import ROMAN, Table
from harness.report.verdicts import DIVERGED, NOT_RUN, RULES

PICTURE_BUDGET = 3_000_000  # bytes of pictures inside the page, which stays under 5 MB; the rest are linked
EVERY_ROW = 0  # matches only the errata that touch a whole column
TYPES = {".png": "image/png", ".svg": "image/svg+xml"}
CAPTIONS = {
    "figure_5a": "Figure 5 (a): gradient norms and score, attention mechanisms",
    "figure_5b": "Figure 5 (b): gradient norms and score, convolutional layer",
    "figure_5c": "Figure 5 (c): gradient norms and score, MLP residual connection",
    "score_against_macs": "Score against multiply-accumulates",
    "score_against_time": "Score against measured time and energy of the full-size generators",
    "data_efficiency": "Data efficiency (Table III)",
}


def write_page(store: Store, tables: list[Table], figures: list[Path]) -> Path:
    """Writes results/<profile>/report.html; returns its path."""
    path = store.folder / "report.html"
    write_text(path, render_page(store, tables, figures))
    return path


def render_page(store: Store, tables: list[Table], figures: list[Path]) -> str:
    """The page's text; the same records and figures give the same text."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=select_autoescape(default=True), undefined=StrictUndefined)
    environment.globals |= {"marks": MARKS | {DIVERGED: "diverged", NOT_RUN: "not run"}}
    environment.trim_blocks = environment.lstrip_blocks = True
    embed = _Pictures(store.folder)
    return environment.get_template("page.html.j2").render(
        profile=store.profile,
        overview=_overview(store, tables),
        tables=[_table(table) for table in tables],
        figures=_figures(store, figures, embed),
        gallery=_gallery(store, embed),
        anchors=_anchors(store),
        rules=RULES,
        errata=_errata(),
        records=_provenances(store, tables),
        points=_seed_points(tables),
    )


def _overview(store: Store, tables: list[Table]) -> dict:
    records = [*store.scores.values(), *store.costs.values()]
    verdicts = Counter(cell.verdict for table in tables for cell in table.cells)
    return {
        "devices": sorted({record["device"] for record in records}),
        "commits": sorted({(record["git"]["commit"] or "no commit")[:12] for record in records}),
        "runs": len(store.scores),
        "networks": len(store.costs),
        "time": duration(sum(record["wall_seconds"] for record in records)),
        "verdicts": [(verdict, verdicts[verdict]) for verdict in (*MARKS, DIVERGED, NOT_RUN) if verdicts[verdict]],
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
    return [{"id": f"p-{name}", **provenance(record, uses.get(name, []))} for name, record in named.items()]


def _errata() -> list[dict]:
    """The ledger with entries of one statement joined: its ids, all that it touches, statement and source."""
    joined: dict[str, dict] = {}
    for entry in all_errata():
        rows = "every row" if entry["rows"] == "*" else f"row {entry['rows'].replace(' ', ', ')}"
        columns = "every figure" if entry["columns"] == "*" else entry["columns"].replace(" ", ", ").replace("_", " ")
        found = joined.setdefault(entry["statement"], {"ids": [], "touches": [], **entry})
        found["ids"].append(entry["id"])
        found["touches"].append(f"Table {ROMAN[int(entry['table'])]}, {rows}: {columns}")
    return list(joined.values())


def _figures(store: Store, figures: list[Path], embed: "_Pictures") -> list[tuple[str, str]]:
    """(caption, source) of every figure; the attention laboratory's curves, one per device, stand beside the profiles."""
    found = [(CAPTIONS.get(path.stem, path.stem), embed(path)) for path in figures if path.suffix == ".svg"]
    curves = sorted(store.folder.parent.glob("bench/*/attention.png"))
    return found + [
        (f"Latency and memory of every attention mechanism against N, measured on {path.parent.name}", embed(path))
        for path in curves
    ]


def _gallery(store: Store, embed: "_Pictures") -> list[dict]:
    """Samples and attention maps of every run that has them."""
    return [
        {
            "cell": cell,
            "title": ", ".join(
                filter(None, (record["config"].get("attention"), record["config"].get("discriminator_attention")))
            ),
            "rows": ", ".join(f"Table {ROMAN[int(row[0])]} row {row[2:]}" for row in record["rows"]) or "own experiment",
            "score": _first_score(record),
            "pictures": [(field, embed(Path(record[field]))) for field in ("samples", "maps", "interpolation") if record[field]],
        }
        for cell, record in store.scores.items()
        if record["samples"] or record["maps"]
    ]


def _first_score(record: dict) -> str:
    """The first score of the first protocol, or how the run ended."""
    for protocol, scores in record["metrics"].items():
        label, value = next(iter(scores.items()))
        return f"{label} {value:.2f} ({protocol})"
    return record["status"]


def _anchors(store: Store) -> list[dict]:
    """Per dataset the scale anchors {protocol: {anchor: {metric: value}}}: scores of pictures whose quality is known."""
    found = []
    for name, record in store.anchors.items():
        rows = [(protocol, kind, values) for protocol, kinds in record["anchors"].items() for kind, values in kinds.items()]
        metrics = list(dict.fromkeys(metric for _, _, values in rows for metric in values))
        cells = [
            [protocol, kind, *(f"{values[metric]:.4g}" if metric in values else NOT_PRINTED for metric in metrics)]
            for protocol, kind, values in rows
        ]
        found.append({"data": name, "headings": ["protocol", "pictures", *metrics], "rows": cells})
    return found


class _Pictures:
    """Embeds pictures as data until the budget is spent, then links them relative to the page."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.left = folder, PICTURE_BUDGET

    def __call__(self, path: Path) -> str:
        if not path.is_file():
            return ""
        content = base64.b64encode(path.read_bytes()).decode()
        if len(content) > self.left:
            return Path(os.path.relpath(path, self.folder)).as_posix()
        self.left -= len(content)
        return f"data:{TYPES[path.suffix]};base64,{content}"
