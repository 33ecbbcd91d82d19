"""Draws Table I's rows as points: score against cost, and score against time."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.paper import printed_table
from harness.records.store import Store
from harness.report.cell import Cell
from harness.report.cost_cells import images_per_second
from harness.report.own import own_cells
from harness.report.plots import log_scale, looks, score_words
from harness.report.points import Point, draw_points, legend_below, number_points, seeds_in_words
from harness.report.table_cells import Row, table_cells

FULL_SIZE = "full-size generator"
Entry = tuple[dict[str, str], float, Sequence[float]]  # printed row, cost, one score per seed


def _rows(store: Store) -> list[Row]:
    """Table I's rows and the profile's own experiments, which have nothing printed."""
    return [*table_cells(printed_table(1), store), *own_cells(store)]


def score_against_macs(store: Store) -> Figure | None:
    """Draws score against multiply-accumulates of the full-size generators, measured and printed."""
    found = [(row, cells["g_gflops"], cells["fid"]) for row, cells in _rows(store)]
    found = [entry for entry in found if entry[1].value is not None and entry[2].value is not None]
    if not found:
        return None
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    here = [(row, cost.value, score.points) for row, cost, score in found if cost.value is not None]
    printed = [(row, cost.value, _printed(score)) for row, cost, score in found if cost.value is not None]
    placed = {axes[0]: _dots(axes[0], here), axes[1]: _dots(axes[1], [entry for entry in printed if entry[2]])}
    axes[0].set(title=_measured_title(store, found[0][2]), ylabel=score_words(found[0][2].label or "fid"))
    axes[1].set(title="printed", ylabel=score_words("fid"))
    for axis in axes:
        axis.set(xlabel=f"multiply-accumulates per image of the {FULL_SIZE} (GMAC)")
    _finish(figure, axes[0], "Score against cost", found[0][2])
    number_points(figure, placed)
    return figure


def _measured_title(store: Store, cell: Cell) -> str:
    """Notes if the score belongs to a smaller network than the cost."""
    return f"measured: scores of profile {store.profile}, whose networks are smaller" if cell.is_proxy else "measured"


def _printed(score: Cell) -> list[float]:
    """The printed score as its only point; none for a run that diverged, or an experiment of one's own."""
    try:
        return [float(score.printed)]
    except ValueError:
        return []


def _dots(axis: Axes, entries: Sequence[Entry]) -> list[tuple[float, float, str]]:
    """Draws the rows, on a logarithmic axis of scores."""
    styles = looks(row["attention"] for row, _, _ in entries)
    points = [Point(row["row"], row["attention"], [cost], scores, styles[row["attention"]]) for row, cost, scores in entries]
    placed = draw_points(axis, points) if points else []
    log_scale(axis.yaxis)
    return placed


def _finish(figure: Figure, axis: Axes, title: str, cell: Cell) -> None:
    legend_below(figure, axis)
    figure.suptitle(f"{title} (numbers are rows of Table I; {seeds_in_words([len(cell.points)])})")
    sns.despine(figure)


def score_against_time(store: Store) -> Figure | None:
    """Draws score against measured time of the full-size generators, and against energy if the machine measures it."""
    found = [(row, next(iter(cells["g_gflops"].records), ""), cells["fid"]) for row, cells in _rows(store)]
    found = [entry for entry in found if entry[1] in store.costs and entry[2].value is not None]
    quantities = {"milliseconds per image at the best batch,": _milliseconds, "watt-hours per 1,000 images": _watt_hours}
    panels = {name: _measured(store, found, measure) for name, measure in quantities.items()}
    panels = {name: entries for name, entries in panels.items() if entries}
    if not panels:
        return None
    figure, axes = plt.subplots(1, len(panels), figsize=(5.5 * len(panels), 4.4), layout="constrained", squeeze=False)
    placed, score = {}, found[0][2]
    for axis, (name, entries) in zip(axes[0], panels.items(), strict=True):
        placed[axis] = _dots(axis, entries)
        axis.set(
            xlabel=f"{name} of the {FULL_SIZE}", ylabel=score_words(score.label or "fid"), title=_measured_title(store, score)
        )
    _finish(figure, axes[0][0], "Score against measured cost", score)
    number_points(figure, placed)
    return figure


def _measured(store: Store, found: list, measure: Callable[[Store, str], float | None]) -> list[Entry]:
    return [(row, value, score.points) for row, network, score in found if (value := measure(store, network))]


def _milliseconds(store: Store, network: str) -> float | None:
    rate = images_per_second(store.costs[network], store.throughputs.get(network))
    return 1e3 / rate if rate else None


def _watt_hours(store: Store, network: str) -> float | None:
    measured = store.throughputs.get(network)
    return ((measured.energy if measured else None) or {}).get("kwh_per_image", 0) * 1e6 or None
