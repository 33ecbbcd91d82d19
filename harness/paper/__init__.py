"""The printed tables of *Efficient generative adversarial networks using linear additive-attention Transformers*, as data.

Source: arXiv 2401.09596, Tables I to V. `errata.csv` lists errors and contradictions in the published record, `assumptions.csv`
what it leaves out and this harness assumes.
"""

import csv
from functools import cache
from pathlib import Path

from harness.paper.table import NOT_PRINTED, PrintedTable, printed_table, printed_tables

__all__ = [
    "NOT_PRINTED",
    "PrintedTable",
    "all_assumptions",
    "all_errata",
    "assumptions",
    "errata",
    "printed_table",
    "printed_tables",
]


@cache
def _ledger(name: str = "errata") -> tuple[dict[str, str], ...]:
    with (Path(__file__).parent / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return tuple(csv.DictReader(handle))


def assumptions(protocol: str) -> list[dict[str, str]]:
    """What this harness assumes, because the paper does not state it, in runs scored by a protocol: id, statement, source."""
    return [entry for entry in _ledger("assumptions") if protocol in entry["protocols"].split()]


def all_assumptions() -> list[dict[str, str]]:
    """The whole ledger of assumptions: id, protocols, statement, source."""
    return [dict(entry) for entry in _ledger("assumptions")]


def errata(table: int, row: int, column: str) -> list[dict[str, str]]:
    """Entries of errata.csv that concern one printed figure. Rows are counted from 1."""
    return [
        entry
        for entry in _ledger()
        if entry["table"] == str(table)
        and (entry["rows"] == "*" or str(row) in entry["rows"].split())
        and (entry["columns"] == "*" or column in entry["columns"].split())
    ]


def all_errata() -> list[dict[str, str]]:
    """All entries of errata.csv: id, table, rows, columns, statement, source."""
    return [dict(entry) for entry in _ledger()]
