"""One row for every rival generator: its printed cost, its measured cost, and its source."""

from harness.cost.names import is_rival
from harness.paper import NOT_PRINTED, printed_tables
from harness.paper.table import COSTS, Column
from harness.records.store import Store
from harness.report.cell import Cell
from harness.report.cost_cells import cost_cell
from harness.report.costs import cost_rows

RIVAL_TITLE = "The rivals of Tables IV and V: printed figures of Table V and measured ones, multiply-accumulates per evaluation"
QUANTITIES = {"params": "params M", "flops": "GMAC as printed", "throughput": "images/s"}
Printed = dict[tuple[str, str], tuple[str, Column]]


def rival_rows(store: Store) -> list[dict[str, str]]:
    """Rows of text, in the order of the cost table. A rival that cannot be built has a row too; its note says why."""
    printed = printed_of_rivals()
    return [_rival_row(store, row, printed) for row in cost_rows(store) if is_rival(row["network"])]


def printed_of_rivals() -> Printed:
    """{(network, quantity): (printed figure, its column)}."""
    found: Printed = {}
    for table in printed_tables().values():
        for column, stated in table.columns.items():
            for index in range(1, len(table.rows) + 1) if stated.rival else ():
                if (quantity := table.quantity(index, column)) in COSTS:
                    found[table.network(index, column), quantity] = table.rows[index - 1][column], stated
    return found


def _rival_row(store: Store, cost: dict[str, str], printed: Printed) -> dict[str, str]:
    record = store.costs[cost["network"]]
    cells, by = {}, NOT_PRINTED
    for quantity in QUANTITIES:
        figure, column = printed.get((record.cell, quantity), (NOT_PRINTED, None))
        cells[quantity] = cost_cell(store, record.cell, quantity, figure, True, column.tolerance if column else None)
        by = column.printed_by if column and figure != NOT_PRINTED else by
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
        "printed by": by,
        "built from": record.source or NOT_PRINTED,
        "record": record.cell,
        "note": cost["note"],
    }


def _figure(name: str, cell: Cell) -> dict[str, str]:
    return {f"{name}, printed": cell.printed, f"{name}, measured": cell.text, f"{name}, verdict": cell.verdict}
