"""Formats one figure of a table: a short form for people, and full CSV columns."""

from collections.abc import Sequence

from harness.metrics.metric import METRICS
from harness.paper import NOT_PRINTED, PrintedTable
from harness.report.cell import Cell
from harness.report.published_cells import SOURCE
from harness.report.verdicts import DIFFERS, INCONCLUSIVE, NOT_COMPARABLE, NOT_RUN, REPRODUCED

MARKS = {REPRODUCED: "✓", DIFFERS: "✗", INCONCLUSIVE: "?", NOT_COMPARABLE: "n.c."}
LEGEND = (
    "printed / measured; ✓ reproduced, ✗ differs, ? inconclusive, n.c. not comparable with the printed figure; - not printed. "
    "The paper cuts costs, it does not round them: 0.5954 prints as 0.5"
)
ONE_SEED, ONE_DRAW = "one seed", "one draw"
WORDS = {
    "row": "row",
    "g_gflops": "G GMAC",
    "d_gflops": "D GMAC",
    "discriminator": "D",
    "convolution": "LEE conv",
    "residual_mlp": "MLP res.",
    "modulation": "SLN",
}  # headings that no table gives


def quantity_columns(name: str, cell: Cell) -> dict[str, str]:
    """The CSV columns of one figure: printed, measured, verdict, and for a score its proxy and its interval over seeds."""
    columns = {f"{name}, printed": cell.printed, f"{name}, measured": NOT_RUN if cell.is_proxy else cell.text}
    if cell.quantity in METRICS:
        columns[f"{name}, proxy"] = cell.text if cell.is_proxy else NOT_RUN
        columns[f"{name}, interval"] = interval_text(cell, 4)
    return columns | {f"{name}, verdict": cell.verdict}


def published_columns(name: str, cell: Cell) -> dict[str, str]:
    """The CSV columns of what published weights give for a figure: its value under the paper's name or a proxy's, and verdict."""
    found, name = cell.published, f"{name}, {SOURCE}"
    if found is None:
        return {f"{name}{suffix}": NOT_RUN for suffix in ("", ", proxy", ", interval", ", verdict")}
    return {
        name: NOT_RUN if found.is_proxy else found.text,
        f"{name}, proxy": found.text if found.is_proxy else NOT_RUN,
        f"{name}, interval": interval_text(found, 4),
        f"{name}, verdict": found.verdict,
    }


def interval_text(cell: Cell, digits: int) -> str:
    """The 90% interval of the mean over seeds, such as `3.27 to 3.32`, or the reason why there is none."""
    if cell.value is None:
        return cell.text
    if cell.interval is None:
        return ONE_DRAW if cell.is_draws else ONE_SEED
    low, high = cell.interval
    return f"{low:.{digits}f} to {high:.{digits}f}"


def run_names(cells: dict[str, Cell]) -> dict[str, str]:
    """The CSV columns with the number of runs behind a row's scores, and the records behind the whole row."""
    names = dict.fromkeys(name for cell in cells.values() for name in cell.records)
    seeds = max((len(cell.records) for cell in cells.values() if cell.quantity in METRICS), default=0)
    return {"seeds": str(seeds), "records": " ".join(names) or NOT_RUN}


def measured_text(cell: Cell) -> str:
    """The measured figure for people: costs with four decimals, scores with two, and the 90% interval over several seeds."""
    kind = "draws" if cell.is_draws else "seeds"
    spread = f" ({interval_text(cell, _digits(cell))}, {len(cell.points)} {kind})" if len(cell.points) > 1 else ""
    return f"{mean_text(cell)}{spread}"


def mean_text(cell: Cell) -> str:
    """The measured figure alone: the mean over seeds, or why there is none."""
    return cell.text if cell.value is None else f"{cell.value:.{_digits(cell)}f}"


def spread_text(cell: Cell) -> str:
    """The 90% interval of the mean in as little room as a column has: `480.2–510.3`; "" for one seed or none."""
    if cell.value is None or cell.interval is None:
        return ""
    low, high = cell.interval
    return "–".join(f"{value:.3f}" if abs(value) < 1 else f"{value:.4g}" for value in (low, high))


def _digits(cell: Cell) -> int:
    return 2 if cell.quantity in METRICS else 4


def short_text(cell: Cell) -> str:
    """The short form: `printed / measured mark`."""
    mark = MARKS.get(cell.verdict, "") if cell.value is not None else ""
    beside = f"; {published_text(cell)}" if cell.published else ""
    return f"{cell.printed} / {measured_text(cell)} {mark}".strip() + beside


def published_text(cell: Cell) -> str:
    """`published weights 3.31 (3.22 to 3.40, 3 draws) ✓`, or "" where there are none for a figure."""
    found = cell.published
    if found is None:
        return ""
    mark = MARKS.get(found.verdict, found.verdict if found.verdict != NOT_PRINTED else "")
    return f"{SOURCE} {measured_text(found)} {mark}".strip()


def heading(column: str, cells: Sequence[Cell], table: PrintedTable | None) -> str:
    """A column's heading. If the column contains proxies, it names both metrics."""
    if table and column in table.columns:
        name = table.columns[column].heading
    elif table and column in table.headings:
        name = table.headings[column]
    else:
        name = METRICS[column].heading if column in METRICS else WORDS.get(column, column.replace("_", " "))
    proxied = [cell for cell in cells if cell.is_proxy or (cell.published and cell.published.is_proxy)]
    metrics = [METRICS[cell.quantity] for cell in proxied]
    proxies = dict.fromkeys(metric.proxy_heading for metric in metrics if metric.proxy_heading != metric.heading)
    return " / ".join([name, *proxies])
