"""Scores images of one dataset as a profile asks: extractor, protocols, reference features. Used by evaluate and anchors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.views import Images
from harness.errors import HarnessError, unknown_choice
from harness.metrics.adm import StoredReference
from harness.metrics.extractors import Extractor, load_extractor
from harness.metrics.features import Features
from harness.metrics.protocol import LEVELS, Protocol, comparability
from harness.metrics.reference import prepared_reference, stored_reference
from harness.metrics.scores import over_seeds, scores, shape_doubts
from harness.metrics.shards import ALONE, sharded_features
from harness.training.distributed import Ranks
from pipelines.profile import Profile
from pipelines.sections import FeatureParams, ScoringParams

Scores = dict[str, dict[str, float]]  # {protocol: {metric label: value}}


@dataclass(frozen=True)
class Scorer:
    """Scores generated images under every protocol of a dataset. Ranks share the work, and all of them get the scores."""

    params: ScoringParams
    extractor: Extractor
    references: dict[str, Features | StoredReference | None]  # by protocol; None except on rank 0
    sizes: dict[str, int]  # images in the reference, by protocol
    device: str
    ranks: Ranks = ALONE

    @property
    def protocols(self) -> list[Protocol]:
        """The protocols, in the order of params.yaml."""
        return self.params.resolved()

    def reference(self, protocol: Protocol) -> Features | StoredReference:
        """Features of the protocol's reference images, or their published statistics. Only on rank 0."""
        found = self.references[protocol.name]
        if found is None:
            raise RuntimeError(f"the features of {protocol.name} are on rank 0, and were asked for on another")
        return found

    def counts(self) -> dict[str, dict[str, int]]:
        """{protocol: {generated, reference}}."""
        sizes = [(protocol, self.sizes[protocol.name]) for protocol in self.protocols]
        return {protocol.name: {"generated": protocol.generated_count(size), "reference": size} for protocol, size in sizes}

    def score(self, generate_images: Callable[[int, int], Images]) -> Scores:
        """Scores of the first generation seed and of as many images as are enough for a point of a curve.

        `generate_images(count, seed)` gives uint8 images (count, 3, H, W)."""
        return self._score_seed(generate_images, self.params.seeds[0], self._curve_protocols())

    def runs(self, generate_images: Callable[[int, int], Images]) -> list[Scores]:
        """The scores of every generation seed."""
        return [self._score_seed(generate_images, seed, self.protocols) for seed in self.params.seeds]

    def _curve_protocols(self) -> list[Protocol]:
        """The protocols, with fewer generated images where a point of a curve needs fewer. Then no score is called FID."""
        enough = self.params.curve_images
        return [
            protocol
            if enough is None or protocol.generated_count(self.sizes[protocol.name]) <= enough
            else protocol.reduced(enough, self.sizes[protocol.name])
            for protocol in self.protocols
        ]

    def _score_seed(self, generate_images: Callable[[int, int], Images], seed: int, protocols: list[Protocol]) -> Scores:
        counts = {protocol.name: protocol.generated_count(self.sizes[protocol.name]) for protocol in protocols}
        images = generate_images(max(counts.values()), seed)
        seen = sharded_features(images, self.extractor, self.params.batch, progress=False, ranks=self.ranks)
        if seen is None:
            return self.ranks.share(None)
        found = {
            protocol.name: scores(seen[: counts[protocol.name]], self.reference(protocol), protocol, self.device)
            for protocol in protocols
        }
        return self.ranks.share(found)

    def identity(self, image_shape: Sequence[int] | None = None) -> dict[str, Any]:
        """The record's fields that say how images were scored. Only on rank 0.

        image_shape: their channels, height and width; None for images of the reference.
        """
        counts = self.counts()
        found = [self._comparability(protocol, image_shape) for protocol in self.protocols]
        level, reasons = max(found, key=lambda entry: LEVELS.index(entry[0]))
        extractor = {"name": self.extractor.name, "label": self.extractor.label, "sha256": self.extractor.sha256}
        return {"extractor": extractor, "comparability": {"level": level, "reasons": reasons}, "counts": counts}

    def _comparability(self, protocol: Protocol, image_shape: Sequence[int] | None) -> tuple[str, list[str]]:
        """What `judge` will say of features, without computing them."""
        reference = self.reference(protocol)
        doubts = [*reference.doubts, *shape_doubts(image_shape, reference.image_shape, protocol)]
        return comparability(protocol, self.extractor.label, **self.counts()[protocol.name], doubts=doubts)


def summarised(runs: list[Scores], summary: Callable[[list[float]], float]) -> Scores:
    """Summarises every score of every protocol over several runs, by a mean or a standard deviation."""
    return {protocol: over_seeds([run[protocol] for run in runs], summary) for protocol in runs[0]}


def load_scorer(profile: Profile, data: str, device: str, ranks: Ranks = ALONE) -> Scorer:
    """The scorer for the dataset `data`, a key of params.yaml's `data`. All ranks must see the same files."""
    if data not in profile.evaluate or profile.features is None:
        raise unknown_choice("dataset in evaluate", data, profile.evaluate)
    scoring = profile.evaluate[data]
    extractor = profile_extractor(profile.features, profile.results / "extractor", device)
    root = profile.results / "data" / data
    references = {protocol.name: load_reference(protocol, scoring, root, extractor, ranks) for protocol in scoring.resolved()}
    sizes = ranks.share({name: len(found) for name, found in references.items() if found is not None})
    return Scorer(scoring, extractor, references, sizes, device, ranks)


def profile_extractor(features: FeatureParams, folder: Path, device: str) -> Extractor:
    """The extractor from the folder that the extractor stage wrote. Random weights of a dry run need no file."""
    name, random_seed = features.extractor, features.random_seed
    weights = next(folder.glob(f"{name}.*"), folder / name) if random_seed is None else None
    extractor = load_extractor(name, weights, device, random_seed=random_seed)
    if random_seed is None and extractor.label != name:
        raise HarnessError(f"{weights} is damaged: its sha256 is {extractor.sha256}; run `python -m pipelines.extractor` again")
    return extractor


def load_reference(
    protocol: Protocol, scoring: ScoringParams, root: Path, extractor: Extractor, ranks: Ranks = ALONE
) -> Features | StoredReference | None:
    """The protocol's reference: its published statistics, or the features of prepared images, which are cached."""
    if protocol.statistics_file is None:
        return prepared_reference(root, protocol, extractor, batch_size=scoring.batch, progress=False, ranks=ranks)
    if scoring.statistics is None or not Path(scoring.statistics).is_file():
        given = scoring.statistics or "no statistics"
        raise HarnessError(
            f"given {given}; protocol {protocol.name} needs {protocol.statistics_file}: name its path as statistics"
        )
    return stored_reference(Path(scoring.statistics), protocol, extractor, scoring.batch, progress=False, ranks=ranks)
