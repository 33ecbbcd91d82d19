"""One cell: from its entry in params.yaml to its networks, data and training configuration."""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
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
from harness.errors import HarnessError, short, unknown_choice
from harness.files import digest
from harness.training.config import TrainConfig
from harness.yaml_reading import parse_yaml
from lada.configs import DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator
from lada.generator import Generator
from pipelines.inputs import cell_stage_files, mechanism_files

FRACTION_SEED = 0  # a share is drawn once: replicates of a cell train on the same images


@dataclass(frozen=True)
class CellParams:
    """What a cell states in params.yaml; its `generator`, `discriminator_options` and `train` entries override the profile's.

    `seed` makes a replicate of the cell it is merged from."""

    data: str
    attention: str
    discriminator: str
    fraction: float = 1.0
    seed: int | None = None
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
    rows: tuple[str, ...]  # of the paper's tables: "1:16" is row 16 of Table I; none for an experiment of one's own
    generator: GeneratorConfig
    discriminator: DiscriminatorConfig
    train: TrainConfig
    threads: int | None = None  # of the CPU, because sums depend on how they are split
    is_trial: bool = False  # some of its parameters were set on the command line

    @property
    def results(self) -> Path:
        """Where the cell's outputs go; a trial's never mix with the profile's own."""
        return Path("results") / (f"{self.profile}-trial" if self.is_trial else self.profile)

    @property
    def data_root(self) -> Path:
        """The prepared dataset."""
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
        return images, fraction_indices(len(images), self.params.fraction, FRACTION_SEED)

    def digest(self, data_sha256: str) -> str:
        """Key of the cell's checkpoints: configuration, data and code, so that no other code resumes what some code wrote."""
        return digest(
            {"config": self.config(), "threads": self.threads, "data": data_sha256, "code": file_digests(self.code_files())}
        )

    def code_files(self) -> list[str]:
        """Source files that decide the cell's weights, as DVC is told of them."""
        attentions = {ATTENTIONS[name] for name in (self.params.attention, self.params.discriminator) if name in ATTENTIONS}
        return sorted({*cell_stage_files("train"), *(file for attention in attentions for file in mechanism_files(attention))})


@dataclass(frozen=True)
class Defaults:
    """What every cell of a profile starts from: the sections `threads`, `train`, `generator` and `discriminator`."""

    profile: str
    threads: int | None
    train: Mapping[str, Any]
    generator: Mapping[str, Any]
    discriminator: Mapping[str, Any]


def compose_cell(name: str, written: Mapping[str, Any], defaults: Defaults, rows: tuple[str, ...], is_trial: bool) -> Cell:
    """The cell `name` from its entry as it is written; HarnessError for whatever is wrong in it."""
    where = f"cells.{name}"
    cell = from_mapping(CellParams, written, where)
    if "kind" in cell.discriminator_options:
        raise HarnessError(f"{where}.discriminator_options.kind: given; expected `discriminator` to decide it; remove it")
    kind = "conv" if cell.discriminator == "conv" else "lada"
    seed = {} if cell.seed is None else {"seed": cell.seed}
    generator = from_mapping(GeneratorConfig, {**defaults.generator, **cell.generator}, f"{where}.generator")
    adam = {"adam_framework": generator.framework}  # of the code base that the networks follow
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


def cell_arguments(description: str | None, argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line of a stage that works on one cell."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--params", required=True, type=Path, help="the profile's params.yaml")
    parser.add_argument("--cell", required=True, help="a key of its `cells`")
    help_set = "change the cell for a trial, which goes to results/<profile>-trial"
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help=help_set)
    return parser.parse_args(argv)


def with_settings(cell: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """A cell's mapping with KEY=VALUE settings applied; VALUE is read as YAML, KEY may be dotted."""
    changed = {key: dict(value) if isinstance(value, dict) else value for key, value in cell.items()}
    seen: set[str] = set()
    for setting in settings:
        key, equals, text = setting.partition("=")
        *groups, last = key.split(".")
        if not equals or not last or len(groups) > 1:
            raise HarnessError(f"--set: given {short(setting)}; expected KEY=VALUE such as train.nimg=4096")
        if key in seen:
            raise HarnessError(f"--set: given {short(key)} twice; expected each key once")
        seen.add(key)
        target = changed.setdefault(groups[0], {}) if groups else changed
        if not isinstance(target, dict):
            raise HarnessError(f"--set: given {short(setting)}, but {groups[0]} has no entries; set {groups[0]} itself")
        target[last] = parse_yaml(text, f"--set {key}")
    return changed
