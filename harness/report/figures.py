"""All figures of a profile: the function that draws each, its caption, and whether it repeats on every machine."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from harness.records.store import Store
from harness.report.efficiency import data_efficiency
from harness.report.figure_5 import GROUPS, figure_5
from harness.report.losses import losses
from harness.report.plots import save, use_style
from harness.report.ranks import precision_against_recall, rank_against_rank
from harness.report.resolution import throughput_against_resolution
from harness.report.scatter import score_against_macs, score_against_time

FIGURES: dict[str, tuple[str, Callable[[Store], Figure | None]]] = {
    **{
        f"figure_5{group}": (f"Figure 5 ({group}): gradient norms and score, {title}", partial(figure_5, group=group))
        for group, (title, _) in GROUPS.items()
    },
    "score_against_macs": ("Score against multiply-accumulates of the full-size generators", score_against_macs),
    "losses": ("Losses of both networks and R1 over training, rows of Table I", losses),
    "rank_against_rank": ("Rank of Table I's rows here against their rank in print", rank_against_rank),
    "precision_against_recall": ("Precision against recall of Table I's rows", precision_against_recall),
    "data_efficiency": ("Data efficiency (Table III)", data_efficiency),
    "score_against_time": ("Score against measured time and energy of the full-size generators", score_against_time),
    "throughput_against_resolution": ("Throughput of every generator against resolution", throughput_against_resolution),
}
CAPTIONS = {name: caption for name, (caption, _) in FIGURES.items()}
MEASURED = ("score_against_time", "throughput_against_resolution")  # shows a time, which does not repeat on another machine


@dataclass(frozen=True)
class Drawn:
    """Files of the figures."""

    repeating: list[Path] = field(default_factory=list)  # the same bytes on every machine, from the same runs
    measured: list[Path] = field(default_factory=list)  # show a measured time


def draw_figures(store: Store) -> Drawn:
    """Writes every figure for which there are records to results/<profile>/figures, as PNG and SVG."""
    use_style()
    drawn = Drawn()
    for name, (_, draw) in FIGURES.items():
        figure = draw(store)
        if figure is not None:
            files = drawn.measured if name in MEASURED else drawn.repeating
            files += save(figure, store.folder / "figures" / name)
    return drawn
