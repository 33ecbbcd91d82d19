"""A profile's params.yaml, read and checked as a whole before any work: every entry point begins here.

What is wrong in a section that a stage does not use yet would be found hours later; so whatever can be told from the file
alone is told at once. The sections' own rules are where the sections are used; how they must fit together is here.
"""

import argparse
import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.config import check_types, from_mapping, load_params
from harness.cost.throughput import Limits
from harness.data import DATASETS
from harness.errors import HarnessError, short, shown, unknown_choice
from harness.files import digest
from harness.names import check_name
from harness.paper import printed_tables
from harness.training.config import TrainConfig
from lada.configs import DiscriminatorConfig, GeneratorConfig
from pipelines.arguments import with_settings
from pipelines.compose import Cell, Defaults, compose_cell
from pipelines.sections import FeatureParams, ScoringParams

Entry = TypeVar("Entry")
MOST_THREADS = 512  # torch ends in a segmentation fault where it cannot start them


@dataclass(frozen=True)
class Sections:
    """The top level of params.yaml. A file without cells needs `profile` and `data` only.

    adds_to: the profile whose cells these repeat with other seeds; its records, scale anchors and costs stand in the same tables.
    """

    profile: str
    data: dict[str, Any]
    adds_to: str | None = None
    features: dict[str, Any] | None = None
    evaluate: dict[str, Any] = field(default_factory=dict)
    threads: int | None = None
    train: dict[str, Any] = field(default_factory=dict)
    generator: dict[str, Any] = field(default_factory=dict)
    discriminator: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    cells: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.threads is not None and not 1 <= self.threads <= MOST_THREADS:
            raise HarnessError(
                f"threads: given {self.threads}; expected a number from 1 to {MOST_THREADS}, or null for torch's own"
            )


@dataclass(frozen=True)
class CostParams(Limits):
    """params.yaml's `cost`: the limits of a measurement, and the networks that are measured where not all are."""

    networks: tuple[str, ...] | None = None

    @property
    def limits(self) -> Limits:
        """The limits alone."""
        return Limits(**{entry.name: getattr(self, entry.name) for entry in dataclasses.fields(Limits)})


@dataclass(frozen=True)
class Profile:
    """A whole params.yaml, every section in its type and fitting the others."""

    written: Sections  # as the file has it
    entries: dict[str, dict[str, Any]]  # of `data`, as written
    data: dict[str, Any]  # the same; the type is the dataset's own
    features: FeatureParams | None
    evaluate: dict[str, ScoringParams]
    cost: CostParams
    defaults: Defaults
    cells: dict[str, Cell]

    @property
    def name(self) -> str:
        """The profile's name."""
        return self.written.profile

    @property
    def results(self) -> Path:
        """Where the profile's outputs go."""
        return Path("results") / self.name

    def cell(self, name: str, settings: Sequence[str] = ()) -> Cell:
        """The cell `name`, as a trial where `settings` such as "train.nimg=4096" change it; HarnessError for what is wrong."""
        if not self.cells:
            raise HarnessError(f"given the cell {short(name)}; expected entries in `cells` of the parameters; add it there")
        if name not in self.cells:
            raise unknown_choice("cell", name, self.cells)
        if not settings:
            return self.cells[name]
        trial = _composed(self, name, with_settings(self.written.cells[name], settings), is_trial=True)
        return dataclasses.replace(trial, name=trial_name(name, settings, trial.config()), rows=())


def trial_name(cell: str, settings: Sequence[str], config: Mapping[str, Any]) -> str:
    """A name of its own for every trial of a cell, so that they live side by side: `table1-16-nimg-1280` where the settings can
    be read in it, else with a digest of the trial's whole configuration. A trial fills no row of the tables."""
    words = [re.fullmatch(r"train\.([a-z0-9_]+)=([A-Za-z0-9]+)", setting) for setting in sorted(settings)]
    readable = "-".join([cell, *(f"{found[1].replace('_', '-')}-{found[2]}" for found in words if found)])
    if all(words) and len(readable) <= 60:
        return check_name("trial", readable)
    return check_name("trial", f"{cell[:80]}-{digest(config)[:8]}")


def load_profile(path: Path | str) -> Profile:
    """The profile in the parameters file `path`; HarnessError, in one line, for the first thing that is wrong with it."""
    sections = from_mapping(Sections, load_params(path), "")
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
    )
    _check_evaluate(profile)
    for name, cell in sections.cells.items():
        profile.cells[name] = _composed(profile, name, cell)
    _check_rows(profile)
    return profile


def load_cell(path: Path | str, name: str, settings: Sequence[str] = ()) -> Cell:
    """The cell `name` of the parameters file `path`, changed by `settings` such as "train.nimg=4096"."""
    return load_profile(path).cell(name, settings)


def profile_argument(parser: argparse.ArgumentParser) -> None:
    """Adds --params."""
    parser.add_argument("--params", required=True, type=Path, help="the profile's params.yaml")


