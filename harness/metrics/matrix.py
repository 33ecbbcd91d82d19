"""The evaluator matrix: scores of the same samples under other protocols that papers use, beside the headline score.

It shows how much of a difference between two printed scores can come from the protocol. Only the first row follows the protocol.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from harness.data.draws import drawn_indices
from harness.data.views import BicubicResized, Images
from harness.metrics.extractors import Extractor
from harness.metrics.features import Features, features
from harness.metrics.precision_recall import precision_recall
from harness.metrics.protocol import SUBSET_SEED, Protocol, score_key
from harness.metrics.scores import judge, scores

COUNTS = (10_000, 50_000)  # the sample counts that papers use


@dataclass(frozen=True)
class MatrixInput:
    """The images that the rows are made from. If one is None, its row says that it is not available."""

    generated: Images
    reference: Images
    other_reference: Images | None = None  # the other split of the protocol's dataset
    rounded: Images | None = None  # the generated images rounded to uint8 instead of truncated


def evaluator_matrix(
    given: MatrixInput, extractor: Extractor, protocol: Protocol, batch_size: int = 64
) -> list[dict[str, object]]:
    """Rows {"row", "what differs", "comparability", "reasons", "scores"}. A row that cannot be made has "not available"."""

    def extract(images: Images) -> Features:
        return features(images, extractor, batch_size)

    seen, reference = extract(given.generated), extract(given.reference)
    rows = [_row("headline", "nothing", seen, reference, protocol)]
    other = "test" if protocol.reference_split == "train" else "train"
    difference = f"reference is the {other} split"
    rows.append(_optional("reference split", difference, given.other_reference, lambda x: (seen, extract(x)), protocol))
    for count in _other_counts(len(seen)):
        drawn = seen[drawn_indices(len(seen), count, SUBSET_SEED)]  # random ones, because files may be sorted by class
        rows += [_row("sample count", f"{count} generated images", drawn, reference, protocol)]
    rows.append(_resized(given, extractor, protocol, extract))
    rows.append(_optional("uint8", "rounded, not truncated", given.rounded, lambda x: (extract(x), reference), protocol))
    rows.append(_half(seen, reference, protocol))
    return rows


def _row(name: str, difference: str, seen: Features, reference: Features, protocol: Protocol) -> dict[str, object]:
    if name != "headline":
        doubt = f"evaluator matrix: {difference}"
        seen, protocol = replace(seen, doubts=(*seen.doubts, doubt)), _with_counts_of(protocol, seen, reference)
    level, reasons = judge(seen, reference, protocol)
    found = scores(seen, reference, protocol)
    return {"row": name, "what differs": difference, "comparability": level, "reasons": reasons, "scores": found}


def _optional(
    name: str, difference: str, images: Images | None, pair: Callable[[Images], tuple[Features, Features]], protocol: Protocol
) -> dict[str, object]:
    if images is None:
        return {"row": name, "what differs": difference, "not available": "no such images were given"}
    return _row(name, difference, *pair(images), protocol)


def _with_counts_of(protocol: Protocol, seen: Features, reference: Features) -> Protocol:
    """The protocol with the counts of these images. The Inception score keeps its chunks if they still fit."""
    chunk = protocol.is_chunk if protocol.is_chunk and len(seen) % protocol.is_chunk == 0 else None
    return replace(protocol, generated=len(seen), reference=len(reference), is_chunk=chunk)


def _other_counts(count: int) -> Iterator[int]:
    """The usual counts below `count`, or a fifth of `count` if there are none."""
    smaller = [other for other in COUNTS if other < count]
    yield from smaller or [max(2, count // 5)]


def _resized(
    given: MatrixInput, extractor: Extractor, protocol: Protocol, extract: Callable[[Images], Features]
) -> dict[str, object]:
    size = extractor.module.resolution
    difference = f"PIL bicubic resize to {size}, rounded to uint8, in place of TensorFlow 1's bilinear"
    if given.generated.shape[2:] == given.reference.shape[2:] == (size, size):
        return {"row": "resize", "what differs": difference, "not available": "the images need no resize"}
    seen, reference = (extract(BicubicResized(images, size)) for images in (given.generated, given.reference))
    return _row("resize", difference, seen, reference, protocol)


def _half(seen: Features, reference: Features, protocol: Protocol) -> dict[str, object]:
    """Precision and recall with the ADM evaluator's float16 distances."""
    difference = "float16 distances for precision and recall"
    values = precision_recall(seen.pool, reference.pool, protocol.neighbours, half=True)
    level, reasons = judge(
        replace(seen, doubts=(f"evaluator matrix: {difference}",)), reference, _with_counts_of(protocol, seen, reference)
    )
    found = {score_key(name, seen.label, level): value for name, value in zip(("precision", "recall"), values, strict=True)}
    return {"row": "float16", "what differs": difference, "comparability": level, "reasons": reasons, "scores": found}
