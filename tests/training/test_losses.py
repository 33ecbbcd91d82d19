"""Losses against closed forms, penalties against analytic derivatives."""

import math

import pytest
import torch
from torch import nn

from harness.training.losses import bcr_penalty, discriminator_loss, generator_loss, r1_penalty


def test_adversarial_losses_are_the_logistic_closed_form():
    real, fake = torch.tensor([[0.5, -2.0], [1.0, 3.0]]), torch.tensor([[-1.0, 0.25]])
    expected_real = sum(math.log1p(math.exp(-value)) for value in (0.5, -2.0, 1.0, 3.0)) / 4
    expected_fake = sum(math.log1p(math.exp(value)) for value in (-1.0, 0.25)) / 2
    assert discriminator_loss(real, fake).item() == pytest.approx(expected_real + expected_fake, rel=1e-6)
    assert generator_loss(fake).item() == pytest.approx(sum(math.log1p(math.exp(-value)) for value in (-1.0, 0.25)) / 2, rel=1e-6)


def test_generator_loss_does_not_saturate_where_the_discriminator_is_sure():
    logits = torch.tensor([[-30.0]], requires_grad=True)
    generator_loss(logits).backward()
    assert logits.grad.item() == pytest.approx(-1)


def test_r1_of_a_quadratic_discriminator_and_its_parameter_gradient():
    """D(x) = [a . x^2, b . x]: d sum(D) / dx = 2 a x + b, so R1 and its derivatives by a and b have closed forms."""
    torch.manual_seed(0)
    x = torch.randn(5, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    a, b = (torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    logits = torch.stack([(a * x**2).sum((1, 2, 3)), (b * x).sum((1, 2, 3))], dim=1)  # (5, 2)
    penalty = r1_penalty(logits, x)
    slope = (2 * a * x + b).detach()
    torch.testing.assert_close(penalty, slope.square().sum((1, 2, 3)).mean())
    by_a, by_b = torch.autograd.grad(penalty, (a, b))
    torch.testing.assert_close(by_a, (4 * slope * x.detach()).mean(0))
    torch.testing.assert_close(by_b, (2 * slope).mean(0))


def test_r1_does_not_grow_with_the_batch():
    layer = nn.Linear(12, 1)
    x = torch.randn(3, 3, 2, 2)
    small, large = x.clone().requires_grad_(), x.repeat(4, 1, 1, 1).requires_grad_()
    torch.testing.assert_close(r1_penalty(layer(small.flatten(1)), small), r1_penalty(layer(large.flatten(1)), large))


def test_bcr_is_the_sum_of_two_mean_squares():
    zero = torch.zeros(2, 3)
    assert bcr_penalty(zero, zero + 2, zero + 1, zero - 2).item() == pytest.approx(4 + 9)
