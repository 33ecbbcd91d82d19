"""The key of a checkpoint: a digest of everything that decides a run's result. Only a checkpoint with the same key is resumed."""

import inspect
import sys

import torch
from torch import nn

from harness.closure import ROOT, source_files
from harness.files import digest, sha256_file

LOOP = "harness.training.loop"


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
    """{file: sha256} of all that the trainer and the networks import from this project, and of networks' files elsewhere."""
    defined = {kind.__module__: kind for network in networks for module in network.modules() for kind in [type(module)]}
    inside = {name: ROOT / name for name in source_files(LOOP, *defined)}
    outside = {
        f"{name}: {kind.__name__}": inspect.getfile(kind)
        for name, kind in defined.items()
        if name.split(".")[0] != "torch" and name in sys.modules and not source_files(name)
    }
    return {name: sha256_file(path) for name, path in sorted((inside | outside).items())}
