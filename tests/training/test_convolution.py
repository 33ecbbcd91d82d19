"""The hand-written derivatives against PyTorch's own and against finite differences."""

import pytest
import torch
from torch import nn

from harness.training.engines import winograd
from harness.training.engines.convolution import TwiceConv2d, use_twice_convolutions


@pytest.fixture(params=[{"padding": 1}, {"stride": 2}, {"bias": False, "stride": 2, "padding": (0, 1)}])
def pair(request, monkeypatch):
    monkeypatch.setattr(winograd, "MIN_CHANNELS", 1)
    torch.manual_seed(0)
    plain = nn.Conv2d(2, 3, 3, dtype=torch.float64, **request.param)
    network = nn.Sequential(nn.Conv2d(2, 3, 3, dtype=torch.float64, **request.param))
    network[0].load_state_dict(plain.state_dict())
    use_twice_convolutions(network)
    assert type(network[0]) is TwiceConv2d
    return plain, network[0], torch.randn(2, 2, 8, 6, dtype=torch.float64, requires_grad=True)


def r1_and_gradients(layer, img):
    """Every path: a loss, R1 of a nonlinear logit, and their gradients by weight, bias and image."""
    logits = torch.nn.functional.softplus(layer(img)).flatten(1)
    (slope,) = torch.autograd.grad(logits.square().sum(), img, create_graph=True)
    loss = slope.square().sum() + logits.mean()
    return loss, *torch.autograd.grad(loss, [*layer.parameters(), img])


def test_equals_plain_convolution_under_r1(pair):
    plain, twice, img = pair
    torch.testing.assert_close(r1_and_gradients(twice, img), r1_and_gradients(plain, img), rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_equals_finite_differences_twice(pair):
    _, twice, img = pair

    def layer(x, weight):
        return torch.func.functional_call(twice, {"weight": weight}, (x,))

    torch.autograd.gradgradcheck(layer, (img, twice.weight))


def test_only_plain_convolutions_are_replaced():
    network = nn.Sequential(nn.Conv2d(2, 2, 3, groups=2), nn.Conv2d(1, 1, 3, padding="same"), nn.Conv2d(1, 1, 3, dilation=2))
    use_twice_convolutions(network)
    network.append(nn.Conv2d(3, 4, 3))
    use_twice_convolutions(network, min_channels=4)
    assert all(type(layer) is nn.Conv2d for layer in network)


def test_computes_no_gradient_that_nobody_asked_for():
    layers = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Conv2d(3, 2, 3))
    use_twice_convolutions(layers)
    img = torch.randn(2, 2, 8, 8, requires_grad=True)
    assert gradients_by_weight(layers(img).sum(), img) == 0
    assert gradients_by_weight(layers(img).sum(), layers[1].weight) == 1
    assert gradients_by_weight(layers(img).sum(), [*layers.parameters()]) == 2


def gradients_by_weight(loss, inputs):
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], acc_events=True) as profiler:
        torch.autograd.grad(loss, inputs)
    return sum(event.name == "_ByWeight" for event in profiler.events())
