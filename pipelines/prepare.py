"""Prepares a profile's images: `python -m pipelines.prepare --params pipelines/digits/params.yaml [--data KEY]`.

Reads `profile` and `data` (entries `KEY: {name: ..., ...}`, or the one entry itself) from the parameters.
Writes results/<profile>/data/<KEY>/ (format: harness/data/arrays.py)."""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
import re
from pathlib import Path

from harness.config import load_params
from harness.data import DATASETS, read_manifest
from harness.errors import HarnessError, run_command, unknown_choice


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", type=Path, required=True, help="the profile's YAML parameters")
    parser.add_argument("--data", help="prepare only this entry of `data`")
    arguments = parser.parse_args(argv)
    params = load_params(arguments.params)
    profile = _plain_name(params.get("profile"), f"{arguments.params}: profile")
    entries = _entries(params.get("data"), str(arguments.params))
    if arguments.data is not None and arguments.data not in entries:
        raise unknown_choice(f"dataset in {arguments.params}", arguments.data, entries)
    for key in [arguments.data] if arguments.data else entries:
        _prepare(entries[key], Path("results") / profile / "data" / _plain_name(key, f"{arguments.params}: data"), f"data.{key}")


def _entries(data: object, where: str) -> dict[str, dict]:
    """The datasets by key; a single one may stand for itself under its own name."""
    if isinstance(data, dict) and isinstance(data.get("name"), str):
        return {data["name"]: data}
    if isinstance(data, dict) and data and all(isinstance(entry, dict) and "name" in entry for entry in data.values()):
        return data
    raise HarnessError(f"{where}: data: given {data!r}; expected entries with a name, one of {', '.join(DATASETS)}")


def _prepare(entry: dict, out: Path, where: str) -> None:
    if entry["name"] not in list(DATASETS):  # a list, because the name may be anything, even unhashable
        raise unknown_choice(f"dataset ({where}.name)", entry["name"], DATASETS)
    DATASETS[entry["name"]](entry, out)
    counts = {split: found["count"] for split, found in read_manifest(out)["splits"].items()}
    print(f"{out}: {', '.join(f'{count} {split} images' for split, count in counts.items())}")


def _plain_name(name: object, where: str) -> str:
    """`name`, if it can be a directory's name and nothing worse."""
    if isinstance(name, str) and re.fullmatch(r"[\w.-]*\w[\w.-]*", name):
        return name
    raise HarnessError(f"{where}: given {name!r}; expected a plain name such as digits")


if __name__ == "__main__":
    run_command(main)
