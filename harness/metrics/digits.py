"""The digits classifier as a feature extractor.

Its weights are committed beside this file and pinned by their sha256, as Inception's are. So all machines measure distances in
the same feature space. `python -m pipelines.extractor --remake` trains the weights again and compares them.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from harness.errors import HarnessError
from harness.metrics.classifier import RESOLUTION, SHA256, WEIGHTS, DigitsClassifier, to_input

NAME = "digits-cnn"
SPATIAL_CHANNELS = 7


class DigitsFeatures(nn.Module):
    """Pool (B, 64), spatial (B, 448) and logits (B, 10) of uint8 images (B, 3, H, W). Resizes as TensorFlow 1 does, if needed."""

    resolution = RESOLUTION
    pool_dim = 64
    spatial_dim = SPATIAL_CHANNELS * 8 * 8

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.model = DigitsClassifier()
        self.model.load_state_dict(read_weights(weights)[0])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        middle, pool, logits = self.model(to_input(_resized(x)))
        spatial = middle[:, :SPATIAL_CHANNELS].permute(0, 2, 3, 1).flatten(1)  # (B, 8*8*7), channel fastest as for sFID
        return pool, spatial, logits

    @staticmethod
    def convert_features_tuple_to_dict(features: tuple[torch.Tensor, ...]) -> dict[str, torch.Tensor]:
        """The outputs by name, as torch-fidelity's extractors give them."""
        return dict(zip(("pool", "spatial", "logits"), features, strict=True))


def _resized(x: torch.Tensor) -> torch.Tensor:
    if x.shape[2:] == (RESOLUTION, RESOLUTION):
        return x
    # Imported only here, because torch-fidelity takes four seconds: it imports torchvision, and that torch's compiler.
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

    return interpolate_bilinear_2d_like_tensorflow1x(x.float(), size=(RESOLUTION, RESOLUTION), align_corners=False)


def load_digits_cnn(weights: Path | None) -> tuple[str, str, nn.Module]:
    """Label, sha256 and module, with the pinned weights or those in `weights`. The label shows the hash of other weights."""
    sha256 = read_weights(weights or WEIGHTS)[1]
    if weights is None and sha256 != SHA256:
        raise HarnessError(f"{WEIGHTS} has sha256 {sha256}, not the pinned {SHA256}; restore the file from Git")
    label = NAME if sha256 == SHA256 else f"{NAME}@{sha256[:8]}"
    return label, sha256, DigitsFeatures(weights or WEIGHTS).eval()


def read_weights(path: Path) -> tuple[dict[str, torch.Tensor], str]:
    """Tensors and sha256 of a digits-cnn file. HarnessError if it is another kind of file."""
    content = path.read_bytes()
    expected = {key: value.shape for key, value in DigitsClassifier().state_dict().items()}
    try:
        state = load(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise HarnessError(f"cannot read the digits-cnn weights {path}: {error}; run `python -m pipelines.extractor`") from error
    if {key: value.shape for key, value in state.items()} != expected:
        raise HarnessError(f"given {path}, whose tensors are not those of digits-cnn; run `python -m pipelines.extractor`")
    return state, hashlib.sha256(content).hexdigest()


def read_facts(path: Path) -> dict[str, object]:
    """The metadata of a digits-cnn file: accuracy on the test split, hash of the training data, seed, epochs, train_count."""
    content = path.read_bytes()
    read_weights(path)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return json.loads(header["__metadata__"]["digits-cnn"])
