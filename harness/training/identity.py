"""The key of a checkpoint: a digest of everything that decides a run's result. Only a checkpoint with the same key is resumed."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from harness.closure import ROOT, source_files
from harness.files import digest, sha256_file

LOOP = "harness.training.loop"


def run_key(
    engine: str,
    given: str,
    config: dict,
    data: str,
    networks: list[nn.Module],
    device: torch.device,
    accelerate: Callable[[nn.Module], None],
) -> str:
    """Digest of the engine, the caller's own digest, the configuration, the data, the networks' shapes, the code and the torch
    version. The networks are as they are before an engine changes them."""
    return digest(
        {
            "given": given,
            "config": config,
            "data": data,
            "shapes": [[(name, str(value.dtype), list(value.shape)) for name, value in n.state_dict().items()] for n in networks],
            "code": _code(networks, accelerate),
            "engine": engine,
            "device": device.type,
            "torch": torch.__version__,
        }
    )


def _code(networks: list[nn.Module], accelerate: Callable[[nn.Module], None]) -> dict[str, str]:
    """{file: sha256} of all that the trainer and the networks import from this project, and of networks' files elsewhere."""
    defined: dict[str, Any] = {kind.__module__: kind for n in networks for module in n.modules() for kind in [type(module)]}
    defined |= {accelerate.__module__: accelerate if inspect.isfunction(accelerate) else type(accelerate)}
    inside = {name: ROOT / name for name in source_files(LOOP, *defined)}
    outside = {
        f"{name}: {kind.__name__}": inspect.getfile(kind)
        for name, kind in defined.items()
        if name.split(".")[0] != "torch" and name in sys.modules and not source_files(name)
    }
    return {name: sha256_file(path) for name, path in sorted((inside | outside).items())}
