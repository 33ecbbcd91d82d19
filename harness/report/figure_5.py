"""Figure 5 of the paper: gradient norms of both networks and the score against images seen, every seed drawn."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from harness.metrics.metric import METRICS
from harness.paper import printed_table
from harness.records.models import ScoreRecord
from harness.records.store import Store
from harness.report.lines import Points, curve_points, draw_line
from harness.report.own import own_runs
from harness.report.plots import log_scale, looks, score_words
from harness.report.score_cells import protocol_of

TABLE = 1
GROUPS = {  # rows of Table I, grouped as the paper's Figure 5 groups them
    "a": ("attention mechanisms", (1, 2, 3, 6, 10)),
    "b": ("convolutional layer", (3, 4, 6, 7, 10, 12)),
    "c": ("MLP residual connection", (4, 5, 7, 8, 12, 13)),
}
NORMS = {"grad_norm_g": "gradient norm of the generator", "grad_norm_d": "gradient norm of the discriminator"}


def row_label(row: Mapping[str, str]) -> str:
    """Label of a row of Table I, in the words of its headings: `lada, LEE conv, no MLP res.`."""
    if "own" in row:
        return row["own"]
    flags = {"convolution": "LEE conv", "residual_mlp": "MLP res."}
    words = [word if row[column] == "yes" else f"no {word}" for column, word in flags.items()]
    return ", ".join([row["attention"], *words])


def figure_5(store: Store, group: str) -> Figure | None:
    """Gradient norms of G and D and the score against images seen, for one group of Table I's rows. None without curves."""
    title, indices = GROUPS[group]
    rows = printed_table(TABLE).rows
    runs: list[tuple[Mapping[str, str], list[ScoreRecord]]]
    runs = [(rows[index - 1], store.of_row(f"{TABLE}:{index}")) for index in indices]
    runs += [(_own_row(records[0]), records) for records in own_runs(store)] if group == "a" else []
    if not any(record.curves for _, records in runs for record in records):
        return None
    figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
    styles = looks(row["attention"] for row, _ in runs)
    names = [label for _, records in runs if (label := _score_name(records))]
    for row, records in runs:
        style = styles[row["attention"]] | {"linestyle": _dash(row, group), "label": row_label(row)}
        for axis, name in zip(axes, NORMS, strict=False):
            draw_line(axis, curve_points(records, name), {**style, "marker": ""})
        draw_line(axes[2], _scores(records), style, points=True)
    for axis, name in zip(axes, [*NORMS.values(), names[0] if names else "score"], strict=True):
        axis.set(xlabel="images seen (thousands)", ylabel=name)
        log_scale(axis.yaxis)
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    seeds = max(len(records) for _, records in runs)
    figure.suptitle(f"Figure 5 ({group}): {title}" + (f" (mean, 90% interval and points of {seeds} seeds)" if seeds > 1 else ""))
    sns.despine(figure)
    return figure


def _own_row(record: ScoreRecord) -> dict[str, str]:
    """What a row of Table I says, of an experiment that stands in none; its name says the rest."""
    return {"attention": str(record.config.get("attention", record.cell)), "own": record.cell}


def _dash(row: Mapping[str, str], group: str) -> str:
    if group == "a":
        return ":" if "own" in row else "-"
    return "-" if row[{"b": "convolution", "c": "residual_mlp"}[group]] == "yes" else "--"


def score_history(record: ScoreRecord) -> tuple[list[tuple[int, float]], str]:
    """[(images seen, FID or its proxy)] of a record, from the untrained generator at 0, and the metric's name.

    The last weights' score stands at the end if it is of as many images as the other points."""
    steps = {0: record.untrained} | {entry.nimg: entry.metrics for entry in record.history}
    if record.curve_images is None:
        steps[record.images_seen] = record.metrics
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
    """`FD of digits-cnn features (lower is better)`; "" where nothing was scored."""
    record = next((record for record in records if score_history(record)[1]), None)
    if record is None:
        return ""
    images = f", {record.curve_images:,} images" if record.curve_images else ""
    return score_words(score_history(record)[1]) + images
