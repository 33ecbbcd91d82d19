"""Compares an attention mechanism with its naive loops, before it is timed."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def check_mechanism(mechanism: type[Any], device: torch.device) -> str | None:
    """Compares a mechanism with its `reference`: None, or what differs.

    On 4x4 tokens in float64 the output, its gradients and R1's (where differentiable twice), both on the CPU; on 16x16
    tokens the output of the timed path, float32 on `device`, against the loops in float64.
    """
    module, x = _draw(mechanism, grid=4)
    fast, slow = _derivatives(module, x, module), _derivatives(module.reference, x, module)
    for name, got, expected in zip(("output", "gradients", "R1's gradients"), fast, slow, strict=False):
        if not torch.allclose(got, expected, rtol=1e-8, atol=1e-10):
            return f"{name} differ from reference() by {(got - expected).abs().max():.1e} at 4x4 tokens in float64"
    module, x = _draw(mechanism, grid=16)
    with torch.no_grad():
        expected = module.reference(x)
        got = module.float().to(device)(x.float().to(device)).double().cpu()
    if not torch.allclose(got, expected, rtol=1e-4, atol=1e-4):
        return f"output differs from reference() by {(got - expected).abs().max():.1e} at 16x16 tokens in float32"
    return None


def _draw(mechanism: type[Any], grid: int) -> tuple[Any, Tensor]:
    generator = torch.Generator().manual_seed(0)
    module = mechanism(4, 2, grid).double()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4, generator=generator)
    return module, torch.randn(1, grid**2, 4, dtype=torch.float64, generator=generator)


def _derivatives(function: Callable[[Tensor], Tensor], x: Tensor, module: Any) -> list[Tensor]:
    """Output, first gradients and, where the mechanism has them, R1's; each as one vector."""
    twice, x = module.twice_differentiable, x.clone().requires_grad_()
    inputs, out = [x, *module.parameters()], function(x)
    first = torch.autograd.grad(out.sin().sum(), inputs, create_graph=twice, materialize_grads=True)
    second = torch.autograd.grad(first[0].square().sum(), inputs, materialize_grads=True) if twice else None
    return [torch.cat([part.detach().flatten() for part in parts]) for parts in ((out,), first, second) if parts is not None]
