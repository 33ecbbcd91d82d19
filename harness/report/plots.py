"""Shared by all figures: one style, colours and markers by attention, readable axes, files that repeat."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.axis import XAxis, YAxis
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from harness.files import atomic_path
from harness.metrics.metric import metric_of

DEEP = ("#4C72B0", "#DD8452", "#55A868", "#C44E52", "#8172B3", "#937860", "#DA8BC3", "#8C8C8C", "#CCB974", "#64B5CD")
SCALE = 0.8  # of the sizes on a screen
SIZES = {  # points of 1/72 inch
    "font.size": 12,
    "axes.labelsize": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.fontsize": 11,
    "legend.title_fontsize": 12,
    "axes.linewidth": 1.25,
    "lines.linewidth": 1.5,
    "lines.markersize": 6,
    "xtick.major.size": 6,
    "ytick.major.size": 6,
    "xtick.minor.size": 4,
    "ytick.minor.size": 4,
    "xtick.major.width": 1.25,
    "ytick.major.width": 1.25,
    "xtick.minor.width": 1,
    "ytick.minor.width": 1,
}
GREY = ".15"  # ink of axes and letters
STYLE = {  # seaborn's `ticks` for paper; seaborn itself takes seconds to import
    **{name: size * SCALE for name, size in SIZES.items()},
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "text.color": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=DEEP),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "legend.frameon": False,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "patch.linewidth": SCALE,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib
    "mathtext.fontset": "dejavusans",
    "figure.dpi": 100,
    "svg.hashsalt": "harness",  # makes element ids the same in every run
}
COLOURS = ("#0173B2", "#DE8F05", "#029E73", "#D55E00", "#CC78BC", "#CA9161", "#FBAFE4", "#949494", "#ECE133", "#56B4E9")
KNOWN = ("lada", "swin", "lada-swin", "linformer", "fastformer", "dot-product")  # always have the same colours
MARKERS = "osD^vP*X<>pdh8"


def use_style() -> None:
    """Sets the style of all later figures."""
    matplotlib.rcParams.update(STYLE)


def looks(attentions: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{attention: colour and marker}. The paper's mechanisms always have the same; others come after them."""
    names = [*KNOWN, *sorted(set(attentions) - set(KNOWN))]
    colours = [*COLOURS[:8], *_more_colours(len(names) - 8)]
    return {name: {"color": colours[k], "marker": MARKERS[k % len(MARKERS)]} for k, name in enumerate(names)}


def _more_colours(count: int) -> list[Any]:
    if count < 1:
        return []
    import seaborn as sns  # seconds, which few reports need

    return list(sns.color_palette("husl", count))


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


def lay_out(figure: Figure) -> None:
    """Places axes, legends and titles, as drawing would, without drawing."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)


def save(figure: Figure, stem: Path) -> list[Path]:
    """Writes stem.png and stem.svg without dates and software versions. The same records give the same bytes.

    The edges are found here, because matplotlib's own `tight` draws each picture twice."""
    lay_out(figure)
    figure.set_layout_engine(None)  # once, not for each file
    png, svg = stem.with_suffix(".png"), stem.with_suffix(".svg")
    _write(figure, png, figure.get_tightbbox(), {"Software": None})
    figure.dpi = 72  # of every SVG
    renderer = RendererSVG(figure.bbox.width, figure.bbox.height, io.StringIO())
    _write(figure, svg, figure.get_tightbbox(renderer), {"Date": None, "Creator": None})
    plt.close(figure)
    return [png, svg]


def _write(figure: Figure, path: Path, edges: Bbox, metadata: dict[str, None]) -> None:
    edges = edges.padded(matplotlib.rcParams["savefig.pad_inches"])
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], metadata=metadata, dpi=figure.dpi, bbox_inches=edges)