def _data_entries(data: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Key, place in the file and entry of every dataset; a single one may stand for itself under its own name."""
    if isinstance(data.get("name"), str):
        return [(check_name("data", data["name"]), "data", data)]
    if not data or not all(isinstance(entry, dict) and "name" in entry for entry in data.values()):
        raise HarnessError(f"data: given {shown(data)}; expected entries with a name, one of {', '.join(DATASETS)}")
    return [(check_name("data", key), f"data.{key}", entry) for key, entry in data.items()]


def _dataset(key: str, entry: dict[str, Any], where: str) -> Any:
    """An entry of `data` as its dataset types it."""
    if not isinstance(entry["name"], str) or entry["name"] not in DATASETS:
        raise unknown_choice(f"dataset (data.{key}.name)", entry["name"], DATASETS)
    return from_mapping(DATASETS[entry["name"]].params, entry, where)


def _cost(cost: dict[str, Any]) -> CostParams:
    params = from_mapping(CostParams, cost, "cost")
    if params.networks is not None:
        from pipelines.networks import networks  # every rival's code, which few profiles need

        known = networks()
        for name in params.networks:
            if name not in known:
                raise unknown_choice("network in cost.networks", name, known)
    return params


def _defaults(sections: Sections) -> Defaults:
    """What every cell starts from; of a section that is not complete by itself only the types can be told."""
    parts = {"train": TrainConfig, "generator": GeneratorConfig, "discriminator": DiscriminatorConfig}
    for name, cls in parts.items():
        check_types(cls, getattr(sections, name), name)
    if {"nimg", "batch"} <= sections.train.keys():
        from_mapping(TrainConfig, sections.train, "train")
    if "kind" in sections.discriminator:
        raise HarnessError("discriminator.kind: given; expected none, because a cell's `discriminator` decides it; remove it")
    return Defaults(sections.profile, sections.threads, **{name: getattr(sections, name) for name in parts})


def _check_evaluate(profile: Profile) -> None:
    """HarnessError unless every dataset has an entry in `evaluate` whose protocols it can serve, or none has."""
    for key, scoring in profile.evaluate.items():
        if key not in profile.data:
            raise unknown_choice("dataset in evaluate", key, profile.data)
        _check_protocols(scoring, profile.data[key], f"evaluate.{key}", key)
    missing = profile.data.keys() - profile.evaluate.keys()
    if missing and (profile.evaluate or profile.written.cells):
        raise HarnessError(f"evaluate: missing {', '.join(sorted(missing))}; expected an entry for every key of `data`; add it")
    if profile.written.cells and profile.features is None:
        raise HarnessError("missing features; expected the extractor with which the cells are scored; add it")


def _check_protocols(scoring: ScoringParams, entry: Any, where: str, key: str) -> None:
    """HarnessError where a protocol is not for the dataset, or not for the way in which it is prepared."""
    for protocol in scoring.resolved():
        wanted = {} if protocol.dataset is None else {"name": protocol.dataset, **protocol.preparation}
        for name, value in wanted.items():
            given = getattr(entry, name, None)
            if given != value:
                needs = f"protocol {protocol.name} needs {value!r}"
                raise HarnessError(f"{where}: data.{key}.{name} is {given!r}; {needs}; change one of the two")
        if protocol.statistics_file and scoring.statistics is None:
            raise HarnessError(
                f"{where}.statistics: missing; protocol {protocol.name} needs the path of {protocol.statistics_file}; add it"
            )


def _composed(profile: Profile, name: str, written: Mapping[str, Any], is_trial: bool = False) -> Cell:
    """A cell; HarnessError unless its data are there and as large as its networks' pictures."""
    cell = compose_cell(name, written, profile.defaults, profile.written.rows.get(name, ()), is_trial)
    where, key = f"cells.{cell.name}", cell.params.data
    if key not in profile.data:
        raise unknown_choice(f"dataset ({where}.data)", key, profile.data)
    side = profile.data[key].resolution
    for name in ("generator", "discriminator"):
        given = getattr(cell, name).resolution
        if given != side:
            raise HarnessError(f"{where}: {name}.resolution is {given}, data.{key}.resolution is {side}; expected the same")
    return cell


def _check_rows(profile: Profile) -> None:
    """HarnessError unless every row is one of the paper's, and filled by one cell of a dataset and seed."""
    sizes = {str(number): len(table.rows) for number, table in printed_tables().items()}
    taken: dict[tuple[str, str, int], str] = {}
    for cell, row in _claims(profile):
        where, (table, _, number) = f"rows.{cell.name}", row.partition(":")
        if number not in map(str, range(1, sizes.get(table, 0) + 1)):
            tables = ", ".join(f"{number} ({size} rows)" for number, size in sizes.items())
            raise HarnessError(f'{where}: given {short(row)}; expected TABLE:ROW of the paper, as "1:16"; tables are {tables}')
        claim = (row, cell.params.data, cell.train.seed)
        if claim in taken:
            raise HarnessError(f"{where}: given {row}, which {taken[claim]} fills with the same data and seed; remove one")
        taken[claim] = cell.name


def _claims(profile: Profile) -> Iterator[tuple[Cell, str]]:
    for name, rows in profile.written.rows.items():
        if name not in profile.cells:
            raise unknown_choice("cell in rows", name, profile.cells)
        yield from ((profile.cells[name], row) for row in rows)
