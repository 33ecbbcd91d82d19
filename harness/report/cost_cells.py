"""Turns cost records into the figures of a table."""

from harness.paper import NOT_PRINTED
from harness.records.measured import Throughput
from harness.records.models import CostRecord
from harness.records.store import Store
from harness.report.cell import Cell
from harness.report.verdicts import NO_CONFIGURATION, NOT_COMPARABLE, NOT_RUN, cost_verdict, rival_verdict

UNITS = {"params": 1e6, "flops": 1e9}


def counted(record: CostRecord, quantity: str) -> float | None:
    """Millions of parameters, or GMAC per evaluation as the paper counts them. None if the network could not be counted."""
    macs = record.macs
    value = record.params if quantity == "params" else macs.fvcore if macs.printed_convention is None else macs.printed_convention
    return None if value is None else value / UNITS[quantity]


def images_per_second(record: CostRecord, measured: Throughput | None) -> float | None:
    """Images/s at the fastest batch size. None if not measured."""
    evaluations = max((rate.median for rate in measured.rates.values()), default=None) if measured else None
    return None if evaluations is None else evaluations / record.steps_per_image


def cost_cell(
    store: Store, network: str, quantity: str, printed: str, rival: bool = False, tolerance: dict[str, float] | None = None
) -> Cell:
    """One cost of one network. A count gets a verdict on every machine. A throughput is not comparable with other machines.

    `tolerance` is the share by which a rival's figure may differ, by quantity.
    """
    record = store.costs.get(network)
    if record is None:
        return Cell(quantity, printed)
    timed = quantity == "throughput"
    value = images_per_second(record, store.throughputs.get(network)) if timed else counted(record, quantity)
    if value is None:
        missing = NOT_RUN if timed and record.params is not None else NO_CONFIGURATION
        return Cell(quantity, printed, missing, records=(network,) if missing == NO_CONFIGURATION else ())
    if timed:
        verdict = NOT_COMPARABLE if printed != NOT_PRINTED else NOT_PRINTED
    elif rival:
        verdict = rival_verdict(value, printed, (tolerance or {}).get(quantity, 0.0))
    else:
        verdict = cost_verdict(value, printed)
    return Cell(quantity, printed, verdict, value, (value,), records=(network,))
