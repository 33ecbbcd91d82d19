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
LADA = "1:16"  # the row of the paper's own model, which stands first for comparison
FLAGS = {"convolution": "lee_conv", "residual_mlp": "mlp_residual", "modulation": "modulation"}  # columns of Table I


def own_table(store: Store) -> list[Row]:
    """The profile's experiments under a row of LadaGAN itself, where it ran; none without experiments."""
    own = own_cells(store)
    lada = store.of_row(LADA) if own else []
    return [*([_row(lada, store, "LadaGAN (Table I, row 16)")] if lada else []), *own]


def own_cells(store: Store) -> list[Row]:
    """One row per experiment, over all its seeds, without printed figures."""
    return [_row(records, store, records[0].cell) for records in own_runs(store)]


def own_runs(store: Store) -> list[list[ScoreRecord]]:
    """The runs of each experiment, one per seed: everything but the seed is the same."""
    together: dict[str, list[ScoreRecord]] = {}
    for record in store.own():
        seedless = merge(record.config, {"train": {"seed": None}})
        together.setdefault(digest([seedless, record.data.sha256]), []).append(record)
    return list(together.values())


def _row(records: list[ScoreRecord], store: Store, name: str) -> Row:
    first = records[0]
    generator = first.config.get("generator", {})
    row = {
        "row": name,
        "attention": str(first.config.get("attention", NOT_PRINTED)),
        "discriminator": str(first.config.get("discriminator_attention", NOT_PRINTED)),
    }
    row |= {column: {True: "yes", False: "no"}.get(generator.get(key), NOT_PRINTED) for column, key in FLAGS.items()}
    cells = {
        "g_gflops": cost_cell(store, first.networks.generator or "", "flops", NOT_PRINTED),
        "d_gflops": cost_cell(store, first.networks.discriminator or "", "flops", NOT_PRINTED),
    }
    cells |= {name: score_cell(records, name, PATTERNS, NOT_PRINTED) for name in METRICS}
    return row | dict.fromkeys(cells, NOT_PRINTED), cells
