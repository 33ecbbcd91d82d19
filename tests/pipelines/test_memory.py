"""Steps that do not fit, and devices that nobody chose."""

from pathlib import Path

import pytest
from torch import nn

from harness.errors import HarnessError
from harness.training.config import TrainConfig
from harness.training.memory import step_bytes
from pipelines import needs
from pipelines.needs import check_device, check_memory, memory_needed
from pipelines.profile import Profile, load_profile

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def paper(tmp_path, monkeypatch) -> Profile:
    """The paper's profile in a place without any file."""
    monkeypatch.chdir(tmp_path)
    return load_profile(ROOT / "pipelines/paper/params.yaml")


@pytest.mark.parametrize(
    ("cell", "gib"),
    [("table1-16", 4.7), ("table2-07", 5.4), ("table2-12", 10.4), ("table4-ffhq", 7.9), ("table4-lsun256", 19.8)],
)
def test_the_memory_of_a_step_is_about_what_was_measured(paper, cell, gib):
    assert memory_needed(paper.cells[cell]) / 2**30 == pytest.approx(gib, rel=0.1)


def test_a_step_of_two_small_networks_is_added_up_by_hand():
    generator = nn.Sequential(nn.Linear(4, 100), nn.Tanh())  # 500 weights; 200 outputs an image
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(12, 1))  # 13 weights; 13 outputs
    config = TrainConfig(nimg=10, batch=10, r1_weight=0.0, bcr_weight=0.0)
    weights, outputs = 5 * 500 + 4 * 13, 10 * (200 + 13)  # G's step is larger than D's two passes
    assert step_bytes(generator, discriminator, config, noise_dim=4, side=2, batch=10) == 4 * (weights + outputs)


def test_a_batch_larger_than_the_memory_is_refused(paper, monkeypatch, capsys):
    cell = paper.cells["table4-lsun256"]
    monkeypatch.setattr(needs, "memory_bytes", lambda device: 12 * 2**30)
    with pytest.raises(HarnessError, match=r"a step of 128 images needs about 18\.\d GiB, cuda has 12\.0; expected a smaller"):
        check_memory(cell, "cuda")
    check_memory(cell, "cuda", ranks=8)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(needs, "memory_bytes", lambda device: 17 * 2**30)
    check_memory(cell, "cuda")
    assert capsys.readouterr().err.startswith("warning: cells.table4-lsun256: a step of 128 images needs about")


def test_a_long_run_on_a_cpu_that_nobody_chose_is_refused(paper, monkeypatch):
    monkeypatch.delenv("HARNESS_DEVICE", raising=False)
    monkeypatch.setattr(needs, "why_no_gpu", lambda: "no NVIDIA driver is loaded")
    cell = paper.cells["table1-16"]
    with pytest.raises(
        HarnessError, match=r"its 532,000 steps would be trained on the CPU, because no NVIDIA driver is loaded; "
    ):
        check_device(cell, "cpu")
    check_device(paper.cell("table1-16", ["train.nimg=1280"]), "cpu")
    monkeypatch.setenv("HARNESS_DEVICE", "cpu")
    check_device(cell, "cpu")


def test_a_gpu_without_kernels_is_refused(paper, monkeypatch):
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: (7, 0))
    monkeypatch.setattr("torch.cuda.get_arch_list", lambda: ["sm_75", "sm_90", "sm_120"])
    with pytest.raises(
        HarnessError, match=r"cuda: the GPU is sm_70, this torch .* has kernels for sm_75, sm_90, sm_120; install"
    ):
        check_device(paper.cells["table1-16"], "cuda")
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: (9, 0))
    check_device(paper.cells["table1-16"], "cuda")
