"""Trains a profile's cells side by side, on this machine or through Slurm: `python -m pipelines.sweep --profile digits`.

A cell that was killed, requeued or preempted goes on from its checkpoint. What finishes is handed to DVC: `dvc repro` then
evaluates and reports without training again. The data must be prepared, and the working tree shared by all machines.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import submitit

from harness.config import load_params
from harness.errors import HarnessError, run_command, unknown_choice
from pipelines.train import main as train

WAITING, DONE = "waiting", "done"


def main(argv: list[str] | None = None) -> None:
    """Submits, watches, hands over; HarnessError naming the cells that failed, after all others were handed over."""
    args = _parse(argv)
    params = Path("pipelines") / args.profile / "params.yaml"
    cells = chosen_cells(args, load_params(params))
    states = run_all(args, params, cells)
    done = [cell for cell in cells if states[cell] == DONE]
    for cell in done:
        dvc("commit", "-f", "-q", f"pipelines/{args.profile}/dvc.yaml:train@{cell}")
    if len(done) < len(cells):
        failed = ", ".join(cell for cell in cells if states[cell] != DONE)
        raise HarnessError(
            f"{failed} failed {args.attempts} times; expected every cell trained; read {args.logs}, then run again"
        )
    print(f"{len(cells)} cells trained; `dvc repro` has their evaluation and the report left to do")


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipelines.sweep", description=__doc__)
    parser.add_argument("--profile", default="digits")
    parser.add_argument("--cells", type=lambda text: text.split(","), help="names, by commas (default: those DVC finds changed)")
    parser.add_argument("--cluster", choices=("local", "slurm"), default="local")
    parser.add_argument("--at-once", type=int, default=2, help="cells training at the same time")
    parser.add_argument("--cpus", type=int, default=1, help="per cell")
    parser.add_argument("--gpus", type=int, default=0, help="per cell")
    parser.add_argument(
        "--minutes", type=int, default=24 * 60, help="time limit of one job; a longer cell is requeued and goes on"
    )
    parser.add_argument("--partition", help="of Slurm")
    parser.add_argument(
        "--attempts", type=int, default=3, help="a cell that fails is sent again, and goes on from its checkpoint"
    )
    parser.add_argument("--poll", type=float, default=5.0, help="seconds between two looks")
    parser.add_argument("--logs", type=Path, default=Path(".ckpt/sweep"))
    return parser.parse_args(argv)


@dataclass
class TrainCell:
    """The job: `pipelines.train` in `root`. Slurm's requeue calls `checkpoint`; the trainer's own checkpoints do the rest."""

    root: str

    def __call__(self, params: str, cell: str) -> None:
        os.chdir(self.root)
        train(["--params", params, "--cell", cell])

    def checkpoint(self, params: str, cell: str) -> submitit.helpers.DelayedSubmission:
        """What to submit again when the job's time is over or it was preempted."""
        return submitit.helpers.DelayedSubmission(self, params, cell)


def run_all(args: argparse.Namespace, params: Path, cells: list[str]) -> dict[str, str]:
    """Keeps args.at_once jobs going until every cell is done or has failed args.attempts times; {cell: its last state}."""
    executor, running, waiting = make_executor(args), {}, list(cells)
    states, attempts = dict.fromkeys(cells, WAITING), Counter()
    try:
        while running or waiting:
            while waiting and len(running) < args.at_once:
                cell = waiting.pop(0)
                attempts[cell] += 1
                running[cell] = executor.submit(TrainCell(os.getcwd()), str(params), cell)
            time.sleep(args.poll)
            for cell, job in list(running.items()):
                say(cell, states, describe(job, args.profile, cell))
                if job.done():
                    del running[cell]
                    say(cell, states, DONE if job.exception() is None else f"attempt {attempts[cell]} failed")
                    if states[cell] != DONE and attempts[cell] < args.attempts:
                        waiting.append(cell)
    except KeyboardInterrupt:
        for job in running.values():
            job.cancel()
        raise
    return states


def make_executor(args: argparse.Namespace) -> submitit.Executor:
    """Of local processes or of Slurm jobs."""
    executor = submitit.AutoExecutor(args.logs, cluster=args.cluster)
    partition = {"slurm_partition": args.partition} if args.partition else {}
    executor.update_parameters(cpus_per_task=args.cpus, gpus_per_node=args.gpus, timeout_min=args.minutes, **partition)
    return executor


def describe(job: submitit.Job, profile: str, cell: str) -> str:
    """The scheduler's word for the job, and the images in the cell's newest checkpoint."""
    checkpoints = sorted(Path(".ckpt", profile).glob(f"{cell}-*/[!.]*-*.json"), key=lambda path: path.stat().st_mtime)
    try:
        rows = json.loads(checkpoints[-1].read_text())["state"]["rows"] if checkpoints else []
    except (OSError, ValueError):  # replaced while we looked
        rows = []
    return f"{job.state.lower()}, {rows[-1]['nimg'] if rows else 0:,} images"


def say(cell: str, states: dict[str, str], state: str) -> None:
    """One line, when there is something new to say."""
    if states[cell] != state:
        states[cell] = state
        print(f"{cell}: {state}", flush=True)


def chosen_cells(args: argparse.Namespace, params: dict) -> list[str]:
    """The cells asked for, or those whose training DVC finds changed or never done."""
    cells = params.get("cells") or {}
    for cell in args.cells or []:
        if cell not in cells:
            raise unknown_choice("cell", cell, cells)
    if args.cells:
        return args.cells
    changed = json.loads(dvc("status", "--json", f"pipelines/{args.profile}/dvc.yaml"))
    return [cell for cell in cells if any(stage.endswith(f"train@{cell}") for stage in changed)]


def dvc(*words: str) -> str:
    """Output of a DVC command; HarnessError with what it said if it fails."""
    done = subprocess.run([sys.executable, "-m", "dvc", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise HarnessError(
            f"`dvc {' '.join(words)}` failed: {done.stderr.strip()[-300:]}; expected exit status 0; correct that first"
        )
    return done.stdout


if __name__ == "__main__":
    run_command(main)
