"""CT, consistency training, at the three published resolutions. One evaluation makes an image. A second one improves it.

Song et al. 2023, arXiv 2303.01469. The paper of the tables prints CT's cost for two steps (caption of its Table V). On CIFAR-10
the network is NCSN++, else ADM's U-Net (github.com/openai/consistency_models, scripts/launch.sh). An easy mistake: 256x256 shifts
without scaling, 64x64 does both.
"""

from functools import partial
from typing import Any

import torch

from baselines.generators.adm import DiffusionUNet, noisy_images
from baselines.generators.ncsnpp import NcsnPlusPlus
from baselines.generators.network import Network

CLASSES = 1000
NOTE = "one step takes half as long; its MACs, which are not printed, are counted in ADM-IP's convention"


def _labelled_images(batch: int) -> tuple[torch.Tensor, ...]:
    """Images, noise levels and classes of ImageNet."""
    return *noisy_images(64, batch), torch.arange(batch) % CLASSES


def _network(resolution: int, source: str, note: str = "", **fields: Any) -> Network:
    return Network(
        title=f"CT {resolution}x{resolution}, 2 steps",
        resolution=resolution,
        source=f"arXiv 2303.01469; {source}",
        convention="weights+bias",
        steps_per_image=2,
        note=f"{note}{NOTE}",
        **fields,
    )


GENERATORS = {
    "ct-32": _network(
        32,
        "github.com/openai/consistency_models_cifar10, configs/cifar10_ve_ct_adaptive.py",
        "its 800,000 steps of 512 images are the 409M images that the paper prints; ",
        build=NcsnPlusPlus,
        inputs=lambda batch: (torch.randn(batch, 3, 32, 32), torch.full((batch,), 1.1)),
    ),
    "ct-64": _network(
        64,
        "github.com/openai/consistency_models, scripts/launch.sh; weights huggingface.co/openai/diffusers-ct_imagenet64, 1.18 GB",
        "class-conditional, on ImageNet, not on CelebA as the other rivals at this size; ",
        build=partial(
            DiffusionUNet,
            "RAAA",
            sample_size=64,
            out_channels=3,
            layers_per_block=3,
            block_out_channels=(192, 384, 576, 768),
            attention_head_dim=64,
            resnet_time_scale_shift="scale_shift",
            num_class_embeds=CLASSES,
        ),
        inputs=_labelled_images,
    ),
    "ct-128": Network(
        title="CT 128x128",
        resolution=128,
        source="arXiv 2303.01469",
        build=None,
        inputs=None,
        steps_per_image=2,
        note="published at 32, 64 and 256 pixels only, so there is no network of this size to build or measure",
    ),
    "ct-256": _network(
        256,
        "github.com/openai/consistency_models, scripts/launch.sh; parameters printed by arXiv 2401.09596, Table V",
        build=partial(
            DiffusionUNet,
            "RRRAAA",
            sample_size=256,
            out_channels=3,
            layers_per_block=2,
            block_out_channels=(256, 256, 512, 512, 1024, 1024),
            attention_head_dim=64,
            resnet_time_scale_shift="default",
        ),
        inputs=partial(noisy_images, 256),
    ),
}
