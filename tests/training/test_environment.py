"""Devices and processes given by the environment and the command line are right, or one line says why not."""

import re
import sys
from pathlib import Path

import pytest

from harness.device import check_device, default_device, peak_resident_bytes
from harness.errors import HarnessError
from harness.training.distributed import Ranks, join_ranks

TORCHRUN = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in (*TORCHRUN, "HARNESS_DEVICE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("size", [None, "", "1"])
def test_without_torchrun_a_process_is_alone(monkeypatch, size):
    if size is not None:
        monkeypatch.setenv("WORLD_SIZE", size)
    assert join_ranks() == Ranks(0, 1)


@pytest.mark.parametrize("size", ["4", "0", "-1", "two", "1.5", " "])
def test_a_world_size_that_torchrun_did_not_set_is_one_line(monkeypatch, size):
    monkeypatch.setenv("WORLD_SIZE", size)
    with pytest.raises(HarnessError, match=r"WORLD_SIZE: given .* without RANK, MASTER_ADDR, MASTER_PORT"):
        join_ranks()


@pytest.mark.parametrize("name", ["gpu", "mps", "CPU", "cuda:", "cuda:x", "cuda:0:1", "xpu", " cpu", "cpu\n"])
def test_a_device_that_is_none_is_named(monkeypatch, name):
    with pytest.raises(HarnessError, match=r"--device: given .*; expected cpu, cuda or cuda:NUMBER"):
        check_device(name)
    monkeypatch.setenv("HARNESS_DEVICE", name)
    with pytest.raises(HarnessError, match="HARNESS_DEVICE: given"):
        default_device()


def test_devices_that_are_here(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert [check_device(name) for name in ("cpu", "cuda", "cuda:1")] == ["cpu", "cuda", "cuda:1"]
    with pytest.raises(HarnessError, match="given cuda:2, but torch sees 2 GPU"):
        check_device("cuda:2")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(HarnessError, match="given cuda, but torch sees no GPU"):
        check_device("cuda")
    monkeypatch.setenv("HARNESS_DEVICE", "")
    assert default_device() == "cpu"


def test_peak_memory_is_in_bytes(monkeypatch):
    here = peak_resident_bytes()
    assert 10 * 2**20 < here < 2**40
    monkeypatch.setattr(sys, "platform", "darwin")
    assert peak_resident_bytes() < here / 500


def test_no_command_leans_on_docstrings():
    """python -OO removes them."""
    code = [path for folder in ("harness", "pipelines") for path in Path(folder).rglob("*.py")]
    assert len(code) > 50
    assert [path for path in code if re.search(r"__doc__[.\[]", path.read_text())] == []
