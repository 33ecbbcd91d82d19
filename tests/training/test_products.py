"""oneDNN's products against nn.Linear: values, first and second derivatives, and what is replaced."""

import pytest
import torch
from torch import nn

from harness.training.engines import products
from harness.training.engines.products import OneDnnLinear, use_onednn_products


@pytest.fixture(autouse=True)
def pinned(monkeypatch):
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.setattr(products, "SMALL", 0)


def mlp(dtype=torch.float32, bias=True):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7, bias=bias), nn.Softplus(), nn.Linear(7, 3)).to(dtype)


def r1_and_gradients(network, x):
    logits = network(x)
    (slope,) = torch.autograd.grad(logits.square().sum(), x, create_graph=True)
    loss = slope.square().sum() + logits.mean()
    return loss, *torch.autograd.grad(loss, [*network.parameters(), x])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
def test_equals_plain_linear_under_r1(dtype, tolerance, bias):
    plain, fast = mlp(dtype, bias), mlp(dtype, bias)
    use_onednn_products(fast)
    assert [type(layer) for layer in fast] == [OneDnnLinear, nn.Softplus, OneDnnLinear]
    x = torch.randn(2, 4, 5, dtype=dtype).transpose(0, 1).requires_grad_()  # not contiguous, as tokens often are
    torch.testing.assert_close(r1_and_gradients(fast, x), r1_and_gradients(plain, x), rtol=tolerance, atol=tolerance)


def test_equals_finite_differences_twice():
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((4, 3), (2, 3), (2,))]
    torch.autograd.gradgradcheck(products._Product.apply, inputs)


def test_keeps_parameters_their_order_and_torchs_random_numbers():
    network = mlp()
    before, random = list(network.named_parameters()), torch.get_rng_state()
    use_onednn_products(network)
    assert torch.equal(torch.get_rng_state(), random)
    assert [(name, id(value)) for name, value in network.named_parameters()] == [(name, id(value)) for name, value in before]


def test_computes_no_gradient_that_nobody_asked_for():
    network = mlp()
    use_onednn_products(network)
    x = torch.randn(4, 5, requires_grad=True)
    assert products_in_backward(network(x).sum(), [x]) == 2
    assert products_in_backward(network(x).sum(), [network[2].weight]) == 1


def test_a_small_product_is_left_to_mkl(monkeypatch):
    network = mlp()
    use_onednn_products(network)
    x = torch.randn(4, 5, requires_grad=True)
    monkeypatch.setattr(products, "SMALL", 4 * 7 * 5)  # of the first layer; the second is smaller
    assert products_in_backward(network(x).sum(), [x]) == 1


def products_in_backward(loss, inputs):
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], acc_events=True) as profiler:
        torch.autograd.grad(loss, inputs)
    return sum(event.name == "_Product" for event in profiler.events())


def test_layers_with_hooks_and_unpinned_processes_are_left_alone(monkeypatch):
    network = mlp()
    network[0].register_forward_hook(lambda module, inputs, out: 2 * out)
    use_onednn_products(network)
    assert [type(layer) for layer in network] == [nn.Linear, nn.Softplus, OneDnnLinear]
    monkeypatch.delenv("MKL_CBWR")
    network = mlp()
    use_onednn_products(network)
    assert type(network[0]) is nn.Linear
