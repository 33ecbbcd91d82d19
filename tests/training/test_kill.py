"""Kills a training process at random moments; `python -m pipelines.commands.torture` does it twenty times through DVC."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent


def start(scratch):
    environment = os.environ | {"PYTHONPATH": str(HERE.parents[1]), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, HERE / "killed_trainer.py", scratch], env=environment)


def newest(scratch):
    return max((int(path.stem[-9:]) for path in scratch.glob("[!.]*-*.json")), default=0)


def test_three_sigkills_leave_the_bits_of_a_run_left_alone(tmp_path):
    left_alone, killed, moments = start(tmp_path / "left-alone"), tmp_path / "killed", random.Random(0)
    for kill in range(1, 4):
        before, process = newest(killed), start(killed)
        while newest(killed) < before + moments.randint(3, 18) and process.poll() is None:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.02))
        process.kill()
        assert process.wait() == -9, f"kill {kill} came too late"
    (killed / ".half.1.tmp.safetensors").write_bytes(b"written when the third kill came")
    assert start(killed).wait() == left_alone.wait() == 0
    expected, given = (safetensors.torch.load_file(directory / "result") for directory in (tmp_path / "left-alone", killed))
    assert not list(killed.glob(".*.tmp.*"))
    assert expected.keys() == given.keys()
    assert all(torch.equal(expected[name], given[name]) for name in expected)
