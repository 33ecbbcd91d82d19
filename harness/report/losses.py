"""Losses of both networks and the R1 penalty against images seen, one line a mechanism."""

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from harness.records.store import Store
from harness.report.figure_5 import TABLE
from harness.report.lines import curve_points, draw_line
from harness.report.own import own_runs
from harness.report.plots import log_scale, looks
from harness.report.points import legend_below, seeds_in_words

ROWS = (1, 2, 3, 6, 10, 16)  # every mechanism without a convolution, and the proposed model
PANELS = {
    "loss_d": "loss of the discriminator",
    "loss_g": "loss of the generator",
    "r1": "R1 penalty (before its weight)",
}


def losses(store: Store) -> Figure | None:
    """Draws both losses and R1 for some of Table I's rows. None if no run has curves."""
    runs = [(f"row {index}", store.of_row(f"{TABLE}:{index}")) for index in ROWS]
    runs = [(name, records) for name, records in [*runs, *((found[0].cell, found) for found in own_runs(store))] if records]
    if not any(curve_points(records, "loss_d", positive=False) for _, records in runs):
        return None
    figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
    styles = looks(str(records[0].config.get("attention")) for _, records in runs)
    for name, records in runs:
        attention, against = (str(records[0].config.get(key)) for key in ("attention", "discriminator_attention"))
        dash = "-" if against == "conv" else "--" if name.startswith("row ") else ":"
        style = {**styles[attention], "linestyle": dash, "marker": "", "label": f"{attention} against {against} ({name})"}
        for axis, name in zip(axes, PANELS, strict=True):
            draw_line(axis, curve_points(records, name, positive=name == "r1"), style)
    for axis, words in zip(axes, PANELS.values(), strict=True):
        axis.set(xlabel="images seen (thousands)", ylabel=words)
    if axes[2].lines:
        log_scale(axes[2].yaxis)
    legend_below(figure, axes[0], 3)
    seeds = seeds_in_words([len(records) for _, records in runs]).replace(" and points", "")
    figure.suptitle(f"Losses and R1 over training ({seeds})")
    sns.despine(figure)
    return figure
