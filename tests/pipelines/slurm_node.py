"""A real Slurm of one node, this machine, that lives as long as a test; needs Debian's slurm-wlm and munge, and no root."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
REQUEUE_SECONDS = 10  # cred_expire: a requeued job waits as long
CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.socket,cred_expire={seconds}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
KillWait=10
SchedulerParameters=sched_interval=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdParameters=config_overrides
NodeName=node NodeHostname={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000
PartitionName=test Nodes=node Default=YES
"""


@contextmanager
def slurm_node(folder: Path) -> Iterator[dict[str, str]]:
    """Yields the environment that Slurm's commands need; skips, saying why, where there is no Slurm or it does not start."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        pytest.skip(f"no Slurm here: {', '.join(missing)} not found; apt-get install slurm-wlm munge")
    environment = {"PATH": path, "SLURM_CONF": str(write_config(folder))}
    with ExitStack() as daemons:
        for command in daemon_commands(folder):
            daemons.enter_context(daemon(command, folder, environment))
        if not wait_for(lambda: ask(environment, "sinfo", "--noheader", "--format=%T") == "idle", 20):
            pytest.skip(f"Slurm did not start within 20 s: {last_words(folder)}")
        yield environment
        ask(environment, "scancel", "--me")
        wait_for(lambda: not ask(environment, "squeue", "--noheader"), 20)


def write_config(folder: Path) -> Path:
    """slurm.conf and munge's key, with ports that nobody uses."""
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [server.getsockname()[1] for server in (one, other)]
    names = {"host": socket.gethostname(), "user": getpass.getuser(), "ports": ports, "seconds": REQUEUE_SECONDS}
    config = folder / "slurm.conf"
    config.write_text(CONFIG.format(folder=folder, **names))
    return config


def daemon_commands(folder: Path) -> list[list[str]]:
    """Each stays in the foreground, a child of the test."""
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    munge = [f"--{option}={folder}/munge.{suffix}" for option, suffix in files.items()]
    return [["munged", "--foreground", "--force", *munge], ["slurmctld", "-D"], ["slurmd", "-D"]]


@contextmanager
def daemon(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A process that ends with the block, by its pid."""
    program = shutil.which(command[0], path=environment["PATH"])
    with (folder / f"{command[0]}.out").open("w") as output:
        process = subprocess.Popen([program, *command[1:]], stdout=output, stderr=output, env=environment)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def last_words(folder: Path) -> str:
    """The last line of every daemon's output."""
    outputs = {path.stem: path.read_text().splitlines() for path in sorted(folder.glob("*.out"))}
    return "; ".join(f"{name}: {lines[-1] if lines else 'nothing said'}" for name, lines in outputs.items())


def ask(environment: dict[str, str], *words: str) -> str:
    """What a Slurm command printed; "" where it failed."""
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def wait_for(condition: Callable[[], object], seconds: float) -> object:
    """The first true value of `condition`, or its last one when the time is over."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return value
