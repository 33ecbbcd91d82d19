"""Draws Table I's rows as points: score against cost, and score against time."""

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.paper import printed_table
from harness.records.store import Store
from harness.report.cell import Cell
from harness.report.cost_cells import images_per_second
from harness.report.plots import log_scale, looks, plain, rounded
from harness.report.table_cells import Row, table_cells

DODGE = 0.012  # distance between points of equal cost, as a share of the axis
FULL_SIZE = "full-size generator"
Point = tuple[Mapping[str, str], float, Sequence[float]]  # printed row, x, one y per seed


def _rows(store: Store) -> list[Row]:
    return table_cells(printed_table(1), store)


def score_against_macs(store: Store) -> Figure | None:
    """Draws score against multiply-accumulates of the full-size generators, measured and printed."""
    found = [(row, cells["g_gflops"], cells["fid"]) for row, cells in _rows(store)]
    found = [entry for entry in found if entry[1].value is not None and entry[2].value is not None]
    if not found:
        return None
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    _dots(axes[0], [(row, cost.value, score.points) for row, cost, score in found if cost.value is not None])
    printed = [(row, cost, [float(score.printed)]) for row, cost, score in found if _number(score.printed) is not None]
    _dots(axes[1], [(row, cost.value, score) for row, cost, score in printed if cost.value is not None])
    axes[0].set(title=_measured_title(store, found[0][2]), ylabel=_score_axis(found[0][2]))
    axes[1].set(title="printed", ylabel="FID (lower is better)")
    for axis in axes:
        axis.set(xlabel=f"multiply-accumulates per image of the {FULL_SIZE} (GMAC)")
    _finish(figure, axes[0], "Score against cost")
    return figure


def _measured_title(store: Store, cell: Cell) -> str:
    """Notes if the score belongs to a smaller network than the cost."""
    return f"measured: scores of profile {store.profile}, whose networks are smaller" if cell.is_proxy else "measured"


def _score_axis(cell: Cell) -> str:
    return plain(f"{cell.label or 'fid'} (lower is better)")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _dots(axis: Axes, points: Sequence[Point]) -> None:
    """Draws rows as means over seeds, and every seed as a small point. Rows with equal x are side by side and numbered."""
    styles = looks(row["attention"] for row, _, _ in points)
    together: dict[str, int] = {}
    span = max(x for _, x, _ in points) - min(x for _, x, _ in points) or 1.0
    for row, x, values in sorted(points, key=lambda point: (point[1], sum(point[2]) / len(point[2]))):
        place = together[f"{x:.3g}"] = together.get(f"{x:.3g}", -1) + 1
        side = rounded(x + DODGE * span * place)
        style, mean = styles[row["attention"]], rounded(sum(values) / len(values))
        known = row["attention"] in axis.get_legend_handles_labels()[1]
        axis.scatter(side, mean, s=26, label="_" if known else row["attention"], **style)
        if len(values) > 1:
            axis.scatter([side] * len(values), [rounded(value) for value in values], s=5, color=style["color"], alpha=0.5)
        up = place % 2 == 0
        axis.annotate(row["row"], (side, mean), textcoords="offset points", xytext=(0, 6 if up else -12), fontsize=7, ha="center")
    log_scale(axis.yaxis)


def _finish(figure: Figure, axis: Axes, title: str) -> None:
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=6)
    figure.suptitle(f"{title} (numbers are rows of Table I; rows of equal cost stand side by side)")
    sns.despine(figure)


def score_against_time(store: Store) -> Figure | None:
    """Draws score against measured time of the full-size generators, and against energy if the machine measures it."""
    found = [(row, next(iter(cells["g_gflops"].records), ""), cells["fid"]) for row, cells in _rows(store)]
    found = [entry for entry in found if entry[1] in store.costs and entry[2].value is not None]
    quantities = {"milliseconds per image, best batch": _milliseconds, "watt-hours per 1,000 images": _watt_hours}
    panels = {name: _measured(store, found, measure) for name, measure in quantities.items()}
    panels = {name: points for name, points in panels.items() if points}
    if not panels:
        return None
    figure, axes = plt.subplots(1, len(panels), figsize=(5.5 * len(panels), 4), layout="constrained", squeeze=False)
    for axis, (name, points) in zip(axes[0], panels.items(), strict=True):
        _dots(axis, points)
        axis.set(xlabel=f"{name} of the {FULL_SIZE}", ylabel=_score_axis(found[0][2]), title=_measured_title(store, found[0][2]))
    _finish(figure, axes[0][0], "Score against measured cost")
    return figure


def _measured(store: Store, found: list, measure: Callable[[Store, str], float | None]) -> list[Point]:
    return [(row, value, score.points) for row, network, score in found if (value := measure(store, network))]


def _milliseconds(store: Store, network: str) -> float | None:
    rate = images_per_second(store.costs[network], store.throughputs.get(network))
    return 1e3 / rate if rate else None


def _watt_hours(store: Store, network: str) -> float | None:
    measured = store.throughputs.get(network)
    return ((measured.energy if measured else None) or {}).get("kwh_per_image", 0) * 1e6 or None
