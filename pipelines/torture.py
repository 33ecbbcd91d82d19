"""Kills a run again and again, through `dvc repro`, and compares it with one left alone: `python -m pipelines.torture`.

Works on two clones of the repository's HEAD in a temporary directory; nothing in the working tree is touched.
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

ROOT = Path(__file__).resolve().parent.parent


def main(argv: list[str] | None = None) -> None:
    """Exits with 0 only if weights, snapshots and curves of the two runs are the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--profile", default="digits")
    parser.add_argument("--cell", default="table1-16")
    parser.add_argument("--nimg", type=int, default=3200, help="length of the run; a checkpoint is written 20 times")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="torture-") as directory:
        left_alone, killed = (prepare_clone(Path(directory) / name, args) for name in ("left-alone", "killed"))
        began = time.monotonic()
        finish(left_alone, args)
        whole_seconds = time.monotonic() - began
        kill_repeatedly(killed, args, whole_seconds)
        finish(killed, args)
        compare(outputs(left_alone, args), outputs(killed, args))
    print(f"{args.kills} kills: weights, snapshots and curves are bit-identical to those of the run left alone")


def prepare_clone(clone: Path, args: argparse.Namespace) -> Path:
    """A clone whose cell trains for args.nimg images, with its data prepared."""
    run("git", "clone", "-q", str(ROOT), str(clone), cwd=ROOT)
    path, yaml = clone / "pipelines" / args.profile / "params.yaml", YAML()
    params = yaml.load(path)
    params["train"] |= {"nimg": args.nimg, "checkpoint_nimg": max(1, args.nimg // 20)}
    yaml.dump(params, path)
    data = params["cells"][args.cell]["data"]
    run(*dvc("repro", "-q", f"pipelines/{args.profile}/dvc.yaml:prepare@{data}"), cwd=clone)
    return clone


def finish(clone: Path, args: argparse.Namespace) -> None:
    """Lets the stage run to its end."""
    run(*train_command(args), cwd=clone)


def kill_repeatedly(clone: Path, args: argparse.Namespace, whole_seconds: float) -> None:
    """args.kills SIGKILLs at random moments: of the whole process group, or of the trainer alone.

    A run that would end before its kill is killed sooner the next time, so that all kills strike one unfinished run.
    """
    moments, longest, landed = random.Random(args.seed), 0.6 * whole_seconds, 0
    while landed < args.kills:
        if (clone / "results" / args.profile / "runs" / args.cell).exists():
            raise HarnessError(
                f"the run ended after {landed} of {args.kills} kills; expected it unfinished; give a larger --nimg"
            )
        process = subprocess.Popen(
            train_command(args),
            cwd=clone,
            env=environment(),
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        delay = moments.uniform(0, longest)
        kill_after(process, delay, trainer_only=moments.random() < 0.3)
        landed += 1
        saved = [int(path.stem[-9:]) for path in (clone / ".ckpt").glob("*/*/[!.]*.json")]
        print(f"kill {landed}: after {delay:.1f} s, newest checkpoint at step {max(saved, default=0)}", flush=True)
        if saved and max(saved) * landed > progress_allowed(args, landed):
            longest *= 0.8


def progress_allowed(args: argparse.Namespace, landed: int) -> float:
    """Beyond this, progress outruns the kills."""
    return args.nimg / 32 * landed * landed / args.kills


def kill_after(process: subprocess.Popen, delay: float, trainer_only: bool) -> None:
    """SIGKILL after `delay` seconds, then waits until nothing of the group is left."""
    try:
        process.wait(delay)
        raise HarnessError(f"the run ended by itself: {process.stderr.read().decode()[-400:] or 'no message'}")
    except subprocess.TimeoutExpired:
        pass
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
    """HarnessError naming the files that differ."""
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
    """The clone has no virtual environment of its own; two runs compare only on the same device."""
    return os.environ | {"HARNESS_PYTHON": sys.executable, "HARNESS_DEVICE": "cpu"}


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise HarnessError(f"`{' '.join(command)}` failed: {done.stderr.strip()[-400:]}; expected exit status 0")


if __name__ == "__main__":
    run_command(main)
