"""From params.yaml to the networks, data and training configuration of one cell: the only place that knows every registry."""

import dataclasses
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from baselines.attention import ATTENTIONS
from harness.config import from_mapping, load_params
from harness.data.arrays import ImageArray, open_split
from harness.data.fractions import fraction_indices
from harness.errors import HarnessError, unknown_choice
from harness.files import digest
from harness.training.config import TrainConfig
from lada.configs import DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator
from lada.generator import Generator

ROOT = Path(__file__).resolve().parent.parent
CODE = ("lada", "baselines/attention", "harness/training")  # a checkpoint is never resumed by other code than wrote it


@dataclass(frozen=True)
class CellParams:
    """What a cell states in params.yaml; `generator`, `discriminator` and `train` entries override the profile's."""

    data: str
    rows: tuple[str, ...]
    attention: str
    discriminator: str
    fraction: float = 1.0
    train: dict[str, Any] = dataclasses.field(default_factory=dict)
    generator: dict[str, Any] = dataclasses.field(default_factory=dict)
    discriminator_options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.attention not in ATTENTIONS:
            raise unknown_choice("attention", self.attention, ATTENTIONS)
        if self.discriminator not in ("conv", *ATTENTIONS):
            raise unknown_choice("discriminator", self.discriminator, ("conv", *ATTENTIONS))
        if self.discriminator != "conv" and not ATTENTIONS[self.discriminator].twice_differentiable:
            raise HarnessError(f"discriminator: given {self.discriminator}, which R1 cannot differentiate twice; use another")
        if not 0 < self.fraction <= 1:
            raise HarnessError(f"fraction: given {self.fraction}; expected a share of the training images in (0, 1]")


@dataclass(frozen=True)
class Cell:
    """One cell of the tables, fully resolved."""

    name: str
    profile: str
    params: CellParams
    generator: GeneratorConfig
    discriminator: DiscriminatorConfig
    train: TrainConfig
    threads: int | None = None  # of the CPU, because sums depend on how they are split

    @property
    def results(self) -> Path:
        """Where the profile's outputs go."""
        return Path("results") / self.profile

    @property
    def data_root(self) -> Path:
        """The prepared dataset."""
        return self.results / "data" / self.params.data

    def config(self) -> dict[str, Any]:
        """Everything that decides the cell's weights, as plain JSON values."""
        return {
            "attention": self.params.attention,
            "discriminator_attention": self.params.discriminator,
            "data": self.params.data,
            "fraction": self.params.fraction,
            "generator": dataclasses.asdict(self.generator),
            "discriminator": dataclasses.asdict(self.discriminator),
            "train": dataclasses.asdict(self.train),
        }

    def build(self) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator, initialised from the cell's seed."""
        torch.manual_seed(self.train.seed)
        generator = Generator(self.generator, ATTENTIONS[self.params.attention])
        attention = ATTENTIONS.get(self.params.discriminator)
        discriminator = Discriminator(self.discriminator, attention) if attention else Discriminator(self.discriminator)
        return generator, discriminator

    def images(self) -> tuple[ImageArray, np.ndarray | None]:
        """The training split and, for a data-efficiency cell, the indices of its share."""
        images = open_split(self.data_root, "train")
        if self.params.fraction == 1:
            return images, None
        return images, fraction_indices(len(images), self.params.fraction, self.train.seed)

    def digest(self, data_sha256: str) -> str:
        """Key of the cell's checkpoints: configuration, data and code."""
        return digest({"config": self.config(), "threads": self.threads, "data": data_sha256, "code": code_digest()})


def load_cell(path: Path | str, name: str) -> Cell:
    """The cell `name` of the parameters file `path`. Raises HarnessError for whatever is wrong in it."""
    params = load_params(path)
    cells = params.get("cells") or {}
    if name not in cells:
        raise unknown_choice(f"cell in {path}", name, cells)
    where = f"cells.{name}"
    cell = from_mapping(CellParams, cells[name], where)
    kind = "conv" if cell.discriminator == "conv" else "lada"
    discriminator = {**params["discriminator"], **cell.discriminator_options, "kind": kind}
    return Cell(
        name=name,
        profile=params["profile"],
        params=cell,
        generator=from_mapping(GeneratorConfig, {**params["generator"], **cell.generator}, f"{where}.generator"),
        discriminator=from_mapping(DiscriminatorConfig, discriminator, f"{where}.discriminator"),
        train=from_mapping(TrainConfig, {**params["train"], **cell.train}, f"{where}.train"),
        threads=params.get("threads"),
    )


def code_digest() -> str:
    """Hex digest of the source that decides a cell's weights."""
    hasher = hashlib.sha256()
    for folder in CODE:
        for file in sorted((ROOT / folder).rglob("*.py")):
            hasher.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return hasher.hexdigest()


def use_threads(threads: int | None) -> None:
    """Gives torch this many CPU threads, or leaves it as many as it takes."""
    if threads is not None:
        torch.set_num_threads(threads)


def default_device() -> str:
    """HARNESS_DEVICE if set (from the environment: a changed command would invalidate every cell), else the GPU if any."""
    return os.environ.get("HARNESS_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
