"""Figures from records and curves: gradient norms and score (Figure 5), score against cost, data efficiency (Table III)."""

from pathlib import Path

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from harness.files import atomic_path
from harness.paper import printed_table
from harness.records.curves import read_curves
from harness.records.models import ScoreRecord
from harness.records.store import Store
from harness.report.cells import metric_label, protocol_of
from harness.report.columns import DATASET_PROTOCOLS
from harness.report.plots import COLOURS, log_scale
from harness.report.scatter import data_efficiency, score_against_macs, score_against_time

FIGURE_5 = {  # rows of Table I, grouped as the paper's Figure 5 groups them
    "a": ("attention mechanisms", (1, 2, 3, 6, 10)),
    "b": ("convolutional layer", (3, 4, 6, 7, 10, 12)),
    "c": ("MLP residual connection", (4, 5, 7, 8, 12, 13)),
}
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
    if not any(record.curves for _, record in runs):
        return None
    figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
    for row, record in runs:
        style = _line_style(row, group) | {"label": row_label(row)}
        curves = read_curves(record)
        for axis, name in zip(axes, ("grad_norm_g", "grad_norm_d"), strict=False):
            points = [(point.nimg, point.values[name]) for point in curves if name in point.values]
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


def score_history(record: ScoreRecord) -> tuple[list[tuple[int, float]], str]:
    """[(images seen, FID or its proxy)] of a record, the untrained generator at 0 included, and the metric's name."""
    steps = {0: record.untrained} | {entry.nimg: entry.metrics for entry in record.history} | {record.images_seen: record.metrics}
    points, label = [], ""
    for nimg, scores in sorted(steps.items()):
        protocol = protocol_of(scores, DATASET_PROTOCOLS["cifar10"])
        name = metric_label(scores[protocol], "fid") if protocol else None
        if name:
            label = name
            points.append((nimg, scores[protocol][name]))
    return points, label
