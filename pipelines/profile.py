"""Reads a profile's params.yaml and checks the whole file. Every entry point begins with this.

Otherwise an error in a section that a stage does not use would be found hours later. Each section's own rules are in its class.
profile_checks.py checks that the sections fit together.
"""

import argparse
import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.config import check_types, from_mapping
from harness.cost.throughput import Limits
from harness.data import DATASETS
from harness.errors import HarnessError, short, shown, unknown_choice
from harness.files import digest
from harness.names import check_name
from harness.params import Sections, read_sections
from harness.training.config import TrainConfig
from lada.configs import DiscriminatorConfig, GeneratorConfig
from pipelines.arguments import with_settings
from pipelines.compose import Cell, Defaults, compose_cell
from pipelines.profile_checks import check_cell, check_checkpoints, check_evaluate, check_rows
from pipelines.published.params import CheckpointParams
from pipelines.sections import FeatureParams, ScoringParams

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class CostParams(Limits):
    """The section `cost` of params.yaml: the limits of a measurement, and the networks."""

    networks: tuple[str, ...] | None = None  # names of the networks to measure; None for all

    @property
    def limits(self) -> Limits:
        """The limits without the networks."""
        return Limits(**{entry.name: getattr(self, entry.name) for entry in dataclasses.fields(Limits)})


@dataclass(frozen=True)
class Profile:
    """A whole params.yaml, with types. The sections fit together."""

    written: Sections  # as the file has it
    entries: dict[str, dict[str, Any]]  # {key: entry of `data`}, as in the file
    data: dict[str, Any]  # {key: entry of `data`}, of the dataset's own type
    features: FeatureParams | None
    evaluate: dict[str, ScoringParams]  # {key of `data`: how to score}
    cost: CostParams
    defaults: Defaults  # what all cells share
    cells: dict[str, Cell]  # {name: cell}
    checkpoints: dict[str, CheckpointParams] = field(default_factory=dict)  # published weights, {name: entry}

    @property
    def name(self) -> str:
        """The profile's name."""
        return self.written.profile

    @property
    def results(self) -> Path:
        """Folder of the profile's outputs."""
        return Path("results") / self.name

    def cell(self, name: str, settings: Sequence[str] = ()) -> Cell:
        """The cell `name`. `settings` such as "train.nimg=4096" make it a trial. HarnessError for errors in them."""
        if not self.cells:
            raise HarnessError(f"given the cell {short(name)}; expected entries in `cells` of the parameters; add it there")
        if name not in self.cells:
            raise unknown_choice("cell", name, self.cells)
        if not settings:
            return self.cells[name]
        trial = _composed(self, name, with_settings(self.written.cells[name], settings), is_trial=True)
        return dataclasses.replace(trial, name=trial_name(name, settings, trial.config()), rows=())


def trial_name(cell: str, settings: Sequence[str], config: Mapping[str, Any]) -> str:
    """A different name for every trial of a cell, so that trials do not overwrite each other.

    The name shows simple settings, as in `table1-16-nimg-1280`. For others it contains a digest of the trial's configuration.
    """
    words = [re.fullmatch(r"train\.([a-z0-9_]+)=([A-Za-z0-9]+)", setting) for setting in sorted(settings)]
    readable = "-".join([cell, *(f"{found[1].replace('_', '-')}-{found[2]}" for found in words if found)])
    if all(words) and len(readable) <= 60:
        return check_name("trial", readable)
    return check_name("trial", f"{cell[:80]}-{digest(config)[:8]}")


