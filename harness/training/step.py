"""The reference training step: plain and eager, in the order of the published TensorFlow code. Every engine is compared with it.

The discriminator runs separately on fake and on real images, and under bCR once on both augmented batches together. They are not
merged, because BatchNorm normalises each pass by that pass's own statistics.
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
    """Everything that a step changes: the two networks, the averaged generator and the optimizers."""

    generator: nn.Module
    discriminator: nn.Module
    ema: Ema
    opt_g: Adam
    opt_d: Adam
    ranks: Ranks = field(default_factory=Ranks)
    programs: dict[float, Callable] = field(default_factory=dict)  # the compiled engine's, by r1_scale

    def join(self, ranks: Ranks) -> None:
        """Makes this the state of one rank of several. All begin with rank 0's weights; BatchNorm and gradients then cover the
        global batch."""
        self.ranks = ranks
        modules = (self.generator, self.discriminator, self.ema.module)
        ranks.begin_alike([value for module in modules for value in module.state_dict().values()])
        if ranks.size > 1:
            for network in (self.generator, self.discriminator):
                use_global_batchnorm(network)


def reference_step(state: TrainState, real_img: Tensor, draws: Draws, config: TrainConfig, r1_scale: float = 1.0) -> Tensor:
    """Updates D, then G, then the average. real_img (B, 3, H, W) in [-1, 1] -> the METRICS, (8,), on the device.

    `r1_scale` multiplies R1. It is 1 in every step, unless the configuration asks for lazy R1.
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
    """Minimises loss_d + r1_weight * R1 + bcr_weight * bCR by one Adam step.

    loss_d and R1 use augmented images, or plain ones under bCR.
    """
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
    """Minimises the non-saturating loss by one Adam step, on augmented images, or on plain ones under bCR."""
    fake_img = augment(state.generator(draws.z_g), draws.augment_g)  # (B, 3, H, W)
    loss = generator_loss(state.discriminator(fake_img))
    return {"loss_g": loss.detach(), "grad_norm_g": apply_gradients(loss, state.opt_g, state.ranks)}


def apply_gradients(loss: Tensor, optimizer: Adam, ranks: Ranks) -> Tensor:
    """Makes one optimizer step. `loss` is this rank's; gradients are averaged over the ranks, whose shares are equal.

    Returns the gradient norm that the authors' PyTorch code logs: the mean of the parameter tensors' L2 norms.
    """
    found = torch.autograd.grad(loss, optimizer.parameters, allow_unused=True, materialize_grads=True)
    gradients = ranks.average(list(found))
    optimizer.step(gradients)
    return torch.stack([gradient.norm() for gradient in gradients]).mean()
