"""The command line of the stages that work on one cell, and trials of a cell with other settings."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, short
from harness.yaml_reading import parse_yaml


def cell_arguments(description: str | None, argv: Sequence[str] | None, *, tracks: bool = False) -> argparse.Namespace:
    """Parses the command line of a stage that works on one cell. tracks: it logs to MLflow, and takes --tracking-uri."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--params", required=True, type=Path, help="the profile's params.yaml")
    parser.add_argument("--cell", required=True, help="a key of its `cells`")
    help_set = "change the cell for a trial, which goes to results/<profile>-trial"
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help=help_set)
    if tracks:
        help_uri = "MLflow store for the live curves (default: $MLFLOW_TRACKING_URI, else mlflow.db here)"
        parser.add_argument("--tracking-uri", metavar="URI", help=help_uri)
    return parser.parse_args(argv)


def with_settings(cell: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """A cell's entry with KEY=VALUE settings applied. VALUE is read as YAML. KEY may have one dot, as in train.nimg."""
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
