"""`ladabench repro [--profile digits] [--cells CELL ...]`: trains, scores and reports a profile, or some of its cells.

What is done already is not done again. Without --cells it is `make repro`, which trains as many cells at once as there are cores.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.config import load_params
from harness.errors import HarnessError, run_command, unknown_choice
from harness.names import check_name


def main(argv: list[str] | None = None) -> None:
    """Runs DVC and exits with its status."""
    parser = argparse.ArgumentParser(
        prog="ladabench repro", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", default="digits", help="a folder of pipelines/ (default: %(default)s)")
    parser.add_argument("--cells", nargs="+", metavar="CELL", help="only these, and what they need (default: all)")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser.add_argument(
        "--jobs", type=int, default=cores, help="cells at a time, without --cells (default: the cores, %(default)s)"
    )
    args = parser.parse_args(argv)
    for command in commands(args.profile, args.cells, args.jobs):
        status = subprocess.run(command, check=False).returncode
        if status:
            sys.exit(status)


def commands(profile: str, cells: Sequence[str] | None, jobs: int) -> list[list[str]]:
    """The commands to run, in order. HarnessError for an unknown profile or cell."""
    folder = Path("pipelines") / check_name("profile", profile)
    if not (folder / "params.yaml").is_file():
        known = sorted(path.parent.name for path in Path("pipelines").glob("*/params.yaml"))
        raise unknown_choice("profile", profile, known)
    if jobs < 1:
        raise HarnessError(f"--jobs: given {jobs}; expected at least 1")
    if not cells:
        return [["make", "repro", f"PROFILE={profile}", f"JOBS={jobs}"]]
    written = load_params(folder / "params.yaml").get("cells") or {}
    for cell in cells:
        if cell not in written:
            raise unknown_choice("cell", cell, written)
    targets = [f"{folder}/dvc.yaml:evaluate@{cell}" for cell in cells]
    return [
        [sys.executable, "-m", "pipelines.commands.stages"],
        [sys.executable, "-m", "dvc", "repro", *targets],
        [sys.executable, "-m", "harness.report", "--profile", profile],
    ]


if __name__ == "__main__":
    run_command(main)
