"""Why there is no GPU, told from what a machine shows."""

import pytest
import torch

from harness.gpus import visible_gpus, why_no_gpu, why_unsupported

OLD = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.82.01  Thu\nGCC version:  gcc version 9.4.0\n"
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n"


@pytest.fixture
def cuda_13(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.2")


def test_an_old_driver_is_named_with_the_one_that_is_needed(cuda_13, tmp_path):
    path = tmp_path / "version"
    assert why_no_gpu(path) == "no NVIDIA driver is loaded"
    path.write_text(OLD)
    assert why_no_gpu(path).startswith(
        "the NVIDIA driver is version 470, and this torch, built for CUDA 13.2, needs 580 or newer"
    )
    path.write_text(OPEN)
    assert why_no_gpu(path).startswith("torch sees no GPU, although a driver is loaded")


def test_a_torch_without_cuda_says_so(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    assert why_no_gpu() == "this torch was built without CUDA"


@pytest.mark.parametrize(
    ("capability", "built_for", "runs"),
    [
        ((7, 0), ["sm_75", "sm_80", "sm_90"], False),  # a V100 and the lock's torch
        ((8, 6), ["sm_80", "sm_90"], True),  # kernels of 8.0
        ((8, 0), ["sm_86"], False),
        ((9, 0), ["sm_90a", "sm_90"], True),
        ((12, 0), ["sm_90", "sm_120"], True),
        ((12, 0), ["sm_90"], False),
        ((12, 0), ["sm_90", "compute_90"], True),  # compiled when it is loaded
    ],
)
def test_kernels_run_on_their_own_and_on_later_minor_versions(capability, built_for, runs):
    assert (why_unsupported(capability, built_for) is None) is runs


def test_gpus_are_those_that_the_environment_leaves(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus() == [0, 1]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert visible_gpus() == [3, 5]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert visible_gpus() == []
