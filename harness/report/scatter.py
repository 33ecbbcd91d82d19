"""Score against cost, and against the share of the training images (Table III)."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.records.store import Store
from harness.report.cells import cost_value, table_cells
from harness.report.plots import COLOURS, log_scale


def score_against_macs(store: Store) -> Figure | None:
    """Score of Table I's rows against the multiply-accumulates of their full-size generators; printed figures beside them."""
    points = [(row, cells["g_gflops"], cells["fid"]) for row, cells in table_cells(1, store)]
    points = [point for point in points if point[1].value is not None and point[2].value is not None]
    if not points:
        return None
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    _dots(axes[0], [(row, cost.value, score.value) for row, cost, score in points])
    printed = [(row, cost.value, float(score.printed)) for row, cost, score in points if score.printed not in ("-", "diverged")]
    _dots(axes[1], printed)
    axes[0].set(title="measured", ylabel=points[0][2].label or "fid")
    axes[1].set(title="printed", ylabel="FID")
    for axis in axes:
        axis.set(xlabel="GMAC per image of the full-size generator")
    _finish_dots(figure, axes[0], "Score against cost (numbers are rows of Table I)")
    return figure


def _dots(axis: Axes, points: list[tuple[dict, float, float]]) -> None:
    """Points (row, cost, score) coloured by attention; rows that fall on one another share a label."""
    together: dict[tuple[float, float], list[str]] = {}
    for row, cost, score in points:
        known = row["attention"] in axis.get_legend_handles_labels()[1]
        colour = COLOURS.get(row["attention"], "black")
        axis.scatter(cost, score, s=24, color=colour, label="_" if known else row["attention"])
        together.setdefault((round(cost, 2), round(score, 2)), []).append(row["row"])
    for place, rows in together.items():
        axis.annotate(", ".join(rows), place, textcoords="offset points", xytext=(4, 3), fontsize=7)
    log_scale(axis.yaxis)


def _finish_dots(figure: Figure, axis: Axes, title: str) -> None:
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=6)
    figure.suptitle(title)
    sns.despine(figure)


def score_against_time(store: Store) -> Figure | None:
    """Score of Table I's rows against measured milliseconds and, where the machine tells, energy of the full-size generators."""
    found = [(row, next(iter(cells["g_gflops"].records), ""), cells["fid"]) for row, cells in table_cells(1, store)]
    found = [entry for entry in found if entry[1] in store.costs and entry[2].value is not None]
    quantities = {"milliseconds per image, best batch": _milliseconds, "watt-hours per 1,000 images": _watt_hours}
    panels = {
        name: [(row, value, score) for row, network, score in found if (value := measure(store, network))]
        for name, measure in quantities.items()
    }
    panels = {name: points for name, points in panels.items() if points}
    if not panels:
        return None
    figure, axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 3.6), layout="constrained", squeeze=False)
    for axis, (name, points) in zip(axes[0], panels.items(), strict=True):
        _dots(axis, [(row, cost, score.value) for row, cost, score in points])
        axis.set(xlabel=name, ylabel=points[0][2].label or "fid")
    _finish_dots(figure, axes[0][0], "Score against measured cost (numbers are rows of Table I)")
    return figure


def _milliseconds(store: Store, network: str) -> float | None:
    rate = cost_value(store.costs[network], "throughput", store.throughputs.get(network))
    return 1e3 / rate if rate else None


def _watt_hours(store: Store, network: str) -> float | None:
    measured = store.throughputs.get(network)
    return ((measured.energy if measured else None) or {}).get("kwh_per_image", 0) * 1e6 or None


def data_efficiency(store: Store) -> Figure | None:
    """Table III: score against the fraction of training images, with and without bCR; measured and printed on their own axes."""
    rows = [(row, cells) for row, cells in table_cells(3, store) if row["method"] == "ladagan"]
    if not any(cells["fid_50k"].value is not None for _, cells in rows):
        return None
    figure, axes = plt.subplots(1, 4, figsize=(12, 3), layout="constrained")
    for index, (column, reference) in enumerate({"fid_50k": "training", "fid_10k": "test"}.items()):
        label = next((cells[column].label for _, cells in rows if cells[column].label), "fid")
        measured = {key: _by_fraction(rows, key, lambda cells, column=column: cells[column].value) for key in ("yes", "no")}
        printed = {
            key: _by_fraction(rows, key, lambda cells, column=column: float(cells[column].printed)) for key in ("yes", "no")
        }
        _fractions(axes[index], measured, f"measured, against {reference} images", label)
        _fractions(axes[index + 2], printed, f"printed, against {reference} images", "FID")
    figure.legend(*axes[2].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle("Data efficiency (Table III)")
    sns.despine(figure)
    return figure


def _by_fraction(rows: list, bcr: str, value: Callable) -> list[tuple[float, float]]:
    """Points (fraction, value) of the rows with or without bCR that have a value."""
    points = [(float(row["fraction"]), value(cells)) for row, cells in rows if row["bcr"] == bcr]
    return [point for point in points if point[1] is not None]


def _fractions(axis: Axes, points: dict[str, list], title: str, label: str) -> None:
    for key, style, name in (("yes", "-", "with bCR"), ("no", "--", "without bCR")):
        if points[key]:
            axis.plot(*zip(*points[key], strict=True), style, marker="o", markersize=4, color="C0", label=name)
    axis.set(xlabel="fraction of the training images", title=title, ylabel=label)
    log_scale(axis.xaxis)
    log_scale(axis.yaxis)
