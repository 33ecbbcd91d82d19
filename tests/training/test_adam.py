"""Both ways to compute Adam, compared with each framework's rule in float64 and with torch.optim."""

import math
from itertools import pairwise

import pytest
import torch

from harness.training.adam import Adam, Decay, plain_update
from harness.training.engines.fused_adam import fused_update

LR, BETA1, BETA2, EPS = 0.01, 0.5, 0.99, 1e-7


def keras_rule(w, gradients):
    """keras.optimizers.Adam, one float at a time: the bias corrections are folded into the rate, epsilon is added to sqrt(v)."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m += (g - m) * (1 - BETA1)
        v += (g * g - v) * (1 - BETA2)
        w -= m * (LR * math.sqrt(1 - BETA2**t) / (1 - BETA1**t)) / (math.sqrt(v) + EPS)
    return w


def torch_rule(w, gradients):
    """Algorithm 1 of the paper, one float at a time: epsilon is added to sqrt(v_hat)."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m = BETA1 * m + (1 - BETA1) * g
        v = BETA2 * v + (1 - BETA2) * g**2
        w -= LR * (m / (1 - BETA1**t)) / (math.sqrt(v / (1 - BETA2**t)) + EPS)
    return w


RULES = {"tensorflow": keras_rule, "pytorch": torch_rule}


def start_and_gradients(dtype, steps):
    """Two parameters of different layouts, and gradients from 1 down to 1e-9, where epsilon of 1e-7 decides the step."""
    random = torch.Generator().manual_seed(0)
    shapes = [(4, 3, 3, 3), (5,)]
    start = [torch.randn(shape, dtype=dtype, generator=random) for shape in shapes]
    start[0] = start[0].contiguous(memory_format=torch.channels_last)  # the gradients are contiguous
    sizes = [10.0 ** -(torch.arange(value.numel()) % 10).view(value.shape) for value in start]
    gradients = [[(torch.randn(size.shape, generator=random).double() * size).to(dtype) for size in sizes] for _ in range(steps)]
    return start, gradients


@pytest.mark.parametrize("framework", RULES)
@pytest.mark.parametrize("update", [plain_update, fused_update])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_follows_its_frameworks_rule(update, framework, dtype, tolerance):
    start, gradients = start_and_gradients(dtype, steps=5)
    parameters = [value.clone(memory_format=torch.preserve_format).requires_grad_() for value in start]
    adam = Adam(parameters, LR, (BETA1, BETA2), EPS, framework, update)
    for step in gradients:
        adam.step(step)
    for i, (given, first) in enumerate(zip(parameters, start, strict=True)):
        steps = torch.stack([step[i].flatten() for step in gradients], dim=1).tolist()
        moved = [RULES[framework](w, series) - w for w, series in zip(first.flatten().tolist(), steps, strict=True)]
        expected = torch.tensor(moved, dtype=torch.float64).view(first.shape)
        torch.testing.assert_close(given.detach().double() - first.double(), expected, rtol=tolerance, atol=tolerance)


def test_the_frameworks_differ_where_gradients_are_tiny():
    moved = {}
    for framework in RULES:
        parameter = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        Adam([parameter], LR, (BETA1, BETA2), EPS, framework, fused_update).step([torch.tensor([1e-9], dtype=torch.float64)])
        moved[framework] = parameter.item()
    assert moved["pytorch"] / moved["tensorflow"] == pytest.approx((1e-9 + 1e-6) / (1e-9 + 1e-7))  # nearly ten times


@pytest.mark.parametrize("update", [plain_update, fused_update])
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_equals_torch(update, dtype, rtol):
    torch.manual_seed(0)
    start = [torch.randn(4, 3, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last), torch.randn(5, dtype=dtype)]
    ours, theirs = ([value.clone().requires_grad_() for value in start] for _ in range(2))
    adam = Adam(ours, 0.01, (0.5, 0.99), 1e-7, "pytorch", update)
    expected = torch.optim.Adam(theirs, 0.01, (0.5, 0.99), 1e-7)
    for _ in range(4):
        gradients = [torch.randn(value.shape, dtype=dtype) for value in start]  # contiguous, unlike the first parameter
        for parameter, gradient in zip(theirs, gradients, strict=True):
            parameter.grad = gradient.clone()
        expected.step()
        adam.step(gradients)
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol)
    torch.testing.assert_close(adam.v, [expected.state[parameter]["exp_avg_sq"] for parameter in theirs], rtol=rtol, atol=0)


@pytest.mark.parametrize("framework", RULES)
def test_restored_state_goes_on_bit_for_bit(framework):
    torch.manual_seed(0)
    parameters = [torch.randn(3, 2, requires_grad=True)]
    adam = Adam(parameters, 0.1, (0.5, 0.99), 1e-7, framework, fused_update)
    adam.step([torch.full((3, 2), 1e-8)])
    other = Adam([parameters[0].detach().clone().requires_grad_()], 0.1, (0.5, 0.99), 1e-7, framework, fused_update)
    other.restore({name: value.clone() for name, value in adam.tensors().items()})
    for optimizer in (adam, other):
        optimizer.step([torch.full((3, 2), -2e-8)])
    assert torch.equal(other.parameters[0], adam.parameters[0])


@pytest.mark.parametrize("update", [plain_update, fused_update])
def test_the_rate_falls_with_the_cube_of_what_is_left(update):
    """With one unchanging gradient and no epsilon Adam moves by its rate, whose cube root falls from 4/4 to 1/4 in four steps."""
    parameter = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    adam = Adam([parameter], 1.0, (0.5, 0.99), 0.0, "pytorch", update, Decay(steps=6, last=4))
    places = [0.0]
    for _ in range(6):
        adam.step([torch.ones_like(parameter)])
        places.append(parameter.item())
    moves = [before - after for before, after in pairwise(places)]
    assert moves == pytest.approx([1, 1, 1, 27 / 64, 8 / 64, 1 / 64], rel=1e-12)
