"""The top level of params.yaml, with types."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.config import from_mapping, load_params
from harness.errors import HarnessError

MOST_THREADS = 512  # more than the machine can start would crash torch


@dataclass(frozen=True)
class Sections:
    """The sections of a params.yaml. A file without cells needs only `profile` and `data`."""

    profile: str  # its name, which is the name of its folder
    data: dict[str, Any]  # {key: entry of a dataset}, or the one entry
    adds_to: str | None = None  # a profile whose cells these repeat with other seeds; both fill the same tables
    features: dict[str, Any] | None = None  # the extractor whose features are scored
    evaluate: dict[str, Any] = field(default_factory=dict)  # {key of `data`: how its cells are scored}
    threads: int | None = None  # CPU threads of every stage of a cell; None for torch's choice
    train: dict[str, Any] = field(default_factory=dict)  # fields of TrainConfig, for every cell
    generator: dict[str, Any] = field(default_factory=dict)  # fields of GeneratorConfig, for every cell
    discriminator: dict[str, Any] = field(default_factory=dict)  # fields of DiscriminatorConfig, for every cell
    cost: dict[str, Any] = field(default_factory=dict)  # limits of the cost stage, and its networks
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)  # {cell: rows of the paper's tables, such as "1:16"}
    cells: dict[str, dict[str, Any]] = field(default_factory=dict)  # {name: entry of a cell}
    checkpoints: dict[str, dict[str, Any]] = field(default_factory=dict)  # {name: entry of published weights}

    def __post_init__(self) -> None:
        if self.threads is not None and not 1 <= self.threads <= MOST_THREADS:
            raise HarnessError(
                f"threads: given {self.threads}; expected a number from 1 to {MOST_THREADS}, or null for torch's own"
            )


def read_sections(path: Path | str) -> Sections:
    """The sections of the parameters file `path`. HarnessError for a wrong key or type at the top level."""
    return from_mapping(Sections, load_params(path), "")
