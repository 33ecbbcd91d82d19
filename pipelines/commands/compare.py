"""`ladabench compare A B`: shows two result sets side by side, with differences and their significance.

A and B are profiles (`digits`) or result folders (`../other/results/digits`): two machines, two commits, two profiles.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from harness.errors import HarnessError, run_command
from harness.records.models import CostRecord
from harness.records.parts import Process, Rate
from harness.records.store import RESULTS, Store, load_store
from harness.report.text import markdown_text

LEVEL = 0.05  # of Welch's test
HEADINGS = ["row", "protocol", "metric", "A", "B", "B - A", "B / A", "significance"]


def main() -> None:
    """Prints scores by table row and costs by network, as Markdown."""
    parser = argparse.ArgumentParser(
        prog="ladabench compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", metavar="A", help="a profile, or a folder results/<profile> of any clone")
    parser.add_argument("second", metavar="B", help="the same")
    args = parser.parse_args()
    first, second = result_set(args.first), result_set(args.second)
    for name, store in (("A", first), ("B", second)):
        held = f"{len(store.scores)} runs, {len(store.costs)} networks, commits {', '.join(_commits(store))}"
        print(f"{name}: {store.folder}, {held}; {'; '.join(machines(store)) or 'no machine is recorded'}\n")
    for title, rows in (("Scores", compare_scores(first, second)), ("Costs", compare_costs(first, second))):
        print(f"**{title}**\n\n{markdown_text(HEADINGS, rows)}" if rows else f"**{title}**: nothing in both\n")


def result_set(name: str) -> Store:
    """The records of a profile, or of a folder results/<profile>."""
    path = Path(name)
    if path.is_dir() and (path / "records").is_dir():
        return load_store(path.resolve().name, path.resolve().parent)
    if not (RESULTS / name).is_dir():
        raise HarnessError(f"{name!r} is neither a profile with results nor a folder with records; expected e.g. digits")
    return load_store(name)


def _processes(store: Store) -> list[Process]:
    """Every process that worked on a store's results."""
    processes = [process for measured in store.measurements.values() for process in measured.processes]
    return processes + [measured.process for measured in store.throughputs.values()]


def _commits(store: Store) -> list[str]:
    return sorted({(process.git.commit or "unknown")[:12] for process in _processes(store)})


def machines(store: Store) -> list[str]:
    """`CPU AMD EPYC (AVX2, AVX-512), 2 cores, 2026-11-25 to 2026-11-26`, one entry a machine."""
    days: dict[str, list[str]] = {}
    for process in _processes(store):
        name = f"{process.device} ({process.instruction_sets}), {process.cores} cores"
        days.setdefault(name, []).append(process.started[:10])
    return [f"{name}, {' to '.join(dict.fromkeys((min(found), max(found))))}" for name, found in sorted(days.items())]


Key = tuple[str, str, str, str]  # printed row or cell, protocol, metric label, sha256 of the extractor's weights


def _points(store: Store) -> dict[Key, list[float]]:
    """One value per seed for every score. Scores from other features count as other scores, even with the same label."""
    points: dict[Key, list[float]] = {}
    for record in store.scores.values():
        for row in record.rows or [record.cell]:
            for protocol, scores in record.metrics.items():
                for label, value in scores.items():
                    points.setdefault((row, protocol, label, record.extractor.sha256), []).append(value)
    return points


def compare_scores(first: Store, second: Store) -> list[list[str]]:
    """One row per score in either set. A score from other features is another metric and has its own row."""
    left, right = _points(first), _points(second)
    keys = sorted(left.keys() | right.keys(), key=lambda key: (_order(key[0]), key[1:]))
    return [[*key[:3], *_columns(left.get(key, []), right.get(key, []))] for key in keys]


def _order(row: str) -> tuple:
    number, _, index = row.partition(":")
    return (0, int(number), int(index), "") if index else (1, 0, 0, row)


def _columns(left: Sequence[float], right: Sequence[float]) -> list[str]:
    texts = [
        f"{fmean(points):.4g}{f' ({len(points)} seeds)' if len(points) > 1 else ''}" if points else "not run"
        for points in (left, right)
    ]
    if not left or not right:
        return [*texts, "-", "-", "nothing to compare"]
    a, b = fmean(left), fmean(right)
    ratio = f"{b / a:.3f}" if a else "-"
    return [*texts, f"{b - a:+.4g}", ratio, significance(left, right)]


def significance(left: Sequence[float], right: Sequence[float]) -> str:
    """Welch's test of equal means over seeds. It needs at least two runs on each side."""
    if list(left) == list(right):
        return "identical"
    if min(len(left), len(right)) < 2:
        return "one seed: no test"
    from scipy.stats import ttest_ind

    p = float(ttest_ind(left, right, equal_var=False).pvalue)
    if math.isnan(p):
        return "identical"
    return f"p = {p:.2g}: {'differs' if p < LEVEL else 'no difference shown'}"


def compare_costs(first: Store, second: Store) -> list[list[str]]:
    """Compares costs. Counts must be equal. Throughputs differ if the ranges of their repeats do not overlap."""
    rows = []
    for network in sorted(first.costs.keys() & second.costs.keys()):
        left, right = _counts(first.costs[network]), _counts(second.costs[network])
        rows += [_count_row(network, name, left[name], right[name]) for name in left.keys() & right.keys()]
    for network in sorted(first.throughputs.keys() & second.throughputs.keys()):
        a, b = first.throughputs[network].rates, second.throughputs[network].rates
        rows += [_rate_row(network, batch, a[batch], b[batch]) for batch in a.keys() & b.keys()]
    return sorted(rows)


def _counts(cost: CostRecord) -> dict[str, int]:
    counts = {"params": cost.params, "MAC true": cost.macs.true, "MAC printed_convention": cost.macs.printed_convention}
    return {name: count for name, count in counts.items() if count is not None}


def _count_row(network: str, name: str, a: int, b: int) -> list[str]:
    ratio = f"{b / a:.3f}" if a else "-"
    return [network, "-", name, f"{a:,}", f"{b:,}", f"{b - a:+,}", ratio, "equal" if a == b else "differs"]


def _rate_row(network: str, batch: str, a: Rate, b: Rate) -> list[str]:
    apart = a.high < b.low or b.high < a.low
    medians = [f"{a.median:.4g}", f"{b.median:.4g}", f"{b.median - a.median:+.4g}", f"{b.median / a.median:.3f}"]
    return [network, f"batch {batch}", "evaluations/s", *medians, "ranges apart" if apart else "ranges overlap"]


if __name__ == "__main__":
    run_command(main)
