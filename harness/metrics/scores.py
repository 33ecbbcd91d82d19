"""Computes all of a protocol's scores from features, and names them as their comparability allows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.errors import HarnessError
from harness.metrics.adm import StoredReference
from harness.metrics.features import Features
from harness.metrics.frechet import frechet_distance, frechet_from_features
from harness.metrics.inception_score import inception_score
from harness.metrics.metric import METRICS
from harness.metrics.precision_recall import precision_recall
from harness.metrics.protocol import Protocol, comparability, score_key


@dataclass(frozen=True)
class Comparison:
    """Everything that a metric can use."""

    generated: Features
    reference: Features | StoredReference
    protocol: Protocol
    device: str = "cpu"  # on which to compute distances between features

    def frechet(self, part: str) -> float:
        """Squared Frechet distance between the `pool` or `spatial` features."""
        return frechet(self.generated, self.reference, part)

    @cached_property
    def inception_score(self) -> float:
        """Mean over the protocol's chunks."""
        return inception_score(self.generated.logits, self.protocol.is_chunk, self.protocol.is_order == "shuffled")[0]

    @cached_property
    def precision_recall(self) -> tuple[float, float] | None:
        """Both scores, because they share their distances. None if the reference has only statistics."""
        k, pool = self.protocol.neighbours, self.reference.pool
        if pool is None:
            return None
        radii = self.reference.radii(k, self.device) if isinstance(self.reference, Features) else None
        return precision_recall(self.generated.pool, pool, k, device=self.device, reference_radii=radii)


def scores(
    generated: Features, reference: Features | StoredReference, protocol: Protocol, device: str = "cpu"
) -> dict[str, float]:
    """The protocol's scores by key: `fid`, `sfid`, `is`, `precision`, `recall` if they are comparable with the paper,
    otherwise `fd/<label>`, `sfd/<label>`, `isx/<label>`, `precision/<label>`, `recall/<label>`.

    Without the reference's images there are no precision and recall. Their distances are computed on `device`.
    """
    level, _ = judge(generated, reference, protocol)
    protocol.check_counts(len(generated), len(reference))
    values = raw_scores(generated, reference, protocol, device)
    return {score_key(name, generated.label, level): value for name, value in values.items()}


def judge(generated: Features, reference: Features | StoredReference, protocol: Protocol) -> tuple[str, list[str]]:
    """Comparability of these two sets of features under the protocol: level and reasons."""
    if generated.label != reference.label:
        raise HarnessError(f"given features of {generated.label} and {reference.label}; use one extractor for both sets")
    doubts = (*generated.doubts, *reference.doubts, *shape_doubts(generated.image_shape, reference.image_shape, protocol))
    return comparability(protocol, generated.label, len(generated), len(reference), doubts)


def shape_doubts(generated: Sequence[int] | None, reference: Sequence[int] | None, protocol: Protocol) -> list[str]:
    """Says where the pictures' (channels, height, width) differ from the protocol's or from each other. None if unknown."""
    doubts = []
    side = protocol.resolution
    for kind, shape in (("generated", generated), ("reference", reference)):
        if side and shape and tuple(shape) != (3, side, side):
            doubts.append(f"{kind} pictures are {_shown(shape)}, the protocol's are {_shown((3, side, side))}")
    if generated and reference and tuple(generated) != tuple(reference):
        doubts.append(f"generated pictures are {_shown(generated)}, the reference's are {_shown(reference)}")
    return doubts


def _shown(shape: Sequence[int]) -> str:
    channels, height, width = shape
    return f"{width}x{height} pixels in {'grey' if channels == 1 else f'{channels} channels'}"


def raw_scores(
    generated: Features, reference: Features | StoredReference, protocol: Protocol, device: str = "cpu"
) -> dict[str, float]:
    """The protocol's scores by bare name, such as `fid`, whether comparable or not. Never print these names."""
    comparison = Comparison(generated, reference, protocol, device)
    values = {name: metric.compute(comparison) for name, metric in METRICS.items() if name in protocol.scores}
    return {name: value for name, value in values.items() if value is not None}


def frechet(generated: Features, reference: Features | StoredReference, part: str) -> float:
    """Squared Frechet distance between the `pool` or `spatial` features of two sets."""
    x, y = getattr(generated, part), getattr(reference, part)
    if y is not None and min(len(x), len(y)) <= x.shape[1] and not isinstance(reference, StoredReference):
        return frechet_from_features(x, y)
    return frechet_distance(generated.statistics(part), reference.statistics(part))


def over_seeds(runs: Sequence[Mapping[str, float]], summary: Callable[[list[float]], float]) -> dict[str, float]:
    """Summarises every score over several runs, by a mean or a standard deviation.

    HarnessError if the runs do not have the same scores.
    """
    if not runs or any(set(run) != set(runs[0]) for run in runs):
        raise HarnessError("given no runs, or runs with different scores; expected the same scores of every seed")
    return {label: summary([run[label] for run in runs]) for label in runs[0]}
