"""An engine is tried where its death harms nobody: after an illegal memory access a process can use its GPU no more."""

import io
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

import torch
from torch import nn

from harness.errors import HarnessError
from harness.training.config import TrainConfig
from harness.training.engines import Accelerate, Engine
from harness.training.engines.verify import verify_engine


def try_apart(
    engine: Engine, networks: tuple[nn.Module, nn.Module], config: TrainConfig, noise_dim: int, side: int, accelerate: Accelerate
) -> None:
    """`verify_engine` in a process of its own, on the networks' device; raises what it raises, HarnessError if it died."""
    device = next(networks[0].parameters()).device
    buffer = io.BytesIO()  # tensors would travel through /dev/shm, of which a container has 64 MB
    torch.save(networks, buffer)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        try:
            pool.submit(_verify, engine, buffer.getvalue(), device, config, noise_dim, side, accelerate).result()
        except BrokenProcessPool as error:
            raise HarnessError(f"engine {engine.name}: the process that tried it died") from error


def _verify(
    engine: Engine, networks: bytes, device: torch.device, config: TrainConfig, noise_dim: int, side: int, accelerate: Accelerate
) -> None:
    loaded = torch.load(io.BytesIO(networks), map_location=device, weights_only=False)  # bytes that the parent process has made
    verify_engine(engine, loaded, config, noise_dim, side, accelerate)
