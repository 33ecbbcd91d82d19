"""Prepares a profile's images: `python -m pipelines.prepare --params pipelines/digits/params.yaml`.

Reads `profile` and `data` from the parameters; writes results/<profile>/data/<name>/ (format: harness/data/arrays.py)."""

import argparse
import re
from pathlib import Path

from harness.config import load_params
from harness.data import DATASETS, read_manifest
from harness.errors import HarnessError, run_command, unknown_choice


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", type=Path, required=True, help="the profile's YAML parameters")
    arguments = parser.parse_args()
    params = load_params(arguments.params)
    profile, data = params.get("profile"), params.get("data")
    if not isinstance(profile, str) or not re.fullmatch(r"[\w.-]*\w[\w.-]*", profile):
        raise HarnessError(f"{arguments.params}: profile: given {profile!r}; expected a plain name such as digits")
    if not isinstance(data, dict) or "name" not in data:
        raise HarnessError(
            f"{arguments.params}: data: given {data!r}; expected entries with a name, one of {', '.join(DATASETS)}"
        )
    if data["name"] not in list(DATASETS):  # a list, because the name may be anything, even unhashable
        raise unknown_choice("dataset (data.name)", data["name"], DATASETS)
    out = Path("results") / profile / "data" / data["name"]
    DATASETS[data["name"]](data, out)
    counts = {split: entry["count"] for split, entry in read_manifest(out)["splits"].items()}
    print(f"{out}: {', '.join(f'{count} {split} images' for split, count in counts.items())}")


if __name__ == "__main__":
    run_command(main)
