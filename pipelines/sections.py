"""The sections of params.yaml that say how cells are scored: `features`, and the entries of `evaluate`."""

from dataclasses import dataclass

from harness.errors import HarnessError, unknown_choice
from harness.metrics.extractors import EXTRACTORS
from harness.metrics.protocol import PROTOCOLS, Protocol

FEWEST = 8  # images of a dry run: half of them must have the three neighbours that recall looks at
LARGEST_BATCH = 100_000


@dataclass(frozen=True)
class FeatureParams:
    """params.yaml's `features`: the extractor, and a weights file if it is not committed.

    `random_seed` stands for random weights, with which a dry run needs no file and is comparable with nothing."""

    extractor: str
    weights: str | None = None
    random_seed: int | None = None

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
    """An entry of params.yaml's `evaluate`: protocols of a dataset, images per batch, seeds of the generated images;
    `statistics` is the ADM-format file of a protocol whose reference is one; `reduced` scores only so many generated and
    reference images, as a dry run that is never comparable."""

    protocols: tuple[str, ...]
    batch: int = 256
    seeds: tuple[int, ...] = (1,)
    statistics: str | None = None
    reduced: int | None = None

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
        if self.reduced is not None and self.reduced < FEWEST:
            raise HarnessError(f"reduced: given {self.reduced}; expected at least {FEWEST} images, or null for all of them")

    def resolved(self) -> list[Protocol]:
        """The protocols, at the reduced counts of a dry run where those were asked for."""
        found = [PROTOCOLS[name] for name in self.protocols]
        return [protocol.reduced(self.reduced, self.reduced) for protocol in found] if self.reduced else found
