"""All of a protocol's scores from the features of one pass, under the names they may bear."""

from harness.errors import HarnessError
from harness.metrics.adm import StoredReference
from harness.metrics.features import Features
from harness.metrics.frechet import frechet_distance, frechet_from_features
from harness.metrics.inception_score import inception_score
from harness.metrics.precision_recall import precision_recall
from harness.metrics.protocol import Protocol, comparability, score_key

FRECHET = {"fid": "pool", "sfid": "spatial"}


def scores(
    generated: Features, reference: Features | StoredReference, protocol: Protocol, device: str = "cpu"
) -> dict[str, float]:
    """The protocol's scores, keyed `fid`, `sfid`, `is`, `precision`, `recall` where they are comparable with the paper,
    otherwise `fd/<label>`, `sfd/<label>`, `isx/<label>`, `precision/<label>`, `recall/<label>`.

    A reference that is only statistics has no precision and recall. `device` is where the distances of these are computed.
    """
    level, _ = judge(generated, reference, protocol)
    protocol.check_counts(len(generated), len(reference))
    values = raw_scores(generated, reference, protocol, device)
    return {score_key(name, generated.label, level): value for name, value in values.items()}


def judge(generated: Features, reference: Features | StoredReference, protocol: Protocol) -> tuple[str, list[str]]:
    """Comparability of these two sets of features under the protocol: level and reasons."""
    if generated.label != reference.label:
        raise HarnessError(f"given features of {generated.label} and {reference.label}; use one extractor for both sets")
    doubts = (*generated.doubts, *reference.doubts)
    return comparability(protocol, generated.label, len(generated), len(reference), doubts)


def raw_scores(
    generated: Features, reference: Features | StoredReference, protocol: Protocol, device: str = "cpu"
) -> dict[str, float]:
    """The protocol's scores under their bare names; not for printing."""
    values = {name: frechet(generated, reference, part) for name, part in FRECHET.items() if name in protocol.scores}
    if "is" in protocol.scores:
        values["is"] = inception_score(generated.logits, protocol.is_chunk)[0]
    if {"precision", "recall"} & set(protocol.scores) and reference.pool is not None:
        found = precision_recall(generated.pool, reference.pool, protocol.neighbours, device=device)
        values["precision"], values["recall"] = found
    return values


def frechet(generated: Features, reference: Features | StoredReference, part: str) -> float:
    """Squared Frechet distance between the `pool` or `spatial` features of two sets."""
    x, y = getattr(generated, part), getattr(reference, part)
    if y is not None and min(len(x), len(y)) <= x.shape[1] and not isinstance(reference, StoredReference):
        return frechet_from_features(x, y)
    return frechet_distance(generated.statistics(part), reference.statistics(part))
