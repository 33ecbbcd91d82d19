"""The fast form of additive attention equals the plain one: output, gradients, double gradients, and the Triton kernel."""

import os
import subprocess
import sys
import types

import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from lada import fused as fused_module
from lada.attention import AdditiveAttention
from lada.configs import GeneratorConfig
from lada.fused import FusedAdditiveAttention, GatedProduct, KernelPool, pool
from lada.generator import Generator

BATCH, GRID, DIM, HEADS = 3, 5, 12, 4


def pair(dtype, grid=GRID, dim=DIM):
    """A plain and a fused module with the same weights and biases, and tokens for them."""
    torch.manual_seed(0)
    plain, fused = AdditiveAttention(dim, HEADS, grid), FusedAdditiveAttention(dim, HEADS, grid)
    for parameter in plain.parameters():
        nn.init.normal_(parameter, std=dim**-0.5)
    fused.load_state_dict(plain.state_dict())
    return plain.to(dtype), fused.to(dtype), torch.randn(BATCH, grid**2, dim, dtype=dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("grid", [5, 64])  # 64: two tiles per image
def test_output_equals_the_plain_form(dtype, tolerance, grad, grid):
    plain, fused, x = pair(dtype, grid)
    with torch.set_grad_enabled(grad):
        torch.testing.assert_close(fused(x), plain(x), rtol=tolerance, atol=tolerance)
        for got, expected in zip(fused(x, return_maps=True), plain(x, return_maps=True), strict=True):
            torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance)


def test_gradients_and_double_gradients_equal_the_plain_form():
    plain, fused, x = pair(torch.float64)
    results = []
    for module in (plain, fused):
        inputs = [x.clone().requires_grad_(), *module.parameters()]
        first = torch.autograd.grad(module(inputs[0]).sin().sum(), inputs, create_graph=True)
        second = torch.autograd.grad(first[0].square().sum(), inputs, materialize_grads=True)
        results.append([*first, *second])
    for got, expected in zip(*reversed(results), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-11, atol=1e-12)


def test_hand_written_gradients_pass_numerical_checks_twice(monkeypatch):
    monkeypatch.setitem(sys.modules, "lada.fused_kernel", PlainKernel)
    draw = torch.Generator().manual_seed(0)
    sizes = {KernelPool: [(2, 3, 4), (2, 4), (2,)], GatedProduct: [(2, 1, 3), (2, 4, 3), (2, 4, 3)]}
    for function, shapes in sizes.items():
        inputs = [torch.randn(shape, dtype=torch.float64, generator=draw).requires_grad_() for shape in shapes]
        assert torch.autograd.gradcheck(function.apply, inputs)
        assert torch.autograd.gradgradcheck(function.apply, inputs)


def test_a_traced_step_holds_the_kernels_call_and_never_launches_it(monkeypatch):
    """On tensors without memory a launch would read address 0; and both gradients are traced too."""
    launched, device = [], torch.device("cpu")  # stands for a GPU: autograd asks a real one for its context
    kernel = types.SimpleNamespace(pool_tokens=lambda *given: launched.append(given))
    monkeypatch.setitem(sys.modules, "lada.fused_kernel", kernel)
    monkeypatch.setitem(fused_module._RUNS, device, True)

    def twice(x, scores, offset):
        with torch.enable_grad():
            x, scores = x.requires_grad_(), scores.requires_grad_()
            (slope,) = torch.autograd.grad(pool(x, scores, offset).square().sum(), x, create_graph=True)
            return torch.autograd.grad(slope.square().sum(), [x, scores])

    with FakeTensorMode():
        inputs = [torch.empty(shape) for shape in ((2, 16, 8), (4, 8), (4,))]
        graph = make_fx(twice)(*inputs)
    calls = [node for node in graph.graph.nodes if node.target is torch.ops.lada.pool_tokens.default]
    assert (len(calls), launched) == (1, [])


def test_a_kernel_that_cannot_run_leaves_the_products_and_one_warning(monkeypatch, capsys):
    """As on an image without a C compiler, whose Triton cannot make its launcher."""
    device = torch.device("cuda", 7)
    monkeypatch.setattr(fused_module, "_RUNS", {})
    assert not fused_module.try_kernel(torch.device("cpu"))
    assert not any(fused_module.try_kernel(device) for _ in range(3))
    said = capsys.readouterr().err
    assert said.startswith("warning: Lada's Triton kernel cannot run on cuda:7 (")
    assert said.count("\n") == 1


class PlainKernel:
    """Stands for lada.fused_kernel where there is no GPU: the same function by products."""

    @staticmethod
    def pool_tokens(x, scores):
        return pool(x, scores, scores.new_zeros(len(scores)))


def test_a_generator_with_either_form_draws_the_same_images():
    config = GeneratorConfig(resolution=16, dims=(32, 16, 8), base=4, noise_dim=6, num_heads=2, mlp_dim=10)
    images = []
    for attention in (AdditiveAttention, FusedAdditiveAttention):
        torch.manual_seed(1)
        images.append(Generator(config, attention)(torch.ones(2, 6)))
    torch.testing.assert_close(*images, rtol=1e-5, atol=1e-5)


INTERPRETED = """
import torch
from lada.fused import pool
from lada.fused_kernel import pool_tokens
torch.manual_seed(0)
cases = [((2, 37, 20), 3, 8, 1), ((1, 64, 16), 2, 16, 4), ((2, 50, 33), 1, 4, 7), ((1, 5, 8), 2, None, None)]
for shape, heads, block, splits in cases:
    x, scores = 3 * torch.randn(shape) + 1, torch.randn(heads, shape[-1])
    torch.testing.assert_close(pool_tokens(x, scores, block, splits), pool(x, scores, torch.zeros(heads)), rtol=1e-5, atol=1e-5)
"""


@pytest.mark.slow
def test_the_triton_kernel_equals_the_products_in_triton_s_interpreter():
    pytest.importorskip("triton")
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", INTERPRETED], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_on_a_gpu_the_kernel_equals_the_plain_form(dtype, tolerance):
    plain, fused, x = (value.cuda() for value in pair(dtype, grid=32, dim=64))
    assert fused_module.try_kernel(x.device)
    torch.testing.assert_close(fused(x), plain(x), rtol=tolerance, atol=tolerance)
