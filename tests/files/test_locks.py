"""One trainer per cell."""

import os
import subprocess
import sys
import time

import pytest

from harness.errors import HarnessError
from harness.locks import cell_lock

HOLD = "import sys, time; from pathlib import Path; from harness.locks import cell_lock\nwith cell_lock(Path(sys.argv[1])): "


def test_a_second_trainer_is_told_the_pid_of_the_first(tmp_path):
    with (
        cell_lock(tmp_path / "cell"),
        pytest.raises(HarnessError, match=rf"another trainer \(pid {os.getpid()}\)"),
        cell_lock(tmp_path / "cell"),
    ):
        pass
    with cell_lock(tmp_path / "cell"):
        pass


def test_the_lock_goes_with_its_killed_holder(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD + "print('held', flush=True); time.sleep(60)", tmp_path], stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(HarnessError, match=str(holder.pid)), cell_lock(tmp_path):
        pass
    holder.kill()
    holder.communicate()
    with cell_lock(tmp_path):
        pass


def test_an_orphan_is_named_as_one(tmp_path):
    """A shell starts the holder in the background and ends, as a killed `dvc repro` would."""
    script = HOLD + "Path(sys.argv[1], 'held').touch(); time.sleep(60)"
    starter = subprocess.Popen(["sh", "-c", '"$0" -c "$1" "$2" >&2 & echo $!; read line', sys.executable, script, tmp_path],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    pid = int(starter.stdout.readline())
    try:
        while not (tmp_path / "held").exists():
            time.sleep(0.05)
        starter.communicate(b"\n", timeout=10)
        with pytest.raises(HarnessError, match=rf"orphan \(pid {pid}, .*run `kill {pid}`"), cell_lock(tmp_path):
            pass
    finally:
        os.kill(pid, 9)