def load_profile(path: Path | str) -> Profile:
    """The profile in the parameters file `path`. HarnessError for the first error in it."""
    sections = read_sections(path)
    check_name("profile", sections.profile)
    if sections.adds_to is not None and check_name("adds_to", sections.adds_to) == sections.profile:
        raise HarnessError(f"adds_to: given {sections.adds_to}, the profile itself; expected another; remove it")
    for name in sections.cells:
        check_name("cell", name)
    entries = _data_entries(sections.data)
    evaluate = {key: from_mapping(ScoringParams, entry, f"evaluate.{key}") for key, entry in sections.evaluate.items()}
    features = None if sections.features is None else from_mapping(FeatureParams, sections.features, "features")
    profile = Profile(
        written=sections,
        entries={key: entry for key, _, entry in entries},
        data={key: _dataset(key, entry, where) for key, where, entry in entries},
        features=features,
        evaluate=evaluate,
        cost=_cost(sections.cost),
        defaults=_defaults(sections),
        cells={},
        checkpoints=_checkpoints(sections.checkpoints),
    )
    check_evaluate(profile)
    for name, cell in sections.cells.items():
        profile.cells[name] = _composed(profile, name, cell)
    check_rows(profile)
    check_checkpoints(profile)
    return profile


def load_cell(path: Path | str, name: str, settings: Sequence[str] = ()) -> Cell:
    """The cell `name` of the parameters file `path`, changed by `settings` such as "train.nimg=4096"."""
    return load_profile(path).cell(name, settings)


def profile_argument(parser: argparse.ArgumentParser) -> None:
    """Adds --profile and --params, two ways to name one file."""
    either = parser.add_mutually_exclusive_group(required=True)
    help_name = "the profile's name, which is its folder's in pipelines/"
    either.add_argument("--profile", dest="params", type=lambda name: Path("pipelines") / name / "params.yaml", help=help_name)
    either.add_argument("--params", type=Path, help="the profile's params.yaml")


def _data_entries(data: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Key, dotted key in the file, and entry of every dataset. `data` may also be the entry of a single dataset."""
    if isinstance(data.get("name"), str):
        return [(check_name("data", data["name"]), "data", data)]
    if not data or not all(isinstance(entry, dict) and "name" in entry for entry in data.values()):
        raise HarnessError(f"data: given {shown(data)}; expected entries with a name, one of {', '.join(DATASETS)}")
    return [(check_name("data", key), f"data.{key}", entry) for key, entry in data.items()]


def _dataset(key: str, entry: dict[str, Any], where: str) -> Any:
    """An entry of `data`, as an instance of its dataset's class."""
    if not isinstance(entry["name"], str) or entry["name"] not in DATASETS:
        raise unknown_choice(f"dataset (data.{key}.name)", entry["name"], DATASETS)
    return from_mapping(DATASETS[entry["name"]].params, entry, where)


def _cost(cost: dict[str, Any]) -> CostParams:
    params = from_mapping(CostParams, cost, "cost")
    if params.networks is not None:
        from pipelines.networks import networks  # here, because it imports all rivals, and few profiles name networks

        known = networks()
        for name in params.networks:
            if name not in known:
                raise unknown_choice("network in cost.networks", name, known)
    return params


def _defaults(sections: Sections) -> Defaults:
    """The settings that all cells share. If a section is not complete by itself, only its types are checked."""
    parts = {"train": TrainConfig, "generator": GeneratorConfig, "discriminator": DiscriminatorConfig}
    for name, cls in parts.items():
        check_types(cls, getattr(sections, name), name)
    if {"nimg", "batch"} <= sections.train.keys():
        from_mapping(TrainConfig, sections.train, "train")
    if "kind" in sections.discriminator:
        raise HarnessError("discriminator.kind: given; expected none, because a cell's `discriminator` decides it; remove it")
    return Defaults(sections.profile, sections.threads, **{name: getattr(sections, name) for name in parts})


def _composed(profile: Profile, name: str, written: Mapping[str, Any], is_trial: bool = False) -> Cell:
    """A cell, checked."""
    cell = compose_cell(name, written, profile.defaults, profile.written.rows.get(name, ()), is_trial)
    check_cell(profile, cell)
    return cell


def _checkpoints(entries: dict[str, dict[str, Any]]) -> dict[str, CheckpointParams]:
    """The entries of `checkpoints`, with types."""
    names = {check_name("checkpoint", key): entry for key, entry in entries.items()}
    return {key: from_mapping(CheckpointParams, entry, f"checkpoints.{key}") for key, entry in names.items()}
