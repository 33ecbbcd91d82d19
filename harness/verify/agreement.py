"""Tells how two sets of scores of one cell agree: bit for bit, within the spread over seeds, or not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from harness.records.models import ScoreRecord, Scores
from harness.records.store import Store

LEVEL = 0.95  # of the prediction interval
IDENTICAL, INSIDE, OUTSIDE, UNKNOWN, MISSING = "bit-identical", "inside", "outside", "no interval", "missing"


@dataclass(frozen=True)
class Agreement:
    """One score, as recorded and as found now."""

    label: str
    recorded: float | None
    found: float | None
    kind: str  # IDENTICAL, INSIDE, OUTSIDE, UNKNOWN or MISSING
    points: Sequence[float] = ()  # scores of the seeds that the interval is computed from

    def __str__(self) -> str:
        values = " -> ".join("none" if value is None else f"{value:.6g}" for value in (self.recorded, self.found))
        return f"{self.label} {values}: {self.verdict}"

    @property
    def verdict(self) -> str:
        """The kind in words, with the relative difference and the interval."""
        if self.kind in (IDENTICAL, MISSING):
            return {IDENTICAL: "bit-identical", MISSING: "only one side has it"}[self.kind]
        share = f"differs by {self.share:.2%}"
        if self.kind == UNKNOWN:
            return f"{share} (one seed has no interval; give several --seeds)"
        low, high = prediction_interval(self.points)
        return f"{share}, {self.kind} the 95% prediction interval {low:.6g} to {high:.6g} of {len(self.points)} seeds"

    @property
    def share(self) -> float:
        """The difference as a share of the recorded value. Infinite if that is zero."""
        if self.recorded is None or self.found is None:
            return math.inf
        return abs(self.found - self.recorded) / abs(self.recorded) if self.recorded else math.inf


def agreements(recorded: Scores, found: Scores, seeds: Sequence[Scores] = ()) -> list[Agreement]:
    """One agreement per score of either side. seeds: scores of other seeds of the cell, from which the interval is computed."""
    left, right = flat(recorded), flat(found)
    spread = [flat(scores) for scores in seeds]
    return [_agreement(label, left.get(label), right.get(label), spread) for label in dict.fromkeys([*left, *right])]


def of_seeds(recorded: Scores, repeats: Sequence[Scores]) -> list[Agreement]:
    """One agreement per score: whether the recorded value is inside the interval of repetitions with other seeds."""
    left, spread = flat(recorded), [flat(scores) for scores in repeats]
    found = []
    for label in dict.fromkeys([*left, *(name for scores in spread for name in scores)]):
        value, points = left.get(label), [scores[label] for scores in spread if label in scores]
        if value is None or len(points) < len(repeats):
            found.append(Agreement(label, value, None, MISSING))
        elif len(points) < 2:
            found.append(Agreement(label, value, points[0], UNKNOWN))
        else:
            low, high = prediction_interval(points)
            found.append(Agreement(label, value, fmean(points), INSIDE if low <= value <= high else OUTSIDE, points))
    return found


def _agreement(label: str, recorded: float | None, found: float | None, spread: list[dict[str, float]]) -> Agreement:
    if recorded is None or found is None:
        return Agreement(label, recorded, found, MISSING)
    if recorded == found:
        return Agreement(label, recorded, found, IDENTICAL)
    points = [scores[label] for scores in spread if label in scores]
    if len(points) < 2:
        return Agreement(label, recorded, found, UNKNOWN)
    low, high = prediction_interval(points)
    return Agreement(label, recorded, found, INSIDE if low <= found <= high else OUTSIDE, points)


def flat(scores: Scores) -> dict[str, float]:
    """{"protocol label": value}."""
    return {f"{protocol} {label}": value for protocol, found in scores.items() for label, value in found.items()}


def prediction_interval(points: Sequence[float], level: float = LEVEL) -> tuple[float, float]:
    """The interval that contains one more independent run with probability `level` (Student's t). Needs two points."""
    from scipy.stats import t

    half = float(t.ppf((1 + level) / 2, len(points) - 1)) * stdev(points) * math.sqrt(1 + 1 / len(points))
    return fmean(points) - half, fmean(points) + half


def other_seeds(record: ScoreRecord, stores: Sequence[Store]) -> list[ScoreRecord]:
    """Other records, in any profile, that differ only in the seed. Each seed counts once.

    A record with the same seed in another profile counts too. Only the record itself does not, because it is compared with these.
    """
    found: dict[int, ScoreRecord] = {}
    for store in stores:
        for other in store.scores.values():
            itself = (other.profile, other.cell) == (record.profile, record.cell)
            if not itself and other.status == "ok" and _but_seed(other) == _but_seed(record):
                found.setdefault(other.seed, other)
    return list(found.values())


def _but_seed(record: ScoreRecord) -> tuple[object, ...]:
    train = {key: value for key, value in record.config.get("train", {}).items() if key != "seed"}
    return record.config | {"train": train}, record.data, record.extractor.sha256
