"""Prepares a profile's images: `python -m pipelines.prepare --params pipelines/digits/params.yaml [--data KEY]`.

Reads `profile` and `data` (entries `KEY: {name: ..., ...}`, or the one entry itself) from the parameters.
Writes results/<profile>/data/<KEY>/ (format: harness/data/arrays.py)."""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
from pathlib import Path
from typing import Any

from harness.data import DATASETS, read_manifest
from harness.errors import run_command, unknown_choice
from harness.locks import output_lock


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", type=Path, required=True, help="the profile's YAML parameters")
    parser.add_argument("--data", help="prepare only this entry of `data`")
    arguments = parser.parse_args(argv)
    from pipelines.profile import load_profile  # here: the processes that decode pictures import this file, and need no torch

    profile = load_profile(arguments.params)
    if arguments.data is not None and arguments.data not in profile.entries:
        raise unknown_choice(f"dataset in {arguments.params}", arguments.data, profile.entries)
    for key in [arguments.data] if arguments.data else profile.entries:
        out = profile.results / "data" / key
        with output_lock(out):
            _prepare(profile.entries[key], out)


def _prepare(entry: dict[str, Any], out: Path) -> None:
    DATASETS[entry["name"]](entry, out)
    counts = {split: found["count"] for split, found in read_manifest(out)["splits"].items()}
    print(f"{out}: {', '.join(f'{count} {split} images' for split, count in counts.items())}")


if __name__ == "__main__":
    run_command(main)
