"""A GPU's first ten minutes: `make gpu`, or `python -m pipelines.gpu`. Needs no data, no download, neither MLflow nor DVC.

Every check runs in a process of its own, since a process that met an illegal memory access can use its GPU no more. A check that
fails is a line with its reason, and the next one runs. Writes results/bench/<device>/gpu.json after every check.
"""

import argparse
import sys
import time
from pathlib import Path

from harness.errors import HarnessError, run_command, unknown_choice
from harness.files import write_json
from harness.gpus import why_no_gpu
from pipelines.gpu.checks import CHECKS
from pipelines.gpu.run import Outcome, carry_out, run_apart

LEAST = 3.0  # seconds that are worth the start of a process


def main(argv: list[str] | None = None) -> None:
    """Runs the checks until the time is up; exit status 1 if one failed."""
    args = _parse(argv)
    if args.one:
        carry_out(args.one, args.to)
        return
    import torch  # here, because `--help` needs none

    if not torch.cuda.is_available():
        reason = why_no_gpu()
        for name in args.checks:
            print(Outcome(name, "no GPU", 0.0, reason).line())
        return
    outcomes = run_all(args, torch.cuda.get_device_name())
    if any(outcome.status == "failed" for outcome in outcomes):
        sys.exit(1)


def run_all(args: argparse.Namespace, device: str) -> list[Outcome]:
    """The outcomes of all checks, printed and written as they come."""
    from harness.records.environment import device_slug, environment

    path, deadline = args.out / device_slug(device) / "gpu.json", time.monotonic() + 60 * args.minutes
    outcomes: list[Outcome] = []
    for name in args.checks:
        left = deadline - time.monotonic()
        outcome = run_apart(name, min(left, CHECKS[name].seconds)) if left > LEAST else Outcome(name, "no time left")
        outcomes.append(outcome)
        print(outcome.line(), flush=True)
        found = {outcome.name: outcome.as_dict() for outcome in outcomes}
        write_json(path, {"device": device, "environment": environment(), "minutes": args.minutes, "checks": found})
    print(f"written to {path}")
    return outcomes


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--checks", type=lambda text: text.split(","), default=list(CHECKS), help="names, by commas (default: all)"
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="minutes for all checks together (default: 10)")
    parser.add_argument(
        "--out", type=Path, default=Path("results/bench"), help="folder of the devices' folders (default: %(default)s)"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)  # in the process of a check
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    for name in args.checks:
        if name not in CHECKS:
            raise unknown_choice("check", name, CHECKS)
    if not args.minutes > 0:
        raise HarnessError(f"--minutes: given {args.minutes:g}; expected more than 0")
    return args


if __name__ == "__main__":
    run_command(main)
