"""Verifies an engine in a separate process. After an illegal memory access, a process can no longer use its GPU."""

import io
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

import torch
from torch import nn

from harness.errors import HarnessError
from harness.processes import serve_parent
from harness.training.config import TrainConfig
from harness.training.engines import Accelerate, Engine
from harness.training.engines.verify import verify_engine


def try_apart(
    engine: Engine, networks: tuple[nn.Module, nn.Module], config: TrainConfig, noise_dim: int, side: int, accelerate: Accelerate
) -> None:
    """Calls `verify_engine` in a separate process, on the networks' device. Raises its errors, or HarnessError if it died."""
    device = next(networks[0].parameters()).device
    buffer = io.BytesIO()  # tensors would go through /dev/shm, which in a container may have 64 MB
    torch.save(networks, buffer)
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=serve_parent) as pool:
        try:
            pool.submit(_verify, engine, buffer.getvalue(), device, config, noise_dim, side, accelerate).result()
        except BrokenProcessPool as error:
            raise HarnessError(f"engine {engine.name}: the process that tried it died") from error


def _verify(
    engine: Engine, networks: bytes, device: torch.device, config: TrainConfig, noise_dim: int, side: int, accelerate: Accelerate
) -> None:
    loaded = torch.load(
        io.BytesIO(networks), map_location=device, weights_only=False
    )  # safe, because the parent process made these bytes
    verify_engine(engine, loaded, config, noise_dim, side, accelerate)
