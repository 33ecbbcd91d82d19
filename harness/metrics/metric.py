"""The specification of every score. A new metric needs a file that computes it and an entry in METRICS, nothing else.

Only scores by the paper's extractor under the paper's protocols are named FID, sFID and IS (harness.metrics.protocol). Any other
score has its proxy name and the label of its extractor, for example `fd/digits-cnn`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the report reads this registry and must not wait for torch
    from harness.metrics.scores import Comparison


@dataclass(frozen=True)
class Metric:
    """One score of generated images against a reference."""

    name: str  # key under a protocol of the paper
    proxy: str  # first part of the key anywhere else
    heading: str  # in tables and on axes, for `name`
    proxy_heading: str  # in tables and on axes, for `proxy`
    better: Literal["lower", "higher"]  # which values are better
    margin: float  # largest difference from the printed figure that counts as equal; unit: `margin_is`
    margin_is: Literal["share", "absolute"]  # of the printed figure, or in the score's own unit
    compute: Callable[["Comparison"], float | None]  # the value; None if the reference lacks what the score needs

    def half_width(self, printed: float) -> float:
        """The largest difference from `printed` within which a measurement counts as equal, in the score's unit."""
        return self.margin if self.margin_is == "absolute" else self.margin * printed

    def proxy_label(self, extractor: str) -> str:
        """The key of the score for an extractor with this label, such as `fd/digits-cnn`."""
        return f"{self.proxy}/{extractor}"

    def label_in(self, scores: Iterable[str]) -> str | None:
        """The key of this score among `scores`: its own name if there, else its proxy's. None if there is neither."""
        names = list(scores)
        if self.name in names:
            return self.name
        return next((name for name in names if name.startswith(f"{self.proxy}/")), None)


def _precision(comparison: "Comparison") -> float | None:
    found = comparison.precision_recall
    return None if found is None else found[0]


def _recall(comparison: "Comparison") -> float | None:
    found = comparison.precision_recall
    return None if found is None else found[1]


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("fid", "fd", "FID", "FD", "lower", 0.05, "share", lambda comparison: comparison.frechet("pool")),
        Metric("sfid", "sfd", "sFID", "sFD", "lower", 0.05, "share", lambda comparison: comparison.frechet("spatial")),
        Metric("is", "isx", "IS", "ISX", "higher", 0.02, "share", lambda comparison: comparison.inception_score),
        Metric("precision", "precision", "Precision", "Precision", "higher", 0.02, "absolute", _precision),
        Metric("recall", "recall", "Recall", "Recall", "higher", 0.02, "absolute", _recall),
    )
}


def metric_of(label: str) -> Metric | None:
    """The metric that a key of a record's scores belongs to: FID for both `fid` and `fd/digits-cnn`."""
    name = label.partition("/")[0]
    return METRICS.get(name) or next((metric for metric in METRICS.values() if metric.proxy == name), None)


def margin_words() -> str:
    """The margins in words: "5% of the printed FID or sFID, 2% of the printed IS, 0.02 in precision or recall"."""
    groups: dict[tuple[str, float], list[str]] = {}
    for metric in METRICS.values():
        groups.setdefault((metric.margin_is, metric.margin), []).append(metric.heading)
    words = []
    for (kind, margin), names in groups.items():
        joined = " or ".join(names)
        words.append(f"{margin:.0%} of the printed {joined}" if kind == "share" else f"{margin:g} in {joined.lower()}")
    return ", ".join(words)
