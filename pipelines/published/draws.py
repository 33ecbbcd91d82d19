"""Scores one fixed network over several draws.

Each draw has its own latents and, if the reference is a part of its split, its own part. The first draw has the reference of
trained cells.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.data.arrays import open_split
from harness.data.draws import drawn_indices
from harness.data.manifest import read_manifest
from harness.data.views import Images, Subset
from harness.metrics.extractors import Extractor
from harness.metrics.features import Features
from harness.metrics.parts import Work, kept_features
from harness.metrics.protocol import LEVELS, SUBSET_SEED, Protocol, score_key
from harness.metrics.reference import made_from
from harness.metrics.scores import judge, raw_scores
from harness.records.parts import Comparability, Counts, PublishedRun
from pipelines.published.samples import PublishedSamples

Look = Callable[[], Features]
TOGETHER = ("precision", "recall")  # they share their distances


@dataclass(frozen=True)
class Draws:
    """What to score: samples of every seed, under protocols whose reference images are prepared in `root`."""

    samples: Callable[[int, int], PublishedSamples]  # count, seed
    weights_sha256: str
    code: str  # digest of the code that makes the images
    root: Path
    protocols: list[Protocol]
    seeds: tuple[int, ...]
    work: Work
    device: str

    @property
    def extractor(self) -> Extractor:
        """The network whose features are compared."""
        return self.work.extractor

    def counts(self) -> dict[str, Counts]:
        """{protocol: images of both sets}."""
        splits = read_manifest(self.root)["splits"]
        found = {}
        for protocol in self.protocols:
            reference = protocol.reference or splits[protocol.reference_split]["count"]
            found[protocol.name] = Counts(generated=protocol.generated_count(reference), reference=reference)
        return found

    def run(self) -> Iterator[tuple[PublishedRun, Comparability]]:
        """The scores of every draw, and their comparability with the paper."""
        for number, seed in enumerate(self.seeds):
            scored = {protocol.name: self._scored(protocol, seed, SUBSET_SEED + number) for protocol in self.protocols}
            metrics = {name: scores for name, (scores, _) in scored.items()}
            found = max((level for _, level in scored.values()), key=lambda level: LEVELS.index(level.level))
            yield PublishedRun(seed=seed, reference_seed=SUBSET_SEED + number, metrics=metrics), found

    def _scored(self, protocol: Protocol, seed: int, reference_seed: int) -> tuple[dict[str, float], Comparability]:
        counts = self.counts()[protocol.name]
        generated = self._generated(seed, counts.generated)
        reference = lambda: self._reference(protocol, reference_seed)  # noqa: E731
        level, reasons = judge(generated(), reference(), protocol)
        protocol.check_counts(len(generated()), len(reference()))
        values: dict[str, float] = {}
        for names in metric_groups(protocol.scores):  # each maps its features anew, so that no more than its own fill the memory
            part = replace(protocol, scores=names)
            values |= raw_scores(generated(), reference(), part, self.device)
        label = self.extractor.label
        named = {score_key(name, label, level): values[name] for name in protocol.scores if name in values}
        return named, Comparability.model_validate({"level": level, "reasons": reasons})

    def _generated(self, seed: int, count: int) -> Look:
        """The features of the first `count` images of a seed. They are computed once, for the protocol that needs most."""
        most = max(counts.generated for counts in self.counts().values())
        origin = {
            "generator": self.weights_sha256,
            "code": self.code,
            "latents": seed,
            "count": most,
            "extractor": self.extractor.name,
            "weights": self.extractor.sha256,
        }

        def look() -> Features:
            found = kept_features(self.samples(most, seed), origin, self.work, f"images of seed {seed}")
            return found if count == most else found[slice(0, count)]

        return look

    def _reference(self, protocol: Protocol, seed: int) -> Features:
        """Of several parts of one split the smaller are parts of the largest, whose features alone are computed."""
        split = protocol.reference_split
        images = open_split(self.root, split)
        count = protocol.reference or len(images)
        if count == len(images):
            return self._kept(images, split, None, "")
        sizes = [p.reference or 0 for p in self.protocols if p.reference_split == split]
        most = max(size for size in sizes if size < len(images))
        indices = drawn_indices(len(images), most, seed)
        found = self._kept(Subset(images, indices), split, indices, f", draw {seed}")
        return found if count == most else found[np.searchsorted(indices, drawn_indices(len(images), count, seed))]

    def _kept(self, images: Images, split: str, indices: np.ndarray | None, drawn: str) -> Features:
        manifest = read_manifest(self.root)
        origin = made_from(manifest, manifest["splits"][split], indices, self.extractor)
        return kept_features(images, origin, self.work, f"reference {manifest['name']} {split}{drawn}")


def metric_groups(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The metrics in groups. Only metrics that share work are in one group."""
    shared = tuple(name for name in names if name in TOGETHER)
    return [(name,) for name in names if name not in TOGETHER] + ([shared] if shared else [])
