"""Gives the cells of a local sweep the GPUs of this machine."""

import argparse
import os

from harness.errors import HarnessError
from harness.gpus import visible_gpus, why_no_gpu
from harness.records.environment import cores


def own_devices(args: argparse.Namespace) -> list[int]:
    """The GPUs of this machine for its jobs; none for Slurm, which assigns them itself. Fills in args.gpus and args.at_once.

    HarnessError if GPUs would lie idle, or if there are fewer than asked for.
    """
    wanted = os.environ.get("HARNESS_DEVICE", "")
    found = visible_gpus() if args.cluster == "local" and wanted != "cpu" else []
    if args.gpus is None:
        args.gpus = 1 if found else 0
    if found and not args.gpus:
        raise HarnessError(
            f"--gpus: given 0 where there are {len(found)}; expected 1; set HARNESS_DEVICE=cpu to train on the CPU"
        )
    if args.gpus and not found and args.cluster == "local":
        reason = "HARNESS_DEVICE is cpu" if wanted == "cpu" else why_no_gpu()
        raise HarnessError(f"--gpus: given {args.gpus}, but {reason}; expected a GPU for every cell, or --gpus 0")
    args.at_once = args.at_once or len(found) or cores()
    if found and args.at_once > len(found):
        raise HarnessError(f"--at-once: given {args.at_once} for {len(found)} GPUs; expected at most one cell on each")
    return found
