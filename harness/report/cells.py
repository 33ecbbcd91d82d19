"""From records to the cells of the printed tables: what was measured for each figure, and its verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from statistics import fmean

from harness.cost.names import discriminator_id, generator_id
from harness.paper import NOT_PRINTED, QUANTITIES, printed_table
from harness.records.models import CostRecord, ScoreRecord, Scores, Throughput
from harness.records.store import Store
from harness.report.columns import (
    COLUMN_PROTOCOLS,
    COST_UNITS,
    DATASET_PROTOCOLS,
    LADAGAN,
    PROXIES,
    RIVALS,
    TABLE_4_RUNS,
    TABLE_5_RUNS,
)
from harness.report.verdicts import (
    DIVERGED,
    NO_CONFIGURATION,
    NOT_COMPARABLE,
    NOT_RUN,
    REPRODUCED,
    RIVAL_TOLERANCE,
    cost_verdict,
    rival_verdict,
    score_verdict,
)


@dataclass(frozen=True)
class Cell:
    """One printed figure and what was measured for it; `value` is the mean of `points`, one per seed."""

    printed: str
    verdict: str = NOT_RUN
    value: float | None = None
    points: tuple[float, ...] = ()
    is_proxy: bool = False
    label: str = ""  # the metric's own name where it is a proxy
    records: tuple[str, ...] = ()  # cells or networks whose records the figure comes from

    @property
    def text(self) -> str:
        """The measured figure at four decimals, or why there is none."""
        if self.value is not None:
            return f"{self.value:.4f}"
        if self.verdict == NO_CONFIGURATION:
            return NO_CONFIGURATION
        return DIVERGED if self.records and not self.points else NOT_RUN


def table_cells(number: int, store: Store) -> list[tuple[dict[str, str], dict[str, Cell]]]:
    """For each row of printed table `number`: its printed columns and {quantity: Cell}."""
    make = {1: _table_1, 2: _table_2, 3: _table_3, 4: _table_4, 5: _table_5}[number]
    rows = enumerate(printed_table(number), start=1)
    return [(row, {name: make(index, row, name, store) for name in QUANTITIES[number]}) for index, row in rows]


def _table_1(index: int, row: dict, name: str, store: Store) -> Cell:
    if name == "g_gflops":
        network = generator_id(row["attention"], lee_conv=row["convolution"] == "yes", modulation=row["modulation"] == "yes")
        return cost_cell(store, network, "flops", row[name])
    return score_cell(store.of_row(f"1:{index}"), name, DATASET_PROTOCOLS["cifar10"], row[name])


def _table_2(index: int, row: dict, name: str, store: Store) -> Cell:
    resolution = int(row["resolution"])
    if name == "g_gflops":
        return cost_cell(store, generator_id("lada", resolution, row["g_dims"]), "flops", row[name])
    if name == "d_gflops":
        return cost_cell(store, discriminator_id(row["discriminator"], resolution), "flops", row[name])
    return score_cell(store.of_row(f"2:{index}"), name, DATASET_PROTOCOLS[row["dataset"]], row[name])


def _table_3(index: int, row: dict, name: str, store: Store) -> Cell:
    return score_cell(store.of_row(f"3:{index}"), "fid", COLUMN_PROTOCOLS[name], row[name])


def _table_4(index: int, row: dict, name: str, store: Store) -> Cell:
    rows = [f"4:{index}", *([TABLE_4_RUNS[name]] if row["method"] == LADAGAN and name in TABLE_4_RUNS else [])]
    return score_cell(store.of_row(*rows), "fid", COLUMN_PROTOCOLS[name], row[name])


def _table_5(index: int, row: dict, name: str, store: Store) -> Cell:
    resolution = int(row["resolution"])
    network = f"{RIVALS[name]}-{resolution}" if name in RIVALS else generator_id("lada", resolution)
    if row["quantity"] != "images_seen":
        return cost_cell(store, network, row["quantity"], row[name], rival=name if name in RIVALS else "")
    rows = [f"5:{index}", TABLE_5_RUNS.get(row["resolution"], "")]
    return _images_seen(store.of_row(*rows) if name == LADAGAN else [], row[name])


def metric_label(scores: dict[str, float], metric: str) -> str | None:
    """The key under which a score is recorded: its own name under the paper's protocol, else with its extractor."""
    if metric in scores:
        return metric
    return next((label for label in scores if label.startswith(PROXIES[metric])), None)


