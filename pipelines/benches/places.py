"""Where a bench runs, and where its result goes."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.device import check_device, default_device
from harness.files import write_json
from harness.records.environment import device_slug


def add_places(parser: argparse.ArgumentParser) -> None:
    """Adds `--device` and `--out`."""
    parser.add_argument(
        "--device", type=check_device, default=default_device(), help="cpu, cuda or cuda:NUMBER (default: %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("results/bench"), help="folder of the devices' folders (default: %(default)s)"
    )


def write_result(out: Path, name: str, result: Mapping[str, Any], provenance: Mapping[str, Any]) -> Path:
    """Writes out/<device>/<name>.json. provenance: `environment()` of when the bench began, because the tree may change since."""
    path = out / device_slug(provenance["device"]) / f"{name}.json"
    write_json(path, {"device": provenance["device"], **result, "environment": provenance})
    return path
