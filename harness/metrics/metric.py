"""Every score as one specification. A new metric is a file that computes it and an entry of METRICS here, nothing else.

The words FID, sFID and IS belong to one extractor and to the paper's protocols (harness.metrics.protocol); any other score bears
its proxy name and the label of its extractor, for example `fd/digits-cnn`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the report reads this registry and must not wait for torch
    from harness.metrics.scores import Comparison


@dataclass(frozen=True)
class Metric:
    """One score of generated images against a reference.

    `name` is its key under a protocol of the paper, `proxy` its key anywhere else. `heading` and `proxy_heading` are the words of
    tables and axes. Two values count as the same within `margin`, which is a share of the printed figure or absolute.
    `compute` gives the value, or None where the reference does not hold what the score needs.
    """

    name: str
    proxy: str
    heading: str
    proxy_heading: str
    better: Literal["lower", "higher"]
    margin: float
    margin_is: Literal["share", "absolute"]
    compute: Callable[["Comparison"], float | None]

    def half_width(self, printed: float) -> float:
        """Half the width of the band around `printed` within which a measurement counts as the same."""
        return self.margin if self.margin_is == "absolute" else self.margin * printed

    def proxy_label(self, extractor: str) -> str:
        """`fd/digits-cnn`, the key of the score on the features of the extractor with this label."""
        return f"{self.proxy}/{extractor}"

    def label_in(self, scores: Iterable[str]) -> str | None:
        """The key under which the score stands among `scores`: its own name first, then its proxy; None where it does not."""
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
    """The metric that a key of a record's scores belongs to: `fid` and `fd/digits-cnn` are both FID's."""
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
