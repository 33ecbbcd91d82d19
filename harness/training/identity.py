"""What a checkpoint belongs to: a digest of all that decides a run's result, so that nothing foreign is ever resumed."""

import inspect
import sys
from pathlib import Path

import torch
from torch import nn

from harness.files import digest, sha256_file


def run_key(given: str, config: dict, data: str, networks: list[nn.Module], engine: str, device: torch.device) -> str:
    """Digest of the caller's own digest, the configuration, the data, the networks' shapes, the code and the torch version."""
    return digest(
        {
            "given": given,
            "config": config,
            "data": data,
            "shapes": [[(name, str(value.dtype), list(value.shape)) for name, value in n.state_dict().items()] for n in networks],
            "code": _code(networks),
            "engine": engine,
            "device": device.type,
            "torch": torch.__version__,
        }
    )


def _code(networks: list[nn.Module]) -> dict[str, str]:
    """sha256 of this package's files and of each file that defines a module of the networks, torch's own aside."""
    files = set(Path(__file__).parent.rglob("*.py"))
    for kind in {type(module) for network in networks for module in network.modules()}:
        if kind.__module__.split(".")[0] != "torch" and kind.__module__ in sys.modules:
            files.add(Path(inspect.getfile(kind)))
    return {f"{path.parent.name}/{path.name}": sha256_file(path) for path in sorted(files)}
