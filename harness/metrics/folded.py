"""Inception-v3 in less time, with the same outputs.

Three things differ from torch-fidelity's pass. BatchNorm is folded into the convolution before it; images lie in channels_last
memory; and pictures are resized along one axis and then along the other, where torch-fidelity gathers four pictures of 299 x 299
first. The resized picture is equal to the last bit, the outputs to about 1e-6.
"""

import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import BasicConv2d

from harness.errors import HarnessError

SAME = 1e-4  # relative L2 distance of outputs from the unmodified network's; 3e-6 was measured, and TF32 would give 1e-3
TRUNK = (
    "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "MaxPool_2",
    "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e",
    "Mixed_7a", "Mixed_7b", "Mixed_7c", "AvgPool",
)  # fmt: skip


def fold(network: nn.Module) -> None:
    """Folds every BatchNorm of torch-fidelity's network into the convolution before it, in float64. Changes `network` itself."""
    for block in network.modules():
        if isinstance(block, BasicConv2d):
            norm, conv = block.bn, block.conv
            scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
            shift = norm.bias.double() - norm.running_mean.double() * scale
            conv.weight.copy_((conv.weight.double() * scale[:, None, None, None]).float())
            conv.bias = nn.Parameter(shift.float(), requires_grad=False)
            block.bn = nn.Identity()
    network.to(memory_format=torch.channels_last)


def trunk(network: nn.Module, x: Tensor, side: int) -> Tensor:
    """Pool features (B, 2048) of uint8 images (B, 3, H, W), which are resized to side x side pixels."""
    x = (resized(x.float(), side) - 128) / 128
    x = x.contiguous(memory_format=torch.channels_last)
    for name in TRUNK:
        x = getattr(network, name)(x)
    return x.flatten(1)


def resized(x: Tensor, side: int) -> Tensor:
    """Images (B, C, H, W) in float32 resized to side x side as TensorFlow 1 does, bilinear from the upper left corner.

    Equal to torch-fidelity's `interpolate_bilinear_2d_like_tensorflow1x` to the last bit.
    """
    low, high, share = _taps(x.shape[3], side, x.device)
    left, right = x.index_select(3, low), x.index_select(3, high)
    rows = left + (right - left) * share  # (B, C, H, side)
    low, high, share = _taps(x.shape[2], side, x.device)
    top, bottom = rows.index_select(2, low), rows.index_select(2, high)
    return top + (bottom - top) * share[:, None]


def _taps(size: int, side: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """For each of `side` pixels: the two of `size` pixels it lies between, and its distance from the first."""
    place = torch.arange(side, dtype=torch.float32, device=device) * torch.tensor(size / side, dtype=torch.float32)
    low = place.long()
    return low, (low + 1).clamp_max(size - 1), place - low.float()


def check_same(given: tuple[Tensor, ...], expected: tuple[Tensor, ...], names: tuple[str, ...]) -> None:
    """HarnessError if an output of the folded network is further than SAME from that of torch-fidelity's."""
    for name, ours, theirs in zip(names, given, expected, strict=True):
        distance = ((ours - theirs).norm() / theirs.norm()).item()
        if not distance <= SAME:
            raise HarnessError(
                f"folded Inception's {name} differ by {distance:.1e} from torch-fidelity's on {theirs.device}; expected at most"
                f" {SAME:.0e}; this device or build of torch computes one of them wrongly: use another, and report it"
            )
