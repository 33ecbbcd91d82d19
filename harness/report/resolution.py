"""Throughput of every measured generator against resolution."""

import re
from itertools import cycle

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from harness.cost.names import is_rival
from harness.records.store import Store
from harness.report.cost_cells import images_per_second
from harness.report.plots import MARKERS, log_scale, plain

DASHES = ("-", "--", ":", "-.")
OWN = re.compile(r"g(\d+)-(lada-conv)")  # the paper's generator; its other variants stand in Table I at one resolution
RIVAL = re.compile(r"(.+)-(\d+)")


def throughput_against_resolution(store: Store) -> Figure | None:
    """Draws images a second at the best batch; one line a generator. None where nothing was timed."""
    families = timed(store)
    if not families:
        return None
    figure, axis = plt.subplots(figsize=(8.5, 5.2), layout="constrained")
    colours = sns.color_palette("colorblind", 10)
    for index, ((family, points), marker) in enumerate(zip(families.items(), cycle(MARKERS))):
        own = family == "lada-conv"
        colour, width = ("black", 2.0) if own else (colours[index % len(colours)], 1.1)
        dash = "-" if own else DASHES[index // len(colours) % len(DASHES)]
        name = "LadaGAN" if own else plain(family)
        x, y = zip(*points, strict=True)
        axis.plot(x, y, dash, marker=marker, markersize=5, label=name, color=colour, linewidth=width)
    axis.set(xlabel="resolution (pixels a side)", ylabel="images a second, best batch, all steps of the sampler")
    log_scale(axis.yaxis)
    axis.set_xscale("log", base=2)
    sides = sorted({x for points in families.values() for x, _ in points})
    axis.set_xticks(sides, [str(side) for side in sides])
    axis.minorticks_off()
    figure.legend(*axis.get_legend_handles_labels(), loc="outside right upper", ncols=1)
    where = sorted({f"{record.process.device}, {record.process.started[:10]}" for record in store.throughputs.values()})
    figure.suptitle(f"Throughput against resolution, measured on {plain('; '.join(where))}")
    sns.despine(figure)
    return figure


def timed(store: Store) -> dict[str, list[tuple[int, float]]]:
    """{generator: [(resolution, images a second)]}, the paper's own first."""
    found: dict[str, list[tuple[int, float]]] = {}
    for name, record in store.costs.items():
        rate, own = images_per_second(record, store.throughputs.get(name)), OWN.fullmatch(name)
        if rate is None or record.resolution is None or not (own or is_rival(name)):
            continue
        rival = RIVAL.fullmatch(name)
        family = own[2] if own else rival[1] if rival else name
        found.setdefault(family, []).append((record.resolution, rate))
    return {family: sorted(found[family]) for family in sorted(found, key=lambda name: (name != "lada-conv", name))}
