"""The sections of params.yaml about scoring: `features`, and the entries of `evaluate`."""

from dataclasses import dataclass

from harness.errors import HarnessError, unknown_choice
from harness.metrics.extractors import EXTRACTORS
from harness.metrics.protocol import PROTOCOLS, Protocol

FEWEST = 8  # images in a dry run; even half of them must have the three neighbours that recall needs
LARGEST_BATCH = 100_000


@dataclass(frozen=True)
class FeatureParams:
    """The section `features` of params.yaml."""

    extractor: str  # a key of EXTRACTORS
    weights: str | None = None  # path of its weights file; None for the committed or downloaded file
    random_seed: int | None = None  # of random weights, for a dry run without a file; its scores are comparable with nothing

    def __post_init__(self) -> None:
        if self.extractor not in EXTRACTORS:
            raise unknown_choice("extractor", self.extractor, EXTRACTORS)
        for key in ("weights", "random_seed"):
            if self.extractor == "digits-cnn" and getattr(self, key) is not None:
                raise HarnessError(f"{key}: given {getattr(self, key)!r} for digits-cnn, whose file is committed; remove it")
        if self.random_seed is not None and not 0 <= self.random_seed < 2**63:
            raise HarnessError(f"random_seed: given {self.random_seed}; expected a whole number of at least 0")


@dataclass(frozen=True)
class ScoringParams:
    """An entry of the section `evaluate` of params.yaml: how to score the cells of one dataset."""

    protocols: tuple[str, ...]  # keys of PROTOCOLS
    batch: int = 256  # images per forward pass
    seeds: tuple[int, ...] = (1,)  # of the generated images; scores are means over them
    statistics: str | None = None  # path of the ADM-format file that is a protocol's reference
    curve_images: int | None = None  # generated for a point of the curve, where a protocol asks for more; None for all of them
    reduced: int | None = None  # generated and reference images in a dry run, which is never comparable; None for all

    def __post_init__(self) -> None:
        for name in self.protocols:
            if name not in PROTOCOLS:
                raise unknown_choice("protocol", name, PROTOCOLS)
        for key in ("protocols", "seeds"):
            given = getattr(self, key)
            if not given or len(set(given)) < len(given):
                raise HarnessError(f"{key}: given {list(given)}; expected at least one, and each once")
        if min(self.seeds) < 0:
            raise HarnessError(f"seeds: given {list(self.seeds)}; expected whole numbers of at least 0")
        if not 1 <= self.batch <= LARGEST_BATCH:
            raise HarnessError(f"batch: given {self.batch}; expected a number from 1 to {LARGEST_BATCH:,}")
        for key in ("curve_images", "reduced"):
            given = getattr(self, key)
            if given is not None and given < FEWEST:
                raise HarnessError(f"{key}: given {given}; expected at least {FEWEST} images, or null for all of them")

    def resolved(self) -> list[Protocol]:
        """The protocols, with reduced counts for a dry run."""
        found = [PROTOCOLS[name] for name in self.protocols]
        return [protocol.reduced(self.reduced, self.reduced) for protocol in found] if self.reduced else found
