"""Runs one check, in a process of its own or in this one, and returns its outcome."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.files import write_json

SHOWN = 300  # characters of a reason
COMMAND = [sys.executable, "-m", "pipelines.gpu"]


@dataclass
class Outcome:
    """How a check ended."""

    name: str
    status: str  # ok, failed, no GPU or no time left
    seconds: float = 0.0
    reason: str = ""  # why the status is not ok
    found: dict[str, Any] = field(default_factory=dict)  # what the check measured

    def line(self) -> str:
        """One line for the terminal."""
        said = self.reason or str(self.found.get("summary", ""))
        return f"{self.name:10} {self.status:12} {self.seconds:6.1f} s  {said}".rstrip()

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, without the name."""
        return {key: value for key, value in asdict(self).items() if key != "name"}


def run_apart(name: str, seconds: float) -> Outcome:
    """The check in a fresh process, ended with all its children after `seconds`."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        to, log = Path(folder) / "found.json", Path(folder) / "log"
        command = [*COMMAND, "--one", name, "--to", str(to)]
        with log.open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
            status = _wait(process, seconds)
        took = round(time.monotonic() - began, 1)
        if status is None:
            return Outcome(name, "failed", took, f"took more than {seconds:.0f} s")
        if status:
            return Outcome(name, "failed", took, _last_line(log, status))
        found = json.loads(to.read_text(encoding="utf-8"))
    failures = found.get("failures", [])
    return Outcome(name, "failed" if failures else "ok", took, "; ".join(failures)[:SHOWN], found)


def _wait(process: subprocess.Popen, seconds: float) -> int | None:
    """The exit status. None if it had to be killed."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # compilers run in processes of their own
            process.wait()


def _last_line(log: Path, status: int) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    ending = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    return f"{' '.join(lines[-1].split())[:SHOWN] if lines else 'it said nothing'} ({ending})"


def carry_out(name: str, to: Path) -> None:
    """The check in this process, on the first GPU; writes what it found."""
    import torch

    from pipelines.gpu.checks import CHECKS

    write_json(to, CHECKS[name].load()(torch.device("cuda", 0)))
