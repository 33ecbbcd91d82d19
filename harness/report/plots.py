"""Shared by all figures: one style, colours and markers by attention, readable axes, files that repeat."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axis import XAxis, YAxis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from harness.files import atomic_path
from harness.metrics.metric import metric_of

STYLE = {
    "svg.hashsalt": "harness",  # makes element ids the same in every run
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib
    "mathtext.fontset": "dejavusans",
    "axes.titlesize": "medium",
    "legend.frameon": False,
    "figure.dpi": 100,
}
KNOWN = ("lada", "swin", "lada-swin", "linformer", "fastformer", "dot-product")  # always have the same colours
MARKERS = "osD^vP*X<>pdh8"


def use_style() -> None:
    """Sets the style of all later figures."""
    sns.set_theme(style="ticks", context="paper", rc=STYLE)


def looks(attentions: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{attention: colour and marker}. The paper's mechanisms always have the same; others come after them."""
    names = [*KNOWN, *sorted(set(attentions) - set(KNOWN))]
    colours = [*sns.color_palette("colorblind", 8), *sns.color_palette("husl", max(1, len(names) - 8))]
    return {name: {"color": colours[k], "marker": MARKERS[k % len(MARKERS)]} for k, name in enumerate(names)}


def score_words(label: str) -> str:
    """A key of a record's scores in the words of an axis: `FD of digits-cnn features (lower is better)`."""
    metric, extractor = metric_of(label), label.partition("/")[2]
    if metric is None:
        return plain(label)
    name = f"{metric.proxy_heading} of {extractor} features" if extractor else metric.heading
    return plain(f"{name} ({metric.better} is better)")


def rounded(value: float) -> float:
    """`value` with six digits, so that a figure does not depend on the last bit of a sum."""
    return float(f"{value:.6g}")


def plain(text: str) -> str:
    """Text of a record for matplotlib. Escapes dollar signs, which would start a formula."""
    return " ".join(text.split()).replace("$", r"\$")


def log_scale(axis: XAxis | YAxis) -> None:
    """Makes an axis logarithmic, with plain numbers at 1, 2 and 5, so that it is readable even within one decade."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())


def save(figure: Figure, stem: Path) -> list[Path]:
    """Writes stem.png and stem.svg without dates and software versions. The same records give the same bytes."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once: four more times, for two files, took most of a report's time
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None, "Creator": None})):
        with atomic_path(stem.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, format=suffix[1:], metadata=metadata, bbox_inches="tight")
    plt.close(figure)
    return [stem.with_suffix(".png"), stem.with_suffix(".svg")]
