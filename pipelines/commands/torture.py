"""Kills a run many times, through `dvc repro`, and compares it with an undisturbed one: `python -m pipelines.commands.torture`.

It works on two clones of the repository's HEAD in a temporary directory. The working tree does not change.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from ruamel.yaml import YAML

from harness.errors import HarnessError, run_command
from harness.files import sha256_file

ROOT = Path(__file__).resolve().parent.parent.parent
EARLY_SECONDS = 5  # after the start, while DVC and Python load and the trainer resumes


def main(argv: list[str] | None = None) -> None:
    """Exits with 0 only if weights, snapshots and curves of both runs have the same bytes."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.commands.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often it is killed (default: %(default)s)")
    parser.add_argument("--profile", default="digits", help="a folder of pipelines/ (default: %(default)s)")
    parser.add_argument("--cell", default="table1-16", help="what is trained (default: %(default)s)")
    parser.add_argument(
        "--nimg",
        type=int,
        default=3200,
        help="length of the run; a checkpoint is written four times per kill (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills (default: %(default)s)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="torture-") as directory:
        left_alone, killed = (prepare_clone(Path(directory) / name, args) for name in ("left-alone", "killed"))
        finish(left_alone, args)
        kill_repeatedly(killed, args)
        finish(killed, args)
        compare(outputs(left_alone, args), outputs(killed, args))
    print(f"{args.kills} kills: weights, snapshots and curves are bit-identical to those of the run left alone")


def prepare_clone(clone: Path, args: argparse.Namespace) -> Path:
    """Makes a clone whose cell trains for args.nimg images, and prepares its data."""
    run("git", "clone", "-q", str(ROOT), str(clone), cwd=ROOT)
    path, yaml = clone / "pipelines" / args.profile / "params.yaml", YAML()
    params = yaml.load(path)
    params["train"] |= {"nimg": args.nimg, "checkpoint_nimg": max(1, args.nimg // (4 * args.kills))}
    yaml.dump(params, path)
    data = params["cells"][args.cell]["data"]
    stages = (f"prepare@{data}", "extractor", "train-code", "mechanisms")  # what the training depends on
    run(*dvc("repro", "-q", *(f"pipelines/{args.profile}/dvc.yaml:{stage}" for stage in stages)), cwd=clone)
    return clone


def finish(clone: Path, args: argparse.Namespace) -> None:
    """Runs the train stage to its end."""
    run(*train_command(args), cwd=clone)


def kill_repeatedly(clone: Path, args: argparse.Namespace) -> None:
    """Sends args.kills SIGKILLs, half soon after the start, half soon after a new checkpoint, to all processes or the trainer."""
    moments = random.Random(args.seed)
    for kill in range(1, args.kills + 1):
        before = newest_step(clone)
        process = subprocess.Popen(
            train_command(args),
            cwd=clone,
            env=environment(),
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        if moments.random() < 0.5:
            time.sleep(moments.uniform(0, EARLY_SECONDS))
        else:
            wait_for_checkpoint(clone, before, process)
            time.sleep(moments.uniform(0, 0.5))
        kill_family(process, trainer_only=moments.random() < 0.3)
        print(f"kill {kill}: newest checkpoint at step {newest_step(clone)}", flush=True)


def newest_step(clone: Path) -> int:
    """The step of the clone's newest checkpoint. 0 if there is none."""
    return max((int(path.stem[-9:]) for path in clone.glob(".ckpt/*/*/[!.]*-*.json")), default=0)


def wait_for_checkpoint(clone: Path, before: int, process: subprocess.Popen) -> None:
    """Waits for a checkpoint after step `before`, or for the end of the process."""
    while newest_step(clone) <= before and process.poll() is None:
        time.sleep(0.005)


def kill_family(process: subprocess.Popen, trainer_only: bool) -> None:
    """Sends SIGKILL and waits until all processes of the group have ended. HarnessError if there was none."""
    if process.poll() is not None:
        said = (process.stderr.read() if process.stderr else b"").decode().strip()[-400:]
        raise HarnessError(
            f"the run ended before its kill ({said or 'no message'}); expected it unfinished; give a larger --nimg"
        )
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    trainers = [member for member in family if "pipelines.train" in member.cmdline()]
    if trainer_only and trainers:
        trainers[-1].send_signal(signal.SIGKILL)
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    psutil.wait_procs(family)


def outputs(clone: Path, args: argparse.Namespace) -> dict[str, str]:
    """sha256 of the run's weights, snapshots and curves."""
    results = clone / "results" / args.profile
    files = [*sorted((results / "runs" / args.cell).glob("*.safetensors")), results / "curves" / f"{args.cell}.csv"]
    return {path.name: sha256_file(path) for path in files}


def compare(expected: dict[str, str], given: dict[str, str]) -> None:
    """HarnessError names the files that differ."""
    differing = sorted(name for name in expected.keys() | given.keys() if expected.get(name) != given.get(name))
    if differing:
        raise HarnessError(
            f"{', '.join(differing)} differ between the killed run and the one left alone; expected the same bytes"
        )


def train_command(args: argparse.Namespace) -> list[str]:
    return dvc("repro", "-q", "-s", "--no-run-cache", f"pipelines/{args.profile}/dvc.yaml:train@{args.cell}")


def dvc(*words: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *words]


def environment() -> dict[str, str]:
    """The environment of commands in a clone: this Python, because a clone has none, and always the CPU."""
    return os.environ | {"HARNESS_PYTHON": sys.executable, "HARNESS_DEVICE": "cpu"}


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise HarnessError(f"`{' '.join(command)}` failed: {done.stderr.strip()[-400:]}; expected exit status 0")


if __name__ == "__main__":
    run_command(main)
