"""Compares what a profile's params.yaml asks of each cell with the configuration in its record.

Only settings in the file are compared. Defaults belong to the code, and DVC runs a cell again when code changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.config import load_params
from harness.nested import flatten
from harness.records.models import ScoreRecord

GROUPS = {"train": "train", "generator": "generator", "discriminator": "discriminator_options"}  # {profile's key: cell's key}
ALONE = {"data": "data", "attention": "attention", "discriminator": "discriminator_attention", "fraction": "fraction"}
ABSENT = "absent"


@dataclass(frozen=True)
class Asked:
    """What params.yaml asks of its cells."""

    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # {cell: {dotted key of a record's config: value}}
    rows: Mapping[str, list[str]] = field(default_factory=dict)  # {cell: rows of the tables that it fills}
    adds_to: str | None = None  # the profile whose records are in the same tables

    def with_others(self, others: "Asked | None") -> "Asked":
        """What both ask for."""
        if others is None:
            return self
        return Asked({**others.settings, **self.settings}, {**others.rows, **self.rows}, self.adds_to)


def read_asked(profile: str, folder: Path) -> Asked | None:
    """What <folder>/<profile>/params.yaml asks for. `folder` is the one of the pipelines.

    None if there is no such file, as for a trial or another machine's results.
    """
    path = folder / profile / "params.yaml"
    if not path.is_file():
        return None
    params = load_params(path)
    cells = params.get("cells") if isinstance(params.get("cells"), dict) else {}
    settings = {name: _settings(params, cell) for name, cell in (cells or {}).items() if isinstance(cell, dict)}
    rows = params.get("rows") if isinstance(params.get("rows"), dict) else {}
    adds_to = params.get("adds_to")
    listed = {name: list(found) for name, found in (rows or {}).items() if isinstance(found, list)}
    return Asked(settings, listed, adds_to if isinstance(adds_to, str) else None)


def differences(record: ScoreRecord, asked: Asked) -> list[str]:
    """How a record differs from what was asked: "train.nimg 1280, params.yaml asks for 7680". Empty if it does not."""
    if record.cell not in asked.settings:
        return ["params.yaml has no such cell"]
    made = {key: _plain(value) for key, value in flatten(record.config).items()}
    found = [
        f"{key} {made.get(key, ABSENT)}, params.yaml asks for {value}"
        for key, value in asked.settings[record.cell].items()
        if made.get(key, ABSENT) != value
    ]
    rows = asked.rows.get(record.cell, [])
    if record.rows != rows:
        found.append(f"rows {' '.join(record.rows) or 'none'}, params.yaml asks for {' '.join(map(str, rows)) or 'none'}")
    return found


def _settings(params: Mapping[str, Any], cell: Mapping[str, Any]) -> dict[str, Any]:
    stated = {key: cell[name] for name, key in ALONE.items() if name in cell}
    for group, override in GROUPS.items():
        merged = {**_mapping(params.get(group)), **_mapping(cell.get(override))}
        stated |= {f"{group}.{key}": value for key, value in merged.items()}
    if cell.get("seed") is not None:
        stated["train.seed"] = cell["seed"]
    return {key: _plain(value) for key, value in stated.items()}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _plain(value: Any) -> Any:
    """Turns tuples into lists, so that values from YAML and from JSON can be compared."""
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
