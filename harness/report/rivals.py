"""Every rival generator, one row each: what Table V prints of it, what was measured, and what it was built from."""

from harness.cost.names import is_rival
from harness.paper import NOT_PRINTED, SOURCES, printed_table
from harness.records.models import CostRecord
from harness.records.store import Store
from harness.report.cells import Cell, cost_cell
from harness.report.columns import RIVALS
from harness.report.costs import cost_rows

RIVAL_TITLE = "The rivals of Tables IV and V: printed figures of Table V and measured ones, multiply-accumulates per evaluation"
QUANTITIES = {"params": "params M", "flops": "GMAC as printed", "throughput": "images/s"}
PRINTED_BY = {"CT": "paper", "ADM-IP": "paper", "StyleGAN2": "ref-11", "ViTGAN": "ref-11"}  # asterisks of Table V


def rival_rows(store: Store) -> list[dict[str, str]]:
    """Rows of text in the order of the cost table; a rival that cannot be built has its row too, with the reason as its note."""
    return [_rival_row(store, row) for row in cost_rows(store) if is_rival(row["network"])]


def _rival_row(store: Store, cost: dict[str, str]) -> dict[str, str]:
    record = store.costs[cost["network"]]
    column = next((column for column, name in RIVALS.items() if record.cell == f"{name}-{record.resolution}"), "")
    cells = {quantity: _cell(store, record, quantity, column) for quantity in QUANTITIES}
    is_printed = any(cell.printed != NOT_PRINTED for cell in cells.values())
    figures = {quantity: _figure(QUANTITIES[quantity], cell) for quantity, cell in cells.items()}
    return {
        "rival": record.title,
        "resolution": cost["resolution"],
        **figures["params"],
        "GMAC true": cost["GMAC"],
        **figures["flops"],
        "steps per image": cost["steps"],
        **figures["throughput"],
        "peak MiB": cost["peak MiB"],
        "printed by": SOURCES[PRINTED_BY[column]] if is_printed else NOT_PRINTED,
        "built from": record.source or NOT_PRINTED,
        "record": record.cell,
        "note": cost["note"],
    }


def _cell(store: Store, record: CostRecord, quantity: str, column: str) -> Cell:
    """The cell of Table V; of a rival that stands only in Table IV, the same without a printed figure."""
    rows = (row for row in printed_table(5) if (row["resolution"], row["quantity"]) == (str(record.resolution), quantity))
    printed = next(rows, {}).get(column, NOT_PRINTED)
    return cost_cell(store, record.cell, quantity, printed, rival=column or record.cell)


def _figure(name: str, cell: Cell) -> dict[str, str]:
    return {f"{name}, printed": cell.printed, f"{name}, measured": cell.text, f"{name}, verdict": cell.verdict}
