"""The costs of every measured network, one row each, counted truly and as printed."""

from harness.records.measured import Throughput
from harness.records.models import CostRecord
from harness.records.parts import Rate
from harness.records.store import Store
from harness.report.verdicts import NO_CONFIGURATION, NOT_RUN


def cost_rows(store: Store) -> list[dict[str, str]]:
    """Rows of text, sorted by resolution and name."""
    records = sorted(store.costs.values(), key=lambda record: (record.resolution or 0, record.cell))
    return [_cost_row(record, store.throughputs.get(record.cell)) for record in records]


def _cost_row(record: CostRecord, measured: Throughput | None) -> dict[str, str]:
    macs, rates = record.macs, measured.rates if measured else {}
    best = max(rates, key=lambda batch: rates[batch].median, default=None)
    row = {
        "network": record.cell,
        "title": record.title,
        "resolution": _number(record.resolution, 1, 0),
        "params M": _number(record.params, 1e6, 3),
        "GMAC": _number(macs.true, 1e9, 4),
        "GMAC as printed": _number(macs.printed_convention, 1e9, 4),
        "steps": str(record.steps_per_image),
        "images/s batch 1": _rate(rates.get("1"), record.steps_per_image),
        "images/s best": _rate(rates.get(best or ""), record.steps_per_image),
        "best batch": best or NOT_RUN,
        "peak MiB": _number(measured.peak_bytes if measured else None, 2**20, 0),
        "kWh per 1,000 images": _energy(measured),
        "device": measured.process.device if measured else NOT_RUN,
        "measured": measured.process.started[:10] if measured else NOT_RUN,
        "note": record.note or "-",
    }
    return {name: NO_CONFIGURATION if text == NOT_RUN and record.params is None else text for name, text in row.items()}


def _number(value: float | None, unit: float, digits: int) -> str:
    return NOT_RUN if value is None else f"{value / unit:.{digits}f}"


def _rate(rate: Rate | None, steps_per_image: int) -> str:
    """Images/s with the range over repeats. An iterative sampler needs several evaluations per image."""
    if rate is None:
        return NOT_RUN
    median, low, high = (value / steps_per_image for value in (rate.median, rate.low, rate.high))
    return f"{median:.3g} ({low:.3g} to {high:.3g})"


def _energy(measured: Throughput | None) -> str:
    energy = (measured.energy if measured else None) or {}
    return f"{energy['kwh_per_image'] * 1e3:.3g}" if "kwh_per_image" in energy else "not measured"
