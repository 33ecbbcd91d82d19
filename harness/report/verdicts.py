"""The rules by which a measured figure reproduces a printed one. They were fixed before any measurement.

Costs: the paper truncates, so a measured cost reproduces a printed one where truncating it to the printed digits gives
the printed figure. Figures that the paper copied from others may also have been rounded, and two rivals carry a stated
tolerance because the convention of their count is not published.

Scores: two one-sided tests (TOST, Schuirmann 1987) over independent training seeds, each at level ALPHA: equivalent
to the printed figure within its metric's margin where the (1 - 2 ALPHA) interval of the mean lies inside the margin.
The mean is over all seeds, never the best of them.

Scores of published weights: there is one network, so nothing can be said of other trainings. The printed figure is one draw of
latents and, where the reference is a part of its split, of that part; ours are others. Reproduced where the interval in which a
further draw lies, with probability 1 - 2 ALPHA, is inside the metric's margin around the printed figure. A checkpoint that is not
the one of the paper's figures, as far as both say, has no verdict but that.
"""

import math
from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from statistics import fmean, stdev

from harness.metrics.metric import METRICS, margin_words
from harness.paper import all_assumptions, assumptions, printed_tables

REPRODUCED, DIFFERS, INCONCLUSIVE = "reproduced", "differs", "inconclusive"
NOT_COMPARABLE, NOT_RUN, DIVERGED, NOT_PRINTED = "not comparable", "not run", "diverged", "-"
OTHER_CHECKPOINT = "another checkpoint"  # published weights that are not those of the printed figure
NO_CONFIGURATION = "no configuration"  # none was published, so nothing can be built
ABSENT = (NOT_RUN, NO_CONFIGURATION)

ALPHA = 0.05


def rules() -> list[str]:
    """Explains the verdicts to readers."""
    stated = [column for table in printed_tables().values() for column in table.columns.values()]
    tolerances = ", ".join(f"{share:.1%} for {column.heading}" for column in stated for share in column.tolerance.values())
    return [
        "Costs of LadaGAN: reproduced where the measured figure, cut to the printed digits, is the printed one; else differs.",
        "Costs of rivals: reproduced where cutting or rounding gives the printed figure, or the multiply-accumulates lie within "
        f"a stated share of it ({tolerances}); else differs.",
        f"Scores: two one-sided tests at 5% over all training seeds, against a margin of {margin_words()}. "
        "Reproduced where the 90% interval of the mean lies inside the margin, differs where it lies outside, inconclusive "
        "otherwise, and always with fewer than two seeds. Never the best of several.",
        f"Never better than inconclusive, because a number of the run is assumed: {_assumed()}.",
        "Scores of published weights: one network, scored for several draws of latents and, where the reference is a part of its "
        "split, of that part. Reproduced where the interval in which a further draw lies with 90% is inside the same margins, "
        "differs where it lies outside, inconclusive otherwise, and always with fewer than two draws. A checkpoint that saw "
        "another number of images than the paper prints, or is another network, is another checkpoint.",
        "Scores under another extractor, reference set or sample count are not comparable: no difference is shown.",
        "Throughput and images seen on another device or in another profile are not comparable.",
    ]


def truncate_like(value: float, printed: str) -> str:
    """`value` cut, not rounded, to the number of decimals in `printed`."""
    return _quantize(value, printed, ROUND_DOWN)


def cost_verdict(value: float, printed: str) -> str:
    """Verdict on a cost of LadaGAN. Both figures are in the printed unit."""
    if not _is_number(printed):
        return NOT_PRINTED
    return REPRODUCED if truncate_like(value, printed) == printed else DIFFERS


def rival_verdict(value: float, printed: str, tolerance: float = 0.0) -> str:
    """Verdict on a figure that the paper took from another paper: equal if cut, if rounded, or within a relative tolerance."""
    if not _is_number(printed):
        return NOT_PRINTED
    near = abs(value - float(printed)) <= tolerance * float(printed)
    return REPRODUCED if near or printed in (truncate_like(value, printed), _quantize(value, printed, ROUND_HALF_UP)) else DIFFERS


def interval(points: Sequence[float], alpha: float = ALPHA) -> tuple[float, float]:
    """The (1 - 2 alpha) Student interval of the mean. Infinite for fewer than two points."""
    if len(points) < 2:
        return -math.inf, math.inf
    from scipy.stats import t  # half a second to import, needed only with several seeds

    half = t.ppf(1 - alpha, len(points) - 1) * stdev(points) / math.sqrt(len(points))
    return fmean(points) - float(half), fmean(points) + float(half)


def draw_interval(points: Sequence[float], alpha: float = ALPHA) -> tuple[float, float]:
    """The (1 - 2 alpha) Student interval of one further point like at least two others; infinite for fewer."""
    low, high = interval(points, alpha)
    if len(points) < 2:
        return low, high
    mean, half = fmean(points), (high - low) / 2 * math.sqrt(len(points) + 1)
    return mean - half, mean + half


def score_verdict(points: Sequence[float], printed: str, metric: str) -> str:
    """Verdict on a score measured under the paper's own protocol, from all seeds."""
    return _within(interval(points), printed, metric) if _is_number(printed) else NOT_PRINTED


def published_verdict(points: Sequence[float], printed: str, metric: str, belongs: bool) -> str:
    """Verdict on a score of published weights under the paper's own protocol, from all draws.

    belongs: the checkpoint is that of the printed figure, as far as can be told."""
    if not _is_number(printed):
        return NOT_PRINTED
    return _within(draw_interval(points), printed, metric) if belongs else OTHER_CHECKPOINT


def _within(found: tuple[float, float], printed: str, metric: str) -> str:
    """Where an interval lies: inside the metric's margin around the printed figure, outside, or across its edge."""
    low, high = found
    centre = float(printed)
    half = METRICS[metric].half_width(centre)
    if centre - half <= low and high <= centre + half:
        return REPRODUCED
    return DIFFERS if high < centre - half or low > centre + half else INCONCLUSIVE


def within_assumptions(verdict: str, protocol: str | None) -> str:
    """A score's verdict, held to `inconclusive` if the run rests on a number that the paper does not print."""
    decided = verdict in (REPRODUCED, DIFFERS)
    return INCONCLUSIVE if decided and protocol is not None and assumptions(protocol) else verdict


def _assumed() -> str:
    return "; ".join(f"{entry['protocols'].replace(' ', ', ')} ({entry['statement']})" for entry in all_assumptions())


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _quantize(value: float, printed: str, rounding: str) -> str:
    return str(Decimal(repr(float(value))).quantize(Decimal(printed), rounding=rounding))
