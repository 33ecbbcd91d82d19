"""The reference training step: plain, eager, in the order of the published TensorFlow code. Faster ones are compared with it.

The discriminator's passes stay apart (fake, real, and under bCR one concatenated pass of both augmented batches), because its
BatchNorm normalises each pass by that pass's own statistics.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from harness.training.adam import Adam
from harness.training.augment import augment
from harness.training.config import TrainConfig
from harness.training.distributed import Ranks, use_global_batchnorm
from harness.training.ema import Ema
from harness.training.losses import bcr_penalty, discriminator_loss, generator_loss, r1_penalty
from harness.training.randomness import Draws

METRICS = ("loss_d", "loss_g", "r1", "bcr", "logit_real", "logit_fake", "grad_norm_g", "grad_norm_d")


@dataclass
class TrainState:
    """The two networks, the averaged generator and the optimizers: all that a step changes."""

    generator: nn.Module
    discriminator: nn.Module
    ema: Ema
    opt_g: Adam
    opt_d: Adam
    ranks: Ranks = field(default_factory=Ranks)
    programs: dict[float, Callable] = field(default_factory=dict)  # of the compiled engine, by R1's factor

    def join(self, ranks: Ranks) -> None:
        """Makes this the state of one rank of several: BatchNorm and gradients then span the global batch."""
        self.ranks = ranks
        if ranks.size > 1:
            for network in (self.generator, self.discriminator):
                use_global_batchnorm(network)


def reference_step(state: TrainState, real_img: Tensor, draws: Draws, config: TrainConfig, r1_scale: float = 1.0) -> Tensor:
    """One step of D, then of G, then of the average. real_img (B, 3, H, W) in [-1, 1] -> the METRICS, (8,), on the device.

    `r1_scale` multiplies R1: 1 in every step, unless lazy R1 was asked for.
    """
    d = discriminator_step(state, real_img, draws, config, r1_scale)
    g = generator_step(state, draws, config)
    state.ema.update()
    values = {**d, **g}
    (metrics,) = state.ranks.average([torch.stack([values[name] for name in METRICS])])
    return metrics


def discriminator_step(
    state: TrainState, real_img: Tensor, draws: Draws, config: TrainConfig, r1_scale: float
) -> dict[str, Tensor]:
    """loss_d + r1_weight * R1 + bcr_weight * bCR, and one Adam step. Losses see plain images under bCR, else augmented ones."""
    with torch.no_grad():
        fake_img = state.generator(draws.z_d)  # (B, 3, H, W)
    real_aug, fake_aug = augment(real_img, draws.augment_real), augment(fake_img, draws.augment_fake)
    real_in, fake_in = (real_img, fake_img) if config.bcr_weight else (real_aug, fake_aug)
    real_in = real_in.detach().requires_grad_()
    fake_logits = state.discriminator(fake_in)  # (B, L)
    real_logits = state.discriminator(real_in)
    loss = discriminator_loss(real_logits, fake_logits)
    r1 = bcr = torch.zeros_like(loss)
    if config.r1_weight and r1_scale:
        r1 = config.r1_weight * r1_scale * r1_penalty(real_logits, real_in)
    if config.bcr_weight:
        both = state.discriminator(torch.cat([real_aug, fake_aug]))  # (2 B, L)
        bcr = config.bcr_weight * bcr_penalty(real_logits, both[: len(real_img)], fake_logits, both[len(real_img) :])
    norm = apply_gradients(loss + r1 + bcr, state.opt_d, state.ranks)
    values = {"loss_d": loss, "r1": r1, "bcr": bcr, "logit_real": real_logits.mean(), "logit_fake": fake_logits.mean()}
    return {name: value.detach() for name, value in values.items()} | {"grad_norm_d": norm}


def generator_step(state: TrainState, draws: Draws, config: TrainConfig) -> dict[str, Tensor]:
    """The non-saturating loss and one Adam step; unaugmented under bCR."""
    fake_img = augment(state.generator(draws.z_g), draws.augment_g)  # (B, 3, H, W)
    loss = generator_loss(state.discriminator(fake_img))
    return {"loss_g": loss.detach(), "grad_norm_g": apply_gradients(loss, state.opt_g, state.ranks)}


def apply_gradients(loss: Tensor, optimizer: Adam, ranks: Ranks) -> Tensor:
    """One optimizer step on `loss`, a mean over the ranks' equal shares.

    Returns the gradient's norm as the authors' PyTorch code logs it: the mean over parameter tensors of each one's L2 norm.
    """
    gradients = torch.autograd.grad(loss, optimizer.parameters, allow_unused=True, materialize_grads=True)
    gradients = ranks.average(list(gradients))
    optimizer.step(gradients)
    return torch.stack([gradient.norm() for gradient in gradients]).mean()
