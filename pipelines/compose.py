"""Composes one cell, from its entry in params.yaml: its networks, data and training configuration."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from baselines.attention import ATTENTIONS
from harness.closure import file_digests
from harness.config import from_mapping
from harness.data.arrays import ImageArray, open_split
from harness.data.fractions import fraction_indices
from harness.errors import HarnessError, unknown_choice
from harness.files import digest
from harness.training.config import TrainConfig
from lada.configs import DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator
from lada.generator import Generator
from pipelines.inputs import cell_stage_files, mechanism_files

FRACTION_SEED = 0  # the same for every cell, so that replicates of a cell train on the same images


@dataclass(frozen=True)
class CellParams:
    """An entry of the section `cells` of params.yaml."""

    data: str  # a key of the section `data`
    attention: str  # of the generator, a key of ATTENTIONS
    discriminator: str  # its attention, a key of ATTENTIONS, or "conv" for none
    fraction: float = 1.0  # share of the training images, in (0, 1]
    seed: int | None = None  # of a replicate; None for the profile's
    train: dict[str, Any] = dataclasses.field(default_factory=dict)  # changes to the profile's `train`
    generator: dict[str, Any] = dataclasses.field(default_factory=dict)  # changes to the profile's `generator`
    discriminator_options: dict[str, Any] = dataclasses.field(default_factory=dict)  # changes to the profile's `discriminator`

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
    """One cell with all of its settings."""

    name: str
    profile: str  # its name
    params: CellParams  # as in params.yaml
    rows: tuple[str, ...]  # rows of the paper's tables that it fills: "1:16" is row 16 of Table I
    generator: GeneratorConfig
    discriminator: DiscriminatorConfig
    train: TrainConfig
    threads: int | None = None  # CPU threads, because sums depend on their number; None for torch's choice
    is_trial: bool = False  # whether the command line changed some of its parameters

    @property
    def results(self) -> Path:
        """Folder of the cell's outputs. Those of trials have a folder of their own."""
        return Path("results") / (f"{self.profile}-trial" if self.is_trial else self.profile)

    @property
    def data_root(self) -> Path:
        """Folder of the prepared dataset."""
        return Path("results") / self.profile / "data" / self.params.data

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
        """The generator and the discriminator, initialised from the cell's seed."""
        torch.manual_seed(self.train.seed)
        generator = Generator(self.generator, ATTENTIONS[self.params.attention])
        attention = ATTENTIONS.get(self.params.discriminator)
        discriminator = Discriminator(self.discriminator, attention) if attention else Discriminator(self.discriminator)
        return generator, discriminator

    def images(self) -> tuple[ImageArray, np.ndarray | None]:
        """The training split, and the indices of the cell's share of it, or None for all."""
        images = open_split(self.data_root, "train")
        if self.params.fraction == 1:
            return images, None
        return images, fraction_indices(len(images), self.params.fraction, FRACTION_SEED)

    def digest(self, data_sha256: str) -> str:
        """Key of the cell's checkpoints, from its configuration, data and code. Other code must not resume them."""
        return digest(
            {"config": self.config(), "threads": self.threads, "data": data_sha256, "code": file_digests(self.code_files())}
        )

    def code_files(self) -> list[str]:
        """Source files that decide the cell's weights. They are the train stage's dependencies."""
        attentions = {ATTENTIONS[name] for name in (self.params.attention, self.params.discriminator) if name in ATTENTIONS}
        return sorted({*cell_stage_files("train"), *(file for attention in attentions for file in mechanism_files(attention))})


@dataclass(frozen=True)
class Defaults:
    """The settings of a profile that its cells share: sections of params.yaml."""

    profile: str  # its name
    threads: int | None  # CPU threads; None for torch's choice
    train: Mapping[str, Any]  # fields of TrainConfig
    generator: Mapping[str, Any]  # fields of GeneratorConfig
    discriminator: Mapping[str, Any]  # fields of DiscriminatorConfig


def compose_cell(name: str, written: Mapping[str, Any], defaults: Defaults, rows: tuple[str, ...], is_trial: bool) -> Cell:
    """The cell `name` from its entry in params.yaml. HarnessError for any error in it."""
    where = f"cells.{name}"
    cell = from_mapping(CellParams, written, where)
    if "kind" in cell.discriminator_options:
        raise HarnessError(f"{where}.discriminator_options.kind: given; expected `discriminator` to decide it; remove it")
    kind = "conv" if cell.discriminator == "conv" else "lada"
    seed = {} if cell.seed is None else {"seed": cell.seed}
    generator = from_mapping(GeneratorConfig, {**defaults.generator, **cell.generator}, f"{where}.generator")
    adam = {"adam_framework": generator.framework}  # Adam follows the same code base as the networks
    return Cell(
        name=name,
        profile=defaults.profile,
        params=cell,
        rows=rows,
        generator=generator,
        discriminator=from_mapping(
            DiscriminatorConfig,
            {**defaults.discriminator, **cell.discriminator_options, "kind": kind},
            f"{where}.discriminator",
        ),
        train=from_mapping(TrainConfig, {**adam, **defaults.train, **cell.train, **seed}, f"{where}.train"),
        threads=defaults.threads,
        is_trial=is_trial,
    )
