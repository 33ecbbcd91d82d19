"""Curves of time and memory against the number of tokens, one panel per mode and width, and why a curve ends."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cost.probe import BACKWARD, MODES, R1
from harness.cost.scaling import Point
from harness.files import atomic_path

if TYPE_CHECKING:  # matplotlib takes a second to import
    from matplotlib.axes import Axes

MARKERS = "osv^D<>PXd*ph8"
DASHES = ("-", "--", ":")
MS, MIB = 1e3, 1 / 2**20  # from seconds, from bytes
ENDS = {"time": "t", "memory": "m"}  # by a word of the reason why the next point was skipped
ENDING = "A curve ends where its next point would take more time (t) or memory (m) than the run allowed."
WHOLE = ("num_heads", "num_tokens", "dim", "macs", "n", "peak_bytes")
REAL = ("seconds", "low", "high", "confidence")


def read_points(path: Path) -> list[Point]:
    """The points of an attention.csv, without their samples."""
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return [Point(**{name: _value(name, text) for name, text in row.items()}) for row in rows]


def _value(name: str, text: str) -> Any:
    if text == "":
        return None
    if name == "skipped":
        return text.removeprefix("skipped: ")
    return int(text) if name in WHOLE else float(text) if name in REAL else text


def draw_curves(points: list[Point], titles: dict[str, str], subtitle: str, paths: list[Path]) -> None:
    """Writes the figure to each of `paths`, in the format of its suffix: a row of times per mode, and a row of peak memory."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import seaborn as sns

    widths = sorted({(p.dim, p.num_heads) for p in points}, reverse=True)
    styles = _styles(list(titles), sns.color_palette("colorblind", 8))
    with plt.rc_context(
        {"svg.hashsalt": "attention", "svg.fonttype": "none", "font.size": 8, "font.sans-serif": ["DejaVu Sans"]}
    ):
        size = (4 * len(widths) + 2, 11.5)
        figure, axes = plt.subplots(len(MODES) + 1, len(widths), figsize=size, sharex=True, squeeze=False, layout="constrained")
        for column, (dim, num_heads) in enumerate(widths):
            for row, mode in enumerate(MODES):
                _panel(axes[row][column], points, titles, styles, (dim, mode, "seconds"), MS)
                axes[row][column].set_title(f"{mode}, width {dim}, {num_heads} heads")
            _panel(axes[-1][column], points, titles, styles, (dim, BACKWARD, "peak_bytes"), MIB)
            axes[-1][column].set(title=f"{BACKWARD}, width {dim}", xlabel="tokens N")
        for row, label in enumerate([*["milliseconds a pass"] * len(MODES), "peak memory (MiB)"]):
            axes[row][0].set_ylabel(label)
        figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside right center", frameon=False)
        figure.suptitle(
            f"Cost of one attention layer, batch 1, float32. {subtitle}\n{' '.join([ENDING, *_no_curve(points, titles)])}"
        )
        sns.despine(figure)
        for path in paths:
            metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=path.suffix[1:], dpi=110, metadata=metadata)
        plt.close(figure)


def _styles(names: list[str], colours: list) -> dict[str, dict[str, Any]]:
    """Lada thick and black, every other mechanism in a colour, dash and marker that no other one has together."""
    others = [name for name in names if name != "lada"]
    found = {
        name: {"color": colours[k % 8], "linestyle": DASHES[k // 8 % len(DASHES)], "marker": MARKERS[k % len(MARKERS)], "lw": 1.1}
        for k, name in enumerate(others)
    }
    return found | {"lada": {"color": "black", "linestyle": "-", "marker": "o", "lw": 2.2}}


def _no_curve(points: Iterable[Point], titles: dict[str, str]) -> list[str]:
    """A sentence on mechanisms without a curve of R1."""
    names = [titles[p.mechanism] for p in points if p.mode == R1 and p.skipped == "not twice differentiable"]
    return [f"Not twice differentiable, so without {R1}: {', '.join(dict.fromkeys(names))}."] if names else []


def _panel(
    axis: "Axes", points: list[Point], titles: dict[str, str], styles: dict[str, dict], what: tuple[int, str, str], unit: float
) -> None:
    dim, mode, quantity = what
    for name, title in titles.items():
        ladder = [p for p in points if (p.mechanism, p.dim, p.mode) == (name, dim, mode)]
        curve = [p for p in ladder if getattr(p, quantity)]
        x, y = [p.num_tokens for p in curve], [unit * getattr(p, quantity) for p in curve]
        axis.plot(x, y, ms=3.5, label=title, **styles[name])
        if quantity == "seconds" and curve:
            low, high = (unit * np.array([getattr(p, bound) for p in curve], dtype=float) for bound in ("low", "high"))
            axis.fill_between(x, low, high, color=styles[name]["color"], alpha=0.15, lw=0)
        reason = next((p.skipped for p in ladder if p.skipped), "") or ""
        letter = next((letter for word, letter in ENDS.items() if word in reason), "")
        if curve and letter:
            axis.annotate(letter, (x[-1], y[-1]), xytext=(4, 0), textcoords="offset points", fontsize=6, va="center")
    if any(np.size(line.get_xdata()) for line in axis.lines):
        _readable(axis, sorted({p.num_tokens for p in points}))
    else:
        axis.text(0.5, 0.5, "nothing measured", ha="center", transform=axis.transAxes)
        axis.set_yticks([])


def _readable(axis: "Axes", tokens: list[int]) -> None:
    """Logarithmic axes with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    axis.set(xscale="log", yscale="log")
    axis.set_xticks(tokens, [f"{count:,}" for count in tokens], rotation=30)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.grid(alpha=0.3)
