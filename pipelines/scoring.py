"""A profile's way to score images of one dataset: extractor, protocols and reference features, shared by evaluate and anchors."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from harness.config import from_mapping
from harness.data.arrays import open_split
from harness.errors import HarnessError, unknown_choice
from harness.metrics.extractors import Extractor, load_extractor
from harness.metrics.features import Features, features
from harness.metrics.protocol import PROTOCOLS, Protocol, comparability
from harness.metrics.scores import scores

Scores = dict[str, dict[str, float]]  # {protocol: {metric label: value}}


@dataclass(frozen=True)
class ScoringParams:
    """An entry of params.yaml's `evaluate`: protocols of a dataset, images per batch, seeds of the generated images."""

    protocols: tuple[str, ...]
    batch: int = 256
    seeds: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        for name in self.protocols:
            if name not in PROTOCOLS:
                raise unknown_choice("protocol", name, PROTOCOLS)
        if not self.protocols or not self.seeds or self.batch < 1:
            raise HarnessError("expected at least one protocol, one seed and a batch of 1 image")


@dataclass(frozen=True)
class Scorer:
    """Scores generated images under every protocol of a dataset."""

    params: ScoringParams
    extractor: Extractor
    references: dict[str, Features]  # by split
    device: str

    @property
    def protocols(self) -> list[Protocol]:
        """The protocols, in the order of params.yaml."""
        return [PROTOCOLS[name] for name in self.params.protocols]

    def reference(self, protocol: Protocol) -> Features:
        """Features of the protocol's reference images."""
        found = self.references[protocol.reference_split]
        return found[slice(0, protocol.reference)] if protocol.reference else found

    def counts(self) -> dict[str, dict[str, int]]:
        """{protocol: {generated, reference}}."""
        sizes = {protocol.name: len(self.reference(protocol)) for protocol in self.protocols}
        return {name: {"generated": PROTOCOLS[name].generated_count(size), "reference": size} for name, size in sizes.items()}

    def score(self, generate_images: Callable[[int, int], np.ndarray]) -> Scores:
        """The mean over the generation seeds; `generate_images(count, seed)` gives uint8 images (count, 3, H, W)."""
        runs = [self._score_seed(generate_images, seed) for seed in self.params.seeds]
        return {name: {label: fmean(run[name][label] for run in runs) for label in runs[0][name]} for name in runs[0]}

    def _score_seed(self, generate_images: Callable[[int, int], np.ndarray], seed: int) -> Scores:
        counts = self.counts()
        most = max(count["generated"] for count in counts.values())
        seen = features(generate_images(most, seed), self.extractor, self.params.batch, progress=False)
        return {
            protocol.name: scores(seen[slice(0, counts[protocol.name]["generated"])], self.reference(protocol), protocol)
            for protocol in self.protocols
        }

    def identity(self) -> dict[str, Any]:
        """The record's fields that say how it was scored."""
        counts = self.counts()
        found = [comparability(p, self.extractor.label, **counts[p.name]) for p in self.protocols]
        level, reasons = max(found, key=lambda entry: ("paper", "protocol-mismatch", "none").index(entry[0]))
        extractor = {"name": self.extractor.name, "label": self.extractor.label, "sha256": self.extractor.sha256}
        return {"extractor": extractor, "comparability": {"level": level, "reasons": reasons}, "counts": counts}


def load_scorer(params: dict[str, Any], data: str, device: str) -> Scorer:
    """The scorer of dataset `data` (a key of params.yaml's `data`)."""
    if data not in params["evaluate"]:
        raise unknown_choice("dataset in evaluate", data, params["evaluate"])
    scoring = from_mapping(ScoringParams, params["evaluate"][data], f"evaluate.{data}")
    results = Path("results") / params["profile"]
    name = params["features"]["extractor"]
    weights = next((results / "extractor").glob(f"{name}.*"), results / "extractor" / name)
    extractor = load_extractor(name, weights, device)
    splits = {PROTOCOLS[protocol].reference_split for protocol in scoring.protocols}
    references = {
        split: features(open_split(results / "data" / data, split), extractor, scoring.batch, progress=False)
        for split in sorted(splits)
    }
    return Scorer(scoring, extractor, references, device)
