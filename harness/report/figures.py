"""Figures from records and curves: gradient norms and score (Figure 5), score against cost, data efficiency (Table III)."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from harness.files import atomic_path
from harness.paper import printed_table
from harness.report.cells import DATASET_PROTOCOLS, cost_value, metric_label, protocol_of, table_cells
from harness.report.store import Store, read_curves

FIGURE_5 = {  # rows of Table I, grouped as the paper's Figure 5 groups them
    "a": ("attention mechanisms", (1, 2, 3, 6, 10)),
    "b": ("convolutional layer", (3, 4, 6, 7, 10, 12)),
    "c": ("MLP residual connection", (4, 5, 7, 8, 12, 13)),
}
COLOURS = dict(
    zip(("lada", "swin", "lada-swin", "linformer", "fastformer", "dot-product"), sns.color_palette("colorblind"), strict=False)
)
STYLE = {
    "svg.hashsalt": "harness",  # element ids that do not change from run to run
    "axes.titlesize": "medium",
    "legend.frameon": False,
    "figure.dpi": 100,
}


def draw_figures(store: Store) -> list[Path]:
    """Writes every figure that the records allow into results/<profile>/figures, as PNG and SVG; returns the paths."""
    sns.set_theme(style="ticks", context="paper", rc=STYLE)
    drawn = {f"figure_5{group}": figure_5(store, group) for group in FIGURE_5}
    drawn |= {"score_against_macs": score_against_macs(store), "score_against_time": score_against_time(store)}
    drawn["data_efficiency"] = data_efficiency(store)
    present = {store.folder / "figures" / name: figure for name, figure in drawn.items() if figure is not None}
    return [path for stem, figure in present.items() for path in save(figure, stem)]


def save(figure: Figure, stem: Path) -> list[Path]:
    """Writes stem.png and stem.svg without dates or software versions, so that the same records give the same bytes."""
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None, "Creator": None})):
        with atomic_path(stem.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, format=suffix[1:], metadata=metadata, bbox_inches="tight")
    plt.close(figure)
    return [stem.with_suffix(".png"), stem.with_suffix(".svg")]


def log_scale(axis: Axis) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5, which stays readable within one decade."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def row_label(row: dict) -> str:
    """`lada, conv, no residual`: what tells the rows of Table I apart."""
    parts = [row["attention"], "conv" if row["convolution"] == "yes" else "no conv"]
    return ", ".join([*parts, "residual" if row["residual_mlp"] == "yes" else "no residual"])


def _line_style(row: dict, group: str) -> dict:
    flag = {"a": True, "b": row["convolution"] == "yes", "c": row["residual_mlp"] == "yes"}[group]
    return {"color": COLOURS.get(row["attention"], "black"), "linestyle": "-" if flag else "--", "linewidth": 1.1}


def figure_5(store: Store, group: str) -> Figure | None:
    """Gradient norms of G and D and the score against images seen, for one group of Table I's rows."""
    title, indices = FIGURE_5[group]
    rows = printed_table(1)
    runs = [(rows[index - 1], record) for index in indices for record in store.of_row(f"1:{index}")[:1]]
    if not any(record["curves"] for _, record in runs):
        return None
    figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
    for row, record in runs:
        style = _line_style(row, group) | {"label": row_label(row)}
        curves = read_curves(record)
        for axis, name in zip(axes, ("grad_norm_g", "grad_norm_d"), strict=False):
            points = [(point["nimg"], point[name]) for point in curves if name in point]
            axis.plot(*zip(*points, strict=True), **style) if points else None
        points, label = score_history(record)
        axes[2].plot(*zip(*points, strict=True), marker="o", markersize=3, **style) if points else None
        axes[2].set_ylabel(label or "score")
    for axis, name in zip(axes, ("gradient norm of G", "gradient norm of D", "score"), strict=True):
        axis.set(title=name, xlabel="images seen")
        log_scale(axis.yaxis)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle(f"Figure 5 ({group}): {title}")
    sns.despine(figure)
    return figure


def score_history(record: dict) -> tuple[list[tuple[int, float]], str]:
    """[(images seen, FID or its proxy)] of a record, the untrained generator at 0 included, and the metric's name."""
    steps = (
        {0: record["untrained"]}
        | {entry["nimg"]: entry for entry in record["history"]}
        | {record["images_seen"]: record["metrics"]}
    )
    points, label = [], ""
    for nimg, scores in sorted(steps.items()):
        protocol = protocol_of(scores, DATASET_PROTOCOLS["cifar10"])
        name = metric_label(scores[protocol], "fid") if protocol else None
        if name:
            label = name
            points.append((nimg, scores[protocol][name]))
    return points, label


