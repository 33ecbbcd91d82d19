"""Figure 5 of the paper: gradient norms of both networks and the score against images seen, every seed drawn."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.metrics.metric import METRICS
from harness.paper import printed_table
from harness.records.curves import read_curves
from harness.records.models import ScoreRecord
from harness.records.store import Store
from harness.report.plots import log_scale, looks, plain, rounded
from harness.report.score_cells import protocol_of
from harness.report.verdicts import interval

TABLE = 1
GROUPS = {  # rows of Table I, grouped as the paper's Figure 5 groups them
    "a": ("attention mechanisms", (1, 2, 3, 6, 10)),
    "b": ("convolutional layer", (3, 4, 6, 7, 10, 12)),
    "c": ("MLP residual connection", (4, 5, 7, 8, 12, 13)),
}
NORMS = {"grad_norm_g": "gradient norm of the generator", "grad_norm_d": "gradient norm of the discriminator"}
Points = dict[int, list[float]]  # {images seen: one value per seed}


def row_label(row: Mapping[str, str]) -> str:
    """Label of a row of Table I, in the words of its headings: `lada, conv, no MLP residual`."""
    flags = {"convolution": "conv", "residual_mlp": "MLP residual"}
    words = [word if row[column] == "yes" else f"no {word}" for column, word in flags.items()]
    return ", ".join([row["attention"], *words])


def figure_5(store: Store, group: str) -> Figure | None:
    """Gradient norms of G and D and the score against images seen, for one group of Table I's rows. None without curves."""
    title, indices = GROUPS[group]
    rows = printed_table(TABLE).rows
    runs = {index: store.of_row(f"{TABLE}:{index}") for index in indices}
    if not any(record.curves for records in runs.values() for record in records):
        return None
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    styles, names = looks(row["attention"] for row in rows), [label for label in map(_score_name, runs.values()) if label]
    for index, records in runs.items():
        row = rows[index - 1]
        style = styles[row["attention"]] | {"linestyle": _dash(row, group), "label": row_label(row)}
        for axis, name in zip(axes, NORMS, strict=False):
            _line(axis, _curves(records, name), {**style, "marker": ""})
        _line(axes[2], _scores(records), style, points=True)
    for axis, name in zip(axes, [*NORMS.values(), plain(f"{names[0]} (lower is better)") if names else "score"], strict=True):
        axis.set(xlabel="images seen (thousands)", ylabel=name)
        log_scale(axis.yaxis)
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    seeds = max(len(records) for records in runs.values())
    figure.suptitle(f"Figure 5 ({group}): {title}" + (f" (mean, 90% interval and points of {seeds} seeds)" if seeds > 1 else ""))
    sns.despine(figure)
    return figure


def _dash(row: Mapping[str, str], group: str) -> str:
    flag = {"a": "yes", "b": row["convolution"], "c": row["residual_mlp"]}[group]
    return "-" if flag == "yes" else "--"


def _curves(records: list[ScoreRecord], name: str) -> Points:
    found: Points = {}
    for record in records:
        for row in read_curves(record):
            if name in row.values and row.values[name] > 0:
                found.setdefault(row.nimg, []).append(row.values[name])
    return found


def _line(axis: Axes, found: Points, style: dict[str, Any], points: bool = False) -> None:
    """Draws the mean over seeds as a line, its 90% interval as a band, and on request each seed as a point."""
    if not found:
        return
    steps = sorted(found)
    thousands = [nimg / 1000 for nimg in steps]
    axis.plot(thousands, [rounded(fmean(found[nimg])) for nimg in steps], linewidth=1.2, markersize=3.5, **style)
    bands = [interval(found[nimg]) if len(found[nimg]) > 1 else (found[nimg][0],) * 2 for nimg in steps]
    if any(low < high for low, high in bands):
        lows, highs = ([rounded(band[side]) for band in bands] for side in (0, 1))
        least = min(value for values in found.values() for value in values)
        axis.fill_between(thousands, [max(low, least / 2) for low in lows], highs, color=style["color"], alpha=0.15, linewidth=0)
    if points and any(len(values) > 1 for values in found.values()):
        dots = [(nimg / 1000, rounded(value)) for nimg in steps for value in found[nimg]]
        axis.scatter([x for x, _ in dots], [y for _, y in dots], s=5, color=style["color"], alpha=0.6, linewidths=0)


def score_history(record: ScoreRecord) -> tuple[list[tuple[int, float]], str]:
    """[(images seen, FID or its proxy)] of a record, from the untrained generator at 0, and the metric's name."""
    steps = {0: record.untrained} | {entry.nimg: entry.metrics for entry in record.history} | {record.images_seen: record.metrics}
    patterns, metric = printed_table(TABLE).patterns(1, "fid"), METRICS["fid"]
    points, label = [], ""
    for nimg, scores in sorted(steps.items()):
        protocol = protocol_of(scores, patterns)
        name = metric.label_in(scores[protocol]) if protocol else None
        if protocol and name:
            label = name
            points.append((nimg, scores[protocol][name]))
    return points, label


def _scores(records: list[ScoreRecord]) -> Points:
    found: Points = {}
    for record in records:
        for nimg, value in score_history(record)[0]:
            found.setdefault(nimg, []).append(value)
    return found


def _score_name(records: list[ScoreRecord]) -> str:
    """Label of the score: `FD of digits-cnn`, or `FID`."""
    label = next((label for record in records if (label := score_history(record)[1])), "")
    metric, _, extractor = label.partition("/")
    return f"{METRICS['fid'].proxy_heading} of {extractor} features" if extractor else metric.upper()
