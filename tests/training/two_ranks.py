"""One rank of test_distributed: trains alone on the global batch, then together with the other rank, and saves both results.

It also saves what the ranks have sent each other meanwhile.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
import torch.distributed as dist
from torch import nn

from harness.training import loop
from harness.training.config import TrainConfig
from harness.training.distributed import Ranks, join_ranks
from lada.accelerate import use_fused_attention
from lada.configs import DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator
from lada.generator import Generator

CONFIG = TrainConfig(nimg=18, batch=6, bcr_weight=0.7, r1_weight=0.5, log_nimg=6, checkpoint_nimg=6, snapshots=1)
WITHOUT_BCR = TrainConfig(nimg=12, batch=6, r1_weight=0.5, log_nimg=6, engine="reference", snapshots=0)
WITHOUT_R1 = TrainConfig(nimg=6, batch=6, r1_weight=0, bcr_weight=0.7, engine="reference", snapshots=0)
CONFIGS = {"eager": CONFIG, "without bCR": WITHOUT_BCR, "without R1": WITHOUT_R1}


def networks(seed: int) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(seed)
    generator = GeneratorConfig(
        resolution=32, dims=(32, 16, 8), base=4, noise_dim=6, mlp_dim=16, output="conv", decoder_dims=(4,)
    )
    discriminator = DiscriminatorConfig(resolution=32, encoder_dims=(4, 8, 16), base=4, mlp_dim=16, head_dims=(8, 8))
    return Generator(generator).double(), Discriminator(discriminator).double()


def train(ranks: Ranks, scratch: Path, sent: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    """Weights, averages, statistics and curves of every configuration, by name. Adds to `sent` the bytes of each all-reduce."""
    loop.join_ranks = lambda: ranks
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 32, 32), dtype=np.uint8)
    values = {}
    for label, config in CONFIGS.items():
        generator, discriminator = networks(ranks.rank)  # every rank draws others: rank 0's count
        with counted(sent.setdefault(label, [])):
            result = loop.fit(
                generator, discriminator, images, config, scratch / label, "d", noise_dim=6, accelerate=use_fused_attention
            )
        parts = {"g": generator.state_dict(), "d": discriminator.state_dict(), "ema": result.g_ema}
        values |= {f"{label}/{part}/{name}": value for part, state in parts.items() for name, value in state.items()}
        curves = torch.tensor([list(row.values()) for row in result.curves], dtype=torch.float64)
        values[f"{label}/curves"] = curves
    return {name: value.contiguous() for name, value in values.items()}


@contextmanager
def counted(sent: list[int]) -> Iterator[None]:
    """Adds the bytes of each tensor that goes through torch.distributed.all_reduce."""
    all_reduce = dist.all_reduce

    def count(tensor: torch.Tensor) -> None:
        sent.append(tensor.nbytes)
        all_reduce(tensor)

    dist.all_reduce = count
    try:
        yield
    finally:
        dist.all_reduce = all_reduce


def main(out: Path) -> None:
    ranks, sent = join_ranks(), {}
    together = train(ranks, out / "scratch-together", sent)
    (out / f"sent-{ranks.rank}.json").write_text(json.dumps(sent))
    if ranks.rank == 0:
        safetensors.torch.save_file(together, out / "together.safetensors")
        safetensors.torch.save_file(train(Ranks(), out / "scratch-alone", {}), out / "alone.safetensors")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