def protocol_of(metrics: Scores, patterns: Sequence[str]) -> str | None:
    """The first protocol of a record that fits one of the patterns, in the order of the patterns."""
    return next((name for pattern in patterns for name in metrics if fnmatch(name, pattern)), None)


def score_point(record: ScoreRecord, metric: str, patterns: Sequence[str]) -> tuple[str, float] | None:
    """(label, value) of a metric in a record, or None where it was not measured."""
    protocol = protocol_of(record.metrics, patterns)
    label = metric_label(record.metrics[protocol], metric) if protocol else None
    return (label, record.metrics[protocol][label]) if label else None


def score_cell(records: list[ScoreRecord], metric: str, patterns: Sequence[str], printed: str) -> Cell:
    """One score over all its seeds; a run that diverged counts against every seed."""
    records = [record for record in records if record.status != "failed" and _concerns(record, patterns)]
    comparable = [record for record in records if _is_comparable(record, score_point(record, metric, patterns), metric)]
    used = comparable or records
    if not used:
        return Cell(printed)
    names = tuple(record.cell for record in used)
    if any(record.status == "diverged" for record in used):
        verdict = REPRODUCED if comparable and printed == DIVERGED else DIVERGED
        return Cell(printed, verdict, is_proxy=not comparable, records=names)
    found = [point for record in used if (point := score_point(record, metric, patterns))]
    if not found:
        return Cell(printed)
    points = tuple(value for _, value in found)
    verdict = score_verdict(points, printed, metric) if comparable else NOT_COMPARABLE
    return Cell(printed, verdict, fmean(points), points, not comparable, found[0][0], names)


def _concerns(record: ScoreRecord, patterns: Sequence[str]) -> bool:
    """Whether a record says something about a column: it has its protocol, or diverged before anything could be scored."""
    if record.status == "diverged":
        return not record.untrained or protocol_of(record.untrained, patterns) is not None
    return protocol_of(record.metrics, patterns) is not None


def _is_comparable(record: ScoreRecord, point: tuple[str, float] | None, metric: str) -> bool:
    """Only a score under the paper's protocol bears the bare name; a diverged run has none, so its record's level decides."""
    level = record.comparability.level
    return level == "paper" if point is None else point[0] == metric and level != "none"


def cost_value(record: CostRecord, quantity: str, measured: Throughput | None = None) -> float | None:
    """A cost in the unit of print: M parameters, GMAC per evaluation, images/s at the best batch."""
    if quantity == "throughput":
        evaluations = max((rate.median for rate in measured.rates.values()), default=None) if measured else None
        return None if evaluations is None else evaluations / record.steps_per_image
    if quantity == "params":
        value = record.params
    else:
        printed = record.macs.printed_convention
        value = printed if printed is not None else record.macs.fvcore
    return None if value is None else value / COST_UNITS[quantity]


def cost_cell(store: Store, network: str, quantity: str, printed: str, rival: str = "") -> Cell:
    """One cost of one network; counted on every machine, so always with a verdict, throughput apart."""
    record = store.costs.get(network)
    if record is None:
        return Cell(printed)
    value = cost_value(record, quantity, store.throughputs.get(network))
    if value is None:
        return Cell(printed, NO_CONFIGURATION, records=(network,))
    if quantity == "throughput":
        verdict = NOT_COMPARABLE if printed != NOT_PRINTED else NOT_PRINTED
    elif rival:
        tolerance = RIVAL_TOLERANCE.get(rival, 0.0) if quantity == "flops" else 0.0
        verdict = rival_verdict(value, printed, tolerance)
    else:
        verdict = cost_verdict(value, printed)
    return Cell(printed, verdict, value, (value,), records=(network,))


def _images_seen(records: list[ScoreRecord], printed: str) -> Cell:
    """Millions of training images; a fact of a run at the paper's scale only."""
    points = tuple(record.images_seen / 1e6 for record in records)
    if not points:
        return Cell(printed)
    comparable = all(record.comparability.level == "paper" for record in records)
    verdict = cost_verdict(points[0], printed) if comparable and len(set(points)) == 1 else NOT_COMPARABLE
    return Cell(printed, verdict, fmean(points), points, records=tuple(record.cell for record in records))
