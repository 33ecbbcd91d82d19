"""Two gloo ranks against one rank on the same global batch, in float64."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

from harness.errors import HarnessError
from harness.training.distributed import Ranks
from pipelines.commands.ranks import exchange

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = runpy.run_path(str(Path(__file__).with_name("two_ranks.py")))


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The folder of what both ranks have saved."""
    folder = tmp_path_factory.mktemp("ranks")
    processes = [start_rank(rank, folder) for rank in (0, 1)]
    try:
        errors = [process.communicate(timeout=240)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [process.returncode for process in processes] == [0, 0], errors
    return folder


def test_two_ranks_equal_one(out):
    """Up to three steps: curves (losses, R1, bCR, logits, gradient norms), G, D and averaged G, BatchNorm statistics included."""
    one, two = (safetensors.torch.load_file(out / f"{name}.safetensors") for name in ("alone", "together"))
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-10, atol=1e-10, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("label", SCRIPT["CONFIGS"])
def test_ranks_send_each_other_what_the_plan_says(out, label):
    config = SCRIPT["CONFIGS"][label]
    modelled = exchange(*SCRIPT["networks"](0), config)
    for rank in (0, 1):
        sent = json.loads((out / f"sent-{rank}.json").read_text())[label]
        assert (len(sent), sum(sent)) == (modelled.calls * config.steps, modelled.bytes * config.steps)


def start_rank(rank, out):
    variables = {
        "RANK": rank,
        "WORLD_SIZE": 2,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": 29000 + os.getpid() % 1000,
        "OMP_NUM_THREADS": 1,
    }
    environment = os.environ | {name: str(value) for name, value in variables.items()} | {"PYTHONPATH": str(ROOT)}
    script = Path(__file__).with_name("two_ranks.py")
    return subprocess.Popen([sys.executable, script, out], env=environment, stderr=subprocess.PIPE, text=True)


def test_shares_are_equal_or_refused():
    assert [Ranks(rank, 3).part(6) for rank in range(3)] == [slice(0, 2), slice(2, 4), slice(4, 6)]
    with pytest.raises(HarnessError, match="batch: given 7 for 3 ranks"):
        Ranks(0, 3).part(7)
