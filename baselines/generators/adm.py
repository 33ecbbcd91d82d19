"""The diffusion rival ADM-IP (input perturbation), as diffusers' UNet2DModel builds it.

ADM: Dhariwal and Nichol, arXiv 2105.05233. ADM-IP: Ning et al., arXiv 2301.11706. The configurations give the printed parameter
counts to the digit. Two easy mistakes: ADM-IP 128 has three residual blocks per resolution (OpenAI's own 128 has two), and the
middle block's attention is normalised.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from baselines.generators.network import Network

COMMON = {
    "in_channels": 3,
    "downsample_type": "resnet",
    "upsample_type": "resnet",
    "attn_norm_num_groups": 32,
    "norm_num_groups": 32,
    "norm_eps": 1e-5,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "time_embedding_type": "positional",
    "act_fn": "silu",
}
LEARNED_VARIANCE = {"out_channels": 6, "layers_per_block": 3, "resnet_time_scale_shift": "scale_shift"}


class DiffusionUNet(nn.Module):
    """One evaluation of a denoiser: noisy images (B, 3, R, R), timesteps (B,) -> predictions (B, 3 or 6, R, R).

    A class-conditional one (`num_class_embeds`) takes classes (B,) too. `down` names each resolution's blocks, R residual and A
    with attention; the way up mirrors it.
    """

    def __init__(self, down: str, **config: Any) -> None:
        super().__init__()
        from diffusers import UNet2DModel  # seconds to import, and only these networks need it

        down_types = {"R": "ResnetDownsampleBlock2D", "A": "AttnDownBlock2D"}
        up_types = {"R": "ResnetUpsampleBlock2D", "A": "AttnUpBlock2D"}
        self.unet: Any = UNet2DModel(
            down_block_types=[down_types[block] for block in down],
            up_block_types=[up_types[block] for block in reversed(down)],
            **COMMON,
            **config,
        )

    def forward(self, img: Tensor, timestep: Tensor, label: Tensor | None = None) -> Tensor:
        """(B, 3, R, R), (B,), (B,) -> (B, 3 or 6, R, R)."""
        return self.unet(img, timestep, class_labels=label, return_dict=False)[0]


def noisy_images(resolution: int, batch: int) -> tuple[Tensor, Tensor]:
    """Images of noise and their timesteps."""
    return torch.randn(batch, 3, resolution, resolution), torch.full((batch,), 500)


def _adm_ip(resolution: int, down: str, block_out_channels: tuple[int, ...], attention_head_dim: int) -> Network:
    build = partial(
        DiffusionUNet,
        down,
        sample_size=resolution,
        block_out_channels=block_out_channels,
        attention_head_dim=attention_head_dim,
        **LEARNED_VARIANCE,
    )
    return Network(
        title=f"ADM-IP {resolution}x{resolution}, 80 steps",
        resolution=resolution,
        source="arXiv 2301.11706; counts printed by arXiv 2401.09596, Table V",
        build=build,
        inputs=partial(noisy_images, resolution),
        convention="weights+bias",
        steps_per_image=80,
        note="printed MACs: one evaluation, attention products left out, one operation per biased output added; "
        "1,000 steps take 12.5 times as long",
    )


GENERATORS = {
    "adm-ip-32": _adm_ip(32, "RAAR", (128, 256, 256, 256), 32),
    "adm-ip-64": _adm_ip(64, "RAAA", (192, 384, 576, 768), 64),
    "adm-ip-128": _adm_ip(128, "RRAAA", (256, 256, 512, 768, 1024), 64),
    "adm-ip-256": Network(
        title="ADM-IP 256x256",
        resolution=256,
        source="arXiv 2301.11706",
        build=None,
        inputs=None,
        steps_per_image=80,
        note="published at 32, 64 and 128 pixels only, so there is no network of this size to build or measure",
    ),
}
