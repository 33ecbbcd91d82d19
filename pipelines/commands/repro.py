"""`ladabench repro [--profile digits] [--cells CELL ...]`: trains, scores and reports a profile, or some of its cells.

What is done already is not done again. Without --cells it is `make repro`, which trains one cell at a time on each core or GPU.
With --cells, of all networks only the full-size ones that these cells stand for are counted and timed.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.config import load_params
from harness.errors import HarnessError, run_command, unknown_choice
from harness.names import check_name
from harness.progress import is_quiet

PYTHON = [sys.executable, "-m"]
LOG = Path(".ckpt/repro.log")  # of --quiet
TAIL = 20  # lines of it that a failure shows


def main(argv: list[str] | None = None) -> None:
    """Runs DVC and exits with its status."""
    parser = argparse.ArgumentParser(
        prog="ladabench repro", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", default="digits", help="a folder of pipelines/ (default: %(default)s)")
    parser.add_argument("--cells", nargs="+", metavar="CELL", help="only these, and what they need (default: all)")
    parser.add_argument("--jobs", type=int, help="cells at a time, without --cells (default: one on each GPU, else one a core)")
    args = parser.parse_args(argv)
    for command in commands(args.profile, args.cells, args.jobs):
        status = run_into_log(command) if is_quiet() else subprocess.run(command, check=False).returncode
        if status:
            sys.exit(status)
    if args.cells or is_quiet():  # `make repro` has made the report, and printed what it found
        sys.exit(subprocess.run([*PYTHON, "harness.report", "--profile", args.profile], check=False).returncode)


def run_into_log(command: Sequence[str]) -> int:
    """Runs a command that prints to LOG alone, and returns its status. If it fails, the log's last lines are shown."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w", encoding="utf-8") as log:
        status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    if status:
        last = LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
        print(*last, f"the whole log: {LOG}", sep="\n", file=sys.stderr)
    return status


def commands(profile: str, cells: Sequence[str] | None, jobs: int | None) -> list[list[str]]:
    """The commands that train, score and count, in order. HarnessError for an unknown profile or cell."""
    folder = Path("pipelines") / check_name("profile", profile)
    if not (folder / "params.yaml").is_file():
        known = sorted(path.parent.name for path in Path("pipelines").glob("*/params.yaml"))
        raise unknown_choice("profile", profile, known)
    if jobs is not None and jobs < 1:
        raise HarnessError(f"--jobs: given {jobs}; expected at least 1")
    if not cells:
        return [["make", "repro", f"PROFILE={profile}", *([f"JOBS={jobs}"] if jobs else [])]]
    written = load_params(folder / "params.yaml").get("cells") or {}
    for cell in cells:
        if cell not in written:
            raise unknown_choice("cell", cell, written)
    targets = [f"{folder}/dvc.yaml:evaluate@{cell}" for cell in cells]
    work = [[*PYTHON, "pipelines.commands.stages"], [*PYTHON, "dvc", "repro", *targets]]
    names = full_size_networks(folder / "params.yaml", cells)
    return [*work, [*PYTHON, "pipelines.cost", "--profile", profile, "--only", *names]] if names else work


def full_size_networks(params: Path, cells: Sequence[str]) -> list[str]:
    """Names of the paper's networks that the cells stand for. None of a profile that takes its costs from another."""
    from lada.names import full_size_names  # torch takes seconds to import
    from pipelines.networks import networks
    from pipelines.profile import load_profile

    profile = load_profile(params)
    if profile.written.adds_to:
        return []
    chosen = [profile.cells[cell] for cell in cells]
    named = [full_size_names(cell.generator, cell.params.attention, cell.params.discriminator) for cell in chosen]
    known = networks()
    return sorted({name for pair in named for name in pair if name in known})


if __name__ == "__main__":
    run_command(main)
