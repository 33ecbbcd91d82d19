"""The reference step, compared with the paper's formulas."""

from copy import deepcopy

import pytest
import torch

from harness.training.augment import augment
from harness.training.engines import build_state
from harness.training.losses import bcr_penalty, discriminator_loss, generator_loss
from harness.training.randomness import draw_step
from harness.training.step import METRICS, reference_step


def one_step(networks, config, r1_scale=1.0):
    """Returns (networks before, state after, metrics by name, images, draws in float64)."""
    before = networks(dtype=torch.float64)
    state = build_state(*deepcopy(before), config)
    images = torch.rand(config.batch, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(5)) * 2 - 1
    draws = draw_step(config, 6, 8, 0)
    draws.z_d.data, draws.z_g.data = draws.z_d.double(), draws.z_g.double()
    values = reference_step(state, images, draws, config, r1_scale)
    return [network.train() for network in before], state, dict(zip(METRICS, values, strict=True)), images, draws


@pytest.mark.parametrize("bcr_weight", [0.0, 0.7])
def test_losses_and_gradients_are_the_formulas(networks, make_config, bcr_weight):
    config = make_config(bcr_weight=bcr_weight)
    (generator, discriminator), state, values, real, draws = one_step(networks, config)
    fake = generator(draws.z_d).detach()
    real_aug, fake_aug = augment(real, draws.augment_real), augment(fake, draws.augment_fake)
    if not bcr_weight:
        real, fake = real_aug, fake_aug
    real.requires_grad_()
    fake_logits, real_logits = discriminator(fake), discriminator(real)
    (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
    r1 = 0.1 * slope.square().sum((1, 2, 3)).mean()
    both = discriminator(torch.cat([real_aug, fake_aug])) if bcr_weight else torch.cat([real_logits, fake_logits])
    bcr = bcr_weight * bcr_penalty(real_logits, both[:4], fake_logits, both[4:])
    loss = discriminator_loss(real_logits, fake_logits)
    torch.testing.assert_close(torch.stack([values[n] for n in ("loss_d", "r1", "bcr")]), torch.stack([loss, r1, bcr]).detach())
    gradients = torch.autograd.grad(loss + r1 + bcr, list(discriminator.parameters()))
    torch.testing.assert_close(values["grad_norm_d"], torch.stack([g.norm() for g in gradients]).mean())
    _check_adam(discriminator, state.discriminator, gradients, config.lr_d, config)
    fake = augment(generator(draws.z_g), draws.augment_g)
    loss = generator_loss(state.discriminator(fake))  # the discriminator after its own step
    torch.testing.assert_close(values["loss_g"], loss.detach())
    _check_adam(generator, state.generator, torch.autograd.grad(loss, list(generator.parameters())), config.lr_g, config)


def _check_adam(before, after, gradients, lr, config):
    """Keras's first step of Adam moves every weight by lr * g / (|g| + eps / sqrt(1 - beta2))."""
    eps = config.adam_eps / (1 - config.betas[1]) ** 0.5
    for old, new, gradient in zip(before.parameters(), after.parameters(), gradients, strict=True):
        torch.testing.assert_close(new.detach(), (old - lr * gradient / (gradient.abs() + eps)).detach())


def test_consistency_does_not_reach_the_generator_and_the_average_follows(networks, make_config):
    config = make_config(bcr_weight=5.0, lr_g=0.0)
    (generator, _), state, _, _, _ = one_step(networks, config)
    for old, new in zip(generator.parameters(), state.generator.parameters(), strict=True):
        assert torch.equal(old, new)
    decayed = config.ema_decay * generator[2].running_mean + (1 - config.ema_decay) * state.generator[2].running_mean
    torch.testing.assert_close(state.ema.module[2].running_mean, decayed)


def test_lazy_r1_scales_or_skips_the_penalty(networks, make_config):
    config = make_config()
    plain, lazy, skipped = (one_step(networks, config, r1_scale)[2]["r1"] for r1_scale in (1, 16, 0))
    torch.testing.assert_close(lazy, 16 * plain)
    assert skipped == 0
