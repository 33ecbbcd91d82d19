"""Trains and scores a profile's cells side by side, here or through Slurm: `python -m pipelines.commands.sweep --profile digits`.

First it prepares data and extractor, where that is not done. Cells whose data set or statistics are missing are left out and
named. A cell that was killed, requeued or preempted resumes from its checkpoint. Finished cells are committed to DVC, so
`dvc repro` only has to make the report. All machines must share the working tree. On this machine every cell has a GPU of its
own, if there are any. Slurm's jobs go on when this process has died; the same command attaches to them. Ctrl-C cancels them.
"""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
import json
import time
from collections import Counter
from pathlib import Path

from harness import progress
from harness.device import default_device
from harness.errors import HarnessError, run_command, unknown_choice
from harness.names import check_name
from pipelines.commands import stages
from pipelines.commands.attach import earlier_jobs, forget, held_cells, inputs_digest, succeeded
from pipelines.commands.devices import own_devices
from pipelines.commands.dvc_calls import commit_stages, dvc
from pipelines.commands.jobs import cancel, check_slurm, make_executor, send
from pipelines.commands.states import DONE, WAITING, describe, is_current, left, lost, say, scores
from pipelines.needs import check_batch, check_device, lacks
from pipelines.profile import Profile, load_profile

LISTINGS = ("names", "train-code", "evaluate-code", "mechanisms")  # stages that list what the cells depend on; they take seconds


def main(argv: list[str] | None = None) -> None:
    """Submits jobs, watches them and commits finished cells to DVC. At the end, HarnessError names the cells that failed."""
    args = _parse(argv)
    if args.cluster == "slurm":
        check_slurm()
    params, pipeline = (Path("pipelines") / check_name("profile", args.profile) / name for name in ("params.yaml", "dvc.yaml"))
    profile = load_profile(params)
    choices = profile.cells
    if not pipeline.is_file():
        stages.main([args.profile])
    dvc("repro", "-q", *(f"{pipeline}:{stage}" for stage in LISTINGS))  # without these, DVC would find no cell changed
    changed = json.loads(dvc("status", "--json", str(pipeline)))
    cells = ready_cells(profile, chosen_cells(args, choices, changed), named=bool(args.cells))
    devices = own_devices(args)
    if args.cluster == "local":
        for cell in cells:
            check_device(choices[cell], default_device())
    with held_cells(params, cells):
        prepare(pipeline, changed, {choices[cell].params.data for cell in cells})
        states = run_all(args, params, cells, devices)
        done = [cell for cell in cells if states[cell] == DONE and is_current(params, cell)]
        if done:
            forget(args.logs, params, done)  # first: what DVC refuses is scored again
            commit_stages(pipeline, [f"{stage}@{cell}" for cell in done for stage in ("train", "evaluate")])
    if len(done) < len(cells):
        failed = ", ".join(cell for cell in cells if cell not in done)
        raise HarnessError(
            f"{failed}: failed {args.attempts} times, or parameters, data or code changed meanwhile; expected every cell "
            f"trained and scored; read {args.logs}, then run again"
        )
    print(f"{len(cells)} cells trained and scored; `dvc repro {pipeline}` makes the report")


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ladabench sweep", description=__doc__)
    parser.add_argument("--profile", default="digits", help="a folder of pipelines/ (default: %(default)s)")
    parser.add_argument("--cells", nargs="+", metavar="CELL", help="only these (default: those that DVC finds changed)")
    parser.add_argument(
        "--cluster",
        choices=("local", "slurm"),
        default="local",
        help="sbatch reads SBATCH_PARTITION, SBATCH_ACCOUNT and so on (default: %(default)s)",
    )
    parser.add_argument(
        "--at-once", type=int, metavar="N", help="cells at the same time (default: one on each GPU here, else one a core)"
    )
    parser.add_argument("--cpus", type=int, default=1, help="cores per cell (default: %(default)s)")
    parser.add_argument("--gpus", type=int, choices=(0, 1), help="GPUs per cell (default: 1 where this machine has any)")
    parser.add_argument(
        "--minutes",
        type=int,
        default=24 * 60,
        help="limit of one job; a longer cell is requeued and goes on (default: %(default)s)",
    )
    parser.add_argument(
        "--attempts",
        type=int,
        default=3,
        help="times that a cell is sent; one that fails goes on from its checkpoint (default: %(default)s)",
    )
    parser.add_argument("--poll", type=float, default=1.0, help="seconds between two looks (default: %(default)s)")
    parser.add_argument("--logs", type=Path, default=Path(".ckpt/sweep"), help="folder of the jobs' logs (default: %(default)s)")
    args = parser.parse_args(argv)
    args.cells = args.cells and [cell for word in args.cells for cell in word.split(",")]  # `a,b` as well as `a b`
    return args