def score_against_macs(store: Store) -> Figure | None:
    """Score of Table I's rows against the multiply-accumulates of their full-size generators; printed figures beside them."""
    points = [(row, cells["g_gflops"], cells["fid"]) for row, cells in table_cells(1, store)]
    points = [point for point in points if point[1].value is not None and point[2].value is not None]
    if not points:
        return None
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for row, cost, score in points:
        _dot(axes[0], cost.value, score.value, row)
        if score.printed not in ("-", "diverged"):
            _dot(axes[1], cost.value, float(score.printed), row)
    axes[0].set(title="measured", ylabel=points[0][2].label or "fid")
    axes[1].set(title="printed", ylabel="FID")
    for axis in axes:
        axis.set(xlabel="GMAC per image of the full-size generator")
    figure.suptitle("Score against cost (numbers are rows of Table I)")
    sns.despine(figure)
    return figure


def score_against_time(store: Store) -> Figure | None:
    """Score of Table I's rows against measured milliseconds and, where the machine tells, energy of the full-size generators."""
    found = [
        (row, store.costs.get(next(iter(cells["g_gflops"].records), "")), cells["fid"]) for row, cells in table_cells(1, store)
    ]
    quantities = {"milliseconds per image, best batch": _milliseconds, "watt-hours per 1,000 images": _watt_hours}
    panels = {
        name: [(row, measure(cost), score) for row, cost, score in found if cost and score.value is not None and measure(cost)]
        for name, measure in quantities.items()
    }
    panels = {name: points for name, points in panels.items() if points}
    if not panels:
        return None
    figure, axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 3.6), layout="constrained", squeeze=False)
    for axis, (name, points) in zip(axes[0], panels.items(), strict=True):
        for row, cost, score in points:
            _dot(axis, cost, score.value, row)
        axis.set(xlabel=name, ylabel=points[0][2].label or "fid")
    figure.suptitle("Score against measured cost (numbers are rows of Table I)")
    sns.despine(figure)
    return figure


def _milliseconds(cost: dict) -> float | None:
    rate = cost_value(cost, "throughput")
    return 1e3 / rate if rate else None


def _watt_hours(cost: dict) -> float | None:
    return (cost.get("energy") or {}).get("kwh_per_image", 0) * 1e6 or None


def _dot(axis, cost: float, score: float, row: dict) -> None:
    axis.scatter(cost, score, s=22, color=COLOURS.get(row["attention"], "black"))
    axis.annotate(row["row"], (cost, score), textcoords="offset points", xytext=(4, 3), fontsize=7)


def data_efficiency(store: Store) -> Figure | None:
    """Table III: score against the fraction of training images, with and without bCR, measured and printed."""
    rows = [(row, cells) for row, cells in table_cells(3, store) if row["method"] == "ladagan"]
    if not any(cells["fid_50k"].value is not None for _, cells in rows):
        return None
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for axis, column in zip(axes, ("fid_50k", "fid_10k"), strict=True):
        for bcr, style in (("yes", "-"), ("no", "--")):
            chosen = [(float(row["fraction"]), cells[column]) for row, cells in rows if row["bcr"] == bcr]
            measured = [(fraction, cell.value) for fraction, cell in chosen if cell.value is not None]
            printed = [(fraction, float(cell.printed)) for fraction, cell in chosen if cell.printed != "-"]
            name = "with bCR" if bcr == "yes" else "without bCR"
            axis.plot(
                *zip(*measured, strict=True), style, marker="o", color="C0", label=f"measured, {name}"
            ) if measured else None
            axis.plot(*zip(*printed, strict=True), style, marker="x", color="0.6", label=f"printed FID, {name}")
        axis.set(
            xlabel="fraction of the training images",
            title={"fid_50k": "against training images", "fid_10k": "against test images"}[column],
        )
        log_scale(axis.xaxis)
        log_scale(axis.yaxis)
    axes[0].set_ylabel(next((cells["fid_50k"].label for _, cells in rows if cells["fid_50k"].label), "fid"))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.suptitle("Data efficiency (Table III)")
    sns.despine(figure)
    return figure
