"""Curves of seconds and memory against the number of tokens, one panel per mode and width."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.cost.probe import BACKWARD, MODES
from harness.cost.scaling import Point
from harness.files import atomic_path

if TYPE_CHECKING:  # matplotlib takes a second to import
    from matplotlib.axes import Axes

MARKERS = "osv^D<>PXd*ph8"


def draw_curves(points: list[Point], titles: dict[str, str], subtitle: str, paths: list[Path]) -> None:
    """Writes the figure to each of `paths`, in the format of its suffix: a row of times per mode, and a row of peak memory."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    widths = sorted({(p.dim, p.num_heads) for p in points}, reverse=True)
    with plt.rc_context({"svg.hashsalt": "attention", "svg.fonttype": "none", "font.size": 8}):
        figure, axes = plt.subplots(len(MODES) + 1, len(widths), figsize=(4 * len(widths) + 2, 11), sharex=True, squeeze=False)
        for column, (dim, num_heads) in enumerate(widths):
            for row, mode in enumerate(MODES):
                _panel(axes[row][column], points, titles, dim, mode, "seconds")
                axes[row][column].set_title(f"{mode}, d = {dim}, {num_heads} heads")
            _panel(axes[-1][column], points, titles, dim, BACKWARD, "peak_bytes")
            axes[-1][column].set(title=f"{BACKWARD}, d = {dim}", xlabel="tokens N")
        for row, label in enumerate([*["seconds per pass"] * len(MODES), "peak memory, bytes"]):
            axes[row][0].set_ylabel(label)
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="center right", frameon=False)
        figure.suptitle(f"Cost of one attention layer, batch 1, float32. {subtitle}")
        figure.tight_layout(rect=(0, 0, 1 - 1.8 / (4 * len(widths) + 2), 0.98))
        for path in paths:
            with atomic_path(path) as temporary:
                figure.savefig(temporary, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
        plt.close(figure)


def _panel(axis: "Axes", points: list[Point], titles: dict[str, str], dim: int, mode: str, quantity: str) -> None:
    for index, (name, title) in enumerate(titles.items()):
        curve = [p for p in points if (p.mechanism, p.dim, p.mode) == (name, dim, mode) and getattr(p, quantity)]
        x, y = [p.num_tokens for p in curve], [getattr(p, quantity) for p in curve]
        colour = "black" if name == "lada" else f"C{index % 10}"
        axis.plot(x, y, marker=MARKERS[index % len(MARKERS)], ms=3, lw=2 if "lada" in name else 1, color=colour, label=title)
        if quantity == "seconds" and curve:
            low, high = (np.array([getattr(p, bound) for p in curve], dtype=float) for bound in ("low", "high"))
            axis.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
    axis.set_xscale("log", base=4)
    axis.set_yscale("log")
    axis.grid(alpha=0.3)
