"""The cost of every measured network, one row each, in the true and in the printed convention."""

from harness.records.store import Store
from harness.report.verdicts import NO_CONFIGURATION, NOT_RUN


def cost_rows(store: Store) -> list[dict[str, str]]:
    """Rows of text, ordered by resolution, then by name."""
    records = sorted(store.costs.values(), key=lambda record: (record["resolution"] or 0, record["network"]))
    return [_cost_row(record) for record in records]


def _cost_row(record: dict) -> dict[str, str]:
    macs, timings = record["macs"], record["throughput"]
    best = max(timings, key=lambda batch: timings[batch]["median"], default=None)
    row = {
        "network": record["network"],
        "title": record["title"],
        "resolution": _number(record["resolution"], 1, 0),
        "params M": _number(record["params"], 1e6, 3),
        "GMAC": _number(macs["true"], 1e9, 4),
        "GMAC as printed": _number(macs["printed_convention"], 1e9, 4),
        "steps": str(record["steps_per_image"]),
        "images/s batch 1": _rate(record, "1"),
        "images/s best": _rate(record, best),
        "best batch": best or NOT_RUN,
        "peak MiB": _number(record["peak_bytes"], 2**20, 0),
        "kWh per 1,000 images": _energy(record),
        "device": record["device"],
        "note": record.get("note") or "-",
    }
    return {name: NO_CONFIGURATION if text == NOT_RUN and record["params"] is None else text for name, text in row.items()}


def _number(value: float | None, unit: float, digits: int) -> str:
    return NOT_RUN if value is None else f"{value / unit:.{digits}f}"


def _rate(record: dict, batch: str | None) -> str:
    """Images/s with the spread of the repeats; an iterative sampler needs several evaluations an image."""
    timing = record["throughput"].get(batch)
    if timing is None:
        return NOT_RUN
    median, low, high = (timing[name] / record["steps_per_image"] for name in ("median", "low", "high"))
    return f"{median:.3g} ({low:.3g} to {high:.3g})"


def _energy(record: dict) -> str:
    energy = record.get("energy") or {}
    return f"{energy['kwh_per_image'] * 1e3:.3g}" if "kwh_per_image" in energy else "not measured"
