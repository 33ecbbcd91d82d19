"""Helpers for Inception around torch-fidelity: a strict check of arguments, and a module with all three outputs."""

from torch import nn
from torch_fidelity.defaults import DEFAULTS
from torch_fidelity.utils import create_feature_extractor

from harness.errors import unknown_choice

PROVIDED = ("pool", "spatial", "logits")
METRIC_LAYERS = {"isc": "logits", "fid": "pool", "kid": "pool", "prc": "pool"}


def check_arguments(arguments: dict[str, object]) -> None:
    """HarnessError for an argument that torch-fidelity does not know. torch-fidelity itself would ignore a misspelt one."""
    for name in arguments:
        if name not in DEFAULTS:
            raise unknown_choice("torch-fidelity argument", name, DEFAULTS)


def create(name: str, weights: object) -> nn.Module:
    """The registered extractor `name` in eval mode, on the CPU, with outputs pool, spatial and logits."""
    return create_feature_extractor(name, list(PROVIDED), cuda=False, verbose=False, feature_extractor_weights_path=weights)
