"""What the figures share: one style, colours and markers by attention, axes that can be read, files that repeat."""

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

STYLE = {
    "svg.hashsalt": "harness",  # element ids that do not change from run to run
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # the one that matplotlib brings along
    "mathtext.fontset": "dejavusans",
    "axes.titlesize": "medium",
    "legend.frameon": False,
    "figure.dpi": 100,
}
KNOWN = ("lada", "swin", "lada-swin", "linformer", "fastformer", "dot-product")  # keep their colours whatever else is drawn
MARKERS = "osD^vP*X<>pdh8"


def use_style() -> None:
    """Sets the style of every figure drawn from here on."""
    sns.set_theme(style="ticks", context="paper", rc=STYLE)


def looks(attentions: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{attention: colour and marker}: the paper's mechanisms always look the same, others follow them."""
    names = [*KNOWN, *sorted(set(attentions) - set(KNOWN))]
    colours = [*sns.color_palette("colorblind", 8), *sns.color_palette("husl", max(1, len(names) - 8))]
    return {name: {"color": colours[k], "marker": MARKERS[k % len(MARKERS)]} for k, name in enumerate(names)}


def rounded(value: float) -> float:
    """`value` at six digits: what is drawn must not hang on the last bit of a sum."""
    return float(f"{value:.6g}")


def plain(text: str) -> str:
    """Text of a record as matplotlib shows it: a dollar sign begins no formula."""
    return " ".join(text.split()).replace("$", r"\$")


def log_scale(axis: XAxis | YAxis) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5, which stays readable within one decade."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())


def save(figure: Figure, stem: Path) -> list[Path]:
    """Writes stem.png and stem.svg without dates or software versions, so that the same records give the same bytes."""
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None, "Creator": None})):
        with atomic_path(stem.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, format=suffix[1:], metadata=metadata, bbox_inches="tight")
    plt.close(figure)
    return [stem.with_suffix(".png"), stem.with_suffix(".svg")]
