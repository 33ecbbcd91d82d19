"""What the figures share: colours by attention, and a logarithmic axis that reads like a plain one."""

import matplotlib

matplotlib.use("Agg")

import seaborn as sns
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

COLOURS = dict(
    zip(("lada", "swin", "lada-swin", "linformer", "fastformer", "dot-product"), sns.color_palette("colorblind"), strict=False)
)


def log_scale(axis: Axis) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5, which stays readable within one decade."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