def run_all(args: argparse.Namespace, params: Path, cells: list[str], devices: list[int]) -> dict[str, str]:
    """Keeps args.at_once jobs running until every cell is done or has failed args.attempts times. Returns {cell: last state}.

    It attaches to Slurm jobs of an earlier sweep. devices: the GPUs of this machine; each job has one of them for itself.
    """
    executor, free, inputs = make_executor(args), list(devices), inputs_digest(params)
    running, made = earlier_jobs(args.cluster, args.logs, params, cells, inputs)
    states = {cell: WAITING for cell in cells if cell not in made}
    waiting, taken = [cell for cell in states if cell not in running], dict[str, int]()
    attempts, began = Counter[str](), time.monotonic()
    try:
        while running or waiting:
            while waiting and len(running) < args.at_once:
                cell = waiting.pop(0)
                attempts[cell] += 1
                if devices:
                    taken[cell] = free.pop(0)
                    executor.update_parameters(local_visible_gpus=[taken[cell]])
                running[cell] = send(executor, inputs, params, cell)
            time.sleep(args.poll)
            for cell, job in list(running.items()):
                say(cell, states, describe(job, args.profile, cell))
                if job.done():
                    del running[cell]
                    free += [taken.pop(cell)] if cell in taken else []
                    say(cell, states, DONE if succeeded(job, inputs) else lost(attempts[cell]))
                    if states[cell] != DONE and attempts[cell] < args.attempts:
                        waiting.append(cell)
                    elif states[cell] == DONE:
                        print(*scores(params, cell), left(states, began), sep="\n", flush=True)
    except (KeyboardInterrupt, SystemExit) as end:  # Ctrl-C; SIGTERM or a closed terminal, after which Slurm's jobs go on
        if args.cluster == "local" or isinstance(end, KeyboardInterrupt):
            cancel(args.cluster, running.values())
        raise
    return states | dict.fromkeys(made, DONE)


def chosen_cells(args: argparse.Namespace, choices: dict, changed: dict) -> list[str]:
    """The cells named on the command line, or those whose training or scores DVC finds changed or missing."""
    for cell in args.cells or []:
        if cell not in choices:
            raise unknown_choice("cell", cell, choices)
    if args.cells:
        return list(dict.fromkeys(args.cells))
    return [cell for cell in choices if any(stage.endswith((f":train@{cell}", f":evaluate@{cell}")) for stage in changed)]


def ready_cells(profile: Profile, cells: list[str], named: bool) -> list[str]:
    """The cells for which nothing is missing. A problem with one dataset stops only the cells of that dataset.

    HarnessError if such a cell was named on the command line, or if no cell is left.
    """
    found = {key: lacks(profile, key) for key in dict.fromkeys(profile.cells[cell].params.data for cell in cells)}
    ready = [cell for cell in cells if not found[profile.cells[cell].params.data]]
    left_out = [cell for cell in cells if cell not in ready]
    if left_out and (named or not ready):
        raise HarnessError(f"{', '.join(left_out)}: {next(lack for lines in found.values() for lack in lines)}")
    for cell in left_out:
        print(f"{cell}: left out, because {found[profile.cells[cell].params.data][0]}", flush=True)
    for cell in ready:
        check_batch(profile, profile.cells[cell])
    return ready


def prepare(pipeline: Path, changed: dict, data: set[str]) -> None:
    """Has DVC make the extractor, and what it finds missing or out of date of each dataset."""
    of_data = (f"{stage}@{name}" for name in sorted(data) for stage in ("prepare", "statistics"))
    needed = [f"{pipeline}:{stage}" for stage in ("extractor", *of_data)]
    missing = [stage for stage in needed if stage in changed]
    if missing:
        progress.say(f"first: dvc repro {' '.join(missing)}")
        dvc("repro", "-q", *missing)


if __name__ == "__main__":
    run_command(main)
