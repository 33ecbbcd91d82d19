"""Rows of a profile's own experiments: cells that stand in none of the printed tables, in the form of Table I's rows."""

from harness.paper import NOT_PRINTED
from harness.records.models import ScoreRecord
from harness.records.store import Store
from harness.report.cells import Cell, cost_cell, score_cell

SCORES = ("fid", "sfid", "is", "precision", "recall")


def own_cells(store: Store) -> list[tuple[dict[str, str], dict[str, Cell]]]:
    """One row per experiment, nothing printed beside it."""
    return [_row(record, store) for record in store.own()]


def _row(record: ScoreRecord, store: Store) -> tuple[dict[str, str], dict[str, Cell]]:
    config, networks = record.config, record.networks
    row = {
        "row": record.cell,
        "attention": str(config.get("attention", NOT_PRINTED)),
        "discriminator": str(config.get("discriminator_attention", NOT_PRINTED)),
    }
    cells = {
        "g_gflops": cost_cell(store, networks.generator or "", "flops", NOT_PRINTED),
        "d_gflops": cost_cell(store, networks.discriminator or "", "flops", NOT_PRINTED),
    }
    cells |= {name: score_cell([record], name, ("*-50k", "*-train", "*"), NOT_PRINTED) for name in SCORES}
    return row | dict.fromkeys(cells, NOT_PRINTED), cells
