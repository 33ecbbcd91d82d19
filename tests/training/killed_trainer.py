"""A trainer for test_kill: `python killed_trainer.py SCRATCH`; status 3 if it imported torch's compiler, which is slow."""

import sys
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import nn

from harness.training.config import TrainConfig
from harness.training.loop import fit
from harness.training.result import RunResult

CONFIG = TrainConfig(nimg=480, batch=4, log_nimg=20, checkpoint_nimg=12, snapshots=3, bcr_weight=0.3)


def train(scratch: Path) -> RunResult:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(4, 16 * 16), nn.Unflatten(1, (4, 8, 8)), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 3, padding=1))
    discriminator = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 6), nn.Flatten())
    images = np.random.default_rng(0).integers(0, 256, (50, 3, 8, 8), dtype=np.uint8)
    return fit(generator, discriminator, images, CONFIG, scratch, "d", noise_dim=4)


def tensors(result: RunResult) -> dict[str, torch.Tensor]:
    """Everything that must be bit-identical, by name."""
    values = {f"{nimg}/{name}": value for nimg, state in result.snapshots.items() for name, value in state.items()}
    curves = torch.tensor([list(row.values()) for row in result.curves], dtype=torch.float64)
    return {**values, **{f"ema/{name}": value for name, value in result.g_ema.items()}, "curves": curves}


if __name__ == "__main__":
    safetensors.torch.save_file(tensors(train(Path(sys.argv[1]))), Path(sys.argv[1]) / "result")
    sys.exit(3 if "torch._dynamo" in sys.modules else 0)
