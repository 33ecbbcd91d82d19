"""The authors' published PyTorch training step, rewritten as the baseline of `pipelines.benches.train`. Nothing trains with it.

Same networks and the run without bCR: DiffAugment on both sides, R1 every step, one torch.optim.Adam per network, gradients
switched on and off by network, the average updated one parameter at a time, and six values read from the device in every step.
"""

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.training.config import TrainConfig
from harness.training.randomness import Draws

READS = 6


@dataclass
class AuthorsState:
    """The networks, the averaged generator and the optimizers."""

    generator: nn.Module
    discriminator: nn.Module
    average: nn.Module
    opt_g: torch.optim.Adam
    opt_d: torch.optim.Adam


def build_authors(generator: nn.Module, discriminator: nn.Module, config: TrainConfig) -> AuthorsState:
    """The state as the published code builds it, with Adam at torch's defaults."""
    opt_g, opt_d = (
        torch.optim.Adam(network.parameters(), lr=lr, betas=config.betas)
        for network, lr in ((generator, config.lr_g), (discriminator, config.lr_d))
    )
    average = deepcopy(generator).eval().requires_grad_(False)
    return AuthorsState(generator.train(), discriminator.train(), average, opt_g, opt_d)


def authors_step(state: AuthorsState, real_img: Tensor, draws: Draws, config: TrainConfig) -> list[float]:
    """One step of D and one of G. (B, 3, H, W) in [-1, 1] -> the six numbers that the published loop reads."""
    real_img = published_augment(real_img.detach().requires_grad_(), draws.augment_real)
    state.generator.requires_grad_(False)
    state.discriminator.requires_grad_(True)
    real_logits = state.discriminator(real_img)
    fake_img = published_augment(state.generator(draws.z_d).detach(), draws.augment_fake)
    fake_logits = state.discriminator(fake_img)
    (gradient,) = torch.autograd.grad(real_logits.sum(), real_img, create_graph=True)
    penalty = config.r1_weight * gradient.square().flatten(1).sum(1).mean()
    loss_d = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean() + penalty
    norm_d = _update(state.opt_d, state.discriminator, loss_d)

    state.generator.requires_grad_(True)
    state.discriminator.requires_grad_(False)
    fake_logits = state.discriminator(published_augment(state.generator(draws.z_g), draws.augment_g))
    loss_g = F.softplus(-fake_logits).mean()
    norm_g = _update(state.opt_g, state.generator, loss_g)
    _update_average(state, config.ema_decay)
    values = (loss_g, loss_d, norm_g, norm_d, fake_logits.mean(), real_logits.mean())
    return [value.item() for value in values]  # READS syncs


def published_augment(img: Tensor, draws: dict[str, Tensor]) -> Tensor:
    """DiffAugment as published: one operation after another, by padding and indexing pictures."""
    batch, _, side, _ = img.shape
    if "color" in draws:
        brightness, saturation, contrast = draws["color"][:, :, None, None, None].unbind(1)
        img = img + (brightness - 0.5)
        img = (img - img.mean(1, keepdim=True)) * (saturation * 2) + img.mean(1, keepdim=True)
        img = (img - img.mean((1, 2, 3), keepdim=True)) * (contrast + 0.5) + img.mean((1, 2, 3), keepdim=True)
    line = torch.arange(side, device=img.device)
    images = torch.arange(batch, device=img.device)[:, None, None]
    if "shift" in draws:
        rows, columns = ((line + draws["shift"][:, axis, None] + 1).clamp(0, side + 1) for axis in (0, 1))
        padded = F.pad(img, [1, 1, 1, 1]).permute(0, 2, 3, 1).contiguous()
        img = padded[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()
    if "cut" in draws:
        square = torch.arange(int(side * 0.5 + 0.5), device=img.device)
        rows, columns = ((square + draws["cut"][:, axis, None]).clamp(0, side - 1) for axis in (0, 1))
        mask = torch.ones(batch, side, side, dtype=img.dtype, device=img.device)
        mask[images, rows[:, :, None], columns[:, None, :]] = 0
        img = img * mask.unsqueeze(1)
    return img


def _update(optimizer: torch.optim.Adam, network: nn.Module, loss: Tensor) -> Tensor:
    network.zero_grad()
    loss.backward()
    norm = torch.stack([parameter.grad.norm() for parameter in network.parameters() if parameter.grad is not None]).mean()
    optimizer.step()
    return norm


@torch.no_grad()
def _update_average(state: AuthorsState, decay: float) -> None:
    for average, parameter in zip(state.average.parameters(), state.generator.parameters(), strict=True):
        average.mul_(decay).add_(parameter.data, alpha=1 - decay)
