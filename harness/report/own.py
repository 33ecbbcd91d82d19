"""Rows of a profile's own experiments, which fill no row of a printed table. They have the form of Table I's rows."""

from harness.files import digest
from harness.metrics.metric import METRICS
from harness.nested import merge
from harness.paper import NOT_PRINTED
from harness.records.models import ScoreRecord
from harness.records.store import Store
from harness.report.cost_cells import cost_cell
from harness.report.score_cells import score_cell
from harness.report.table_cells import Row

PATTERNS = ("*-50k", "*-train", "*")  # names of protocols, best first


def own_cells(store: Store) -> list[Row]:
    """One row per experiment, over all its seeds, without printed figures."""
    together: dict[str, list[ScoreRecord]] = {}
    for record in store.own():
        seedless = merge(record.config, {"train": {"seed": None}})
        together.setdefault(digest([seedless, record.data.sha256]), []).append(record)
    return [_row(records, store) for records in together.values()]


def _row(records: list[ScoreRecord], store: Store) -> Row:
    first = records[0]
    row = {
        "row": first.cell,
        "attention": str(first.config.get("attention", NOT_PRINTED)),
        "discriminator": str(first.config.get("discriminator_attention", NOT_PRINTED)),
    }
    cells = {
        "g_gflops": cost_cell(store, first.networks.generator or "", "flops", NOT_PRINTED),
        "d_gflops": cost_cell(store, first.networks.discriminator or "", "flops", NOT_PRINTED),
    }
    cells |= {name: score_cell(records, name, PATTERNS, NOT_PRINTED) for name in METRICS}
    return row | dict.fromkeys(cells, NOT_PRINTED), cells
