"""Commands that have started others, ended by every signal at random moments: nothing that they started runs on."""

import argparse
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import psutil
from children import Action, ended, start
from stages import CELL, PARAMS, check_said, sound_project
from tally import Tally

from harness.processes import run_to_the_end
from pipelines import prepare
from pipelines.commands import jobs, sweep

PATIENCE = 20  # seconds until the last child must have ended
EVERY = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL)
GRANDCHILDREN = ["sh", "-c", "sleep 300 & sleep 300"]


def serve() -> None:
    """As MLflow's interface is started, which starts servers of its own."""
    run_to_the_end(GRANDCHILDREN, os.environ)


def wait_for_a_child() -> None:
    """As DVC, Git and a second training are started."""
    subprocess.run(GRANDCHILDREN, check=False)


def prepare_on_two_cores() -> None:
    """Pictures decoded by two processes."""
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    prepare.main([*PARAMS, "--data", "folder"])


def sweep_one_cell() -> None:
    """A sweep whose DVC finds everything in order."""
    Path("pipelines/digits/dvc.yaml").touch()
    sweep.dvc = lambda *words: "{}"
    jobs.make_executor(argparse.Namespace(logs=".ckpt", cluster="local", cpus=1, gpus=0, minutes=1))  # or it cannot start here
    sweep.main(["--profile", "digits", "--cells", CELL, "--poll", "0.1"])


# {what: (command, signals, seconds until it has started its own, stage before which it runs)}
COMMANDS: dict[str, tuple[Action, tuple[signal.Signals, ...], float, str]] = {
    "a server": (serve, EVERY, 1, "prepare"),
    "a child": (wait_for_a_child, EVERY[:2], 1, "prepare"),
    "a server again": (serve, EVERY[2:], 1, "prepare"),
    "a preparation": (prepare_on_two_cores, EVERY, 8, "prepare"),
    "a sweep": (sweep_one_cell, EVERY, 8, "train"),
}


def orphans(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Ends commands that have started others; counts those that run on."""
    tally, rng, root, said = Tally("ended parents"), random.Random(seed), scratch / "family", scratch / "said.txt"
    for number in range(tries):
        what, (action, signals, seconds, stage) = list(COMMANDS.items())[number % len(COMMANDS)]
        sound_project().before(stage, root)
        sent = rng.choice(signals)
        parent = start(root, action, said)
        family = _family(parent, seconds * (0.2 + rng.random()))
        what = f"{what} of {len(family)} processes, {sent.name}"
        tally.tried += 1
        os.kill(parent, sent)
        _, alive = psutil.wait_procs(family, PATIENCE)
        ended(parent)
        tally.refused += not alive
        if alive := [process for process in alive if _runs(process)]:
            tally.fail(f"{what}: {[' '.join(process.cmdline())[:60] for process in alive]} ran on")
            for process in alive:
                process.kill()
        check_said(tally, what, said)
    return [tally]


def _family(parent: int, seconds: float) -> list[psutil.Process]:
    """What a process has started once it has started something, and `seconds` have passed."""
    limit = time.monotonic() + PATIENCE
    while not (found := psutil.Process(parent).children(recursive=True)) and time.monotonic() < limit:
        time.sleep(0.02)
    time.sleep(seconds)
    return list(set(found) | set(psutil.Process(parent).children(recursive=True)))


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
