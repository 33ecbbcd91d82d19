"""Checks that the device computes what it should: the machine, the Triton kernel, and every engine in every precision."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from harness.arithmetic import arithmetic
from harness.errors import HarnessError
from harness.gpus import why_unsupported
from harness.tf32 import tf32
from harness.training.engines import ENGINES
from harness.training.engines.verify import verify_engine
from lada.accelerate import use_fused_attention
from lada.fused import KernelPool, additive_weights, pool_tokens, try_kernel
from pipelines.compose import Cell
from pipelines.profile import load_cell

Precision = Literal["fp32", "tf32", "bf16"]
PAPER = "pipelines/paper/params.yaml"
CELLS = ("table1-13", "table1-16")  # a convolutional and a Lada discriminator
PRECISIONS: tuple[Precision, ...] = ("fp32", "tf32", "bf16")
SHAPES = ((128, 64, 1024, 4), (128, 256, 256, 4), (128, 1024, 64, 4), (64, 256, 512, 4), (1, 65536, 64, 4))  # B, N, dim, heads
KERNEL_BOUNDS = {torch.float32: 1e-3, torch.bfloat16: 5e-2}  # on |kernel - products in float64| / |products|


def machine(device: torch.device) -> dict[str, Any]:
    """Names, versions and compilers. Fails if torch has no kernels for the device."""
    properties = torch.cuda.get_device_properties(device)
    problem = why_unsupported((properties.major, properties.minor), torch.cuda.get_arch_list())
    a = torch.ones(64, 64, device=device)
    if not torch.equal(a @ a, torch.full_like(a, 64)):
        problem = "a product of ones is wrong"
    compilers = {name: shutil.which(name) for name in ("cc", "gcc", "clang", "ptxas")}
    return {
        "name": properties.name,
        "arithmetic": arithmetic("cuda"),
        "memory_gib": round(properties.total_memory / 2**30, 1),
        "cuda": torch.version.cuda,
        "kernels_for": torch.cuda.get_arch_list(),
        "compilers": [name for name, path in compilers.items() if path],
        "summary": f"{properties.name}, sm_{properties.major}{properties.minor}, {properties.total_memory / 2**30:.0f} GiB",
        "failures": [problem] if problem else [],
    }


def kernel(device: torch.device, shapes: tuple[tuple[int, int, int, int], ...] = SHAPES) -> dict[str, Any]:
    """Compares Lada's Triton kernel, forward and both backwards, with float64 products at the sizes of the paper's cells."""
    if not try_kernel(device):
        x = torch.ones(1, 4, 8, device=device)
        pool_tokens(x, x[0, :2])  # raises what stopped it, which is this check's line
        raise HarnessError("the kernel runs, and gives another mean than it should; plain products are used")
    errors, failures = {}, []
    for dtype, bound in KERNEL_BOUNDS.items():
        for batch, tokens, dim, heads in shapes:
            name = f"{str(dtype).removeprefix('torch.')} {batch}x{tokens}x{dim}"
            with tf32(False):
                errors[name] = _kernel_errors(batch, tokens, dim, heads, dtype, device)
            failures += [f"{name}: {part} differs by {e:.2g}" for part, e in errors[name].items() if not e <= bound]
    worst = max(error for values in errors.values() for error in values.values())
    return {"errors": errors, "summary": f"largest error {worst:.2g}", "failures": failures}


def _kernel_errors(batch: int, tokens: int, dim: int, heads: int, dtype: torch.dtype, device: torch.device) -> dict[str, float]:
    draw = torch.Generator().manual_seed(0)
    given = [torch.randn(shape, generator=draw) for shape in ((batch, tokens, dim), (heads, dim), (heads,))]
    given[1] *= dim**-0.5
    given = [value.to(device, dtype) for value in given]

    def products(x: Tensor, scores: Tensor, offset: Tensor) -> Tensor:
        return additive_weights(x, scores, offset) @ x

    exact = _derivatives(products, [value.double() for value in given])
    found = _derivatives(KernelPool.apply, given)
    pairs = zip(("output", "gradient", "double gradient"), found, exact, strict=True)
    return {name: float((got.double() - expected).norm() / expected.norm()) for name, got, expected in pairs}


def _derivatives(pooled: Callable[..., Tensor], given: list[Tensor]) -> list[Tensor]:
    """The output, its gradient by the tokens, and R1's gradient by tokens and scores, as one vector."""
    x, scores = (value.detach().requires_grad_() for value in given[:2])
    out = pooled(x, scores, given[2])
    (slope,) = torch.autograd.grad(out.square().sum(), x, create_graph=True)
    second = torch.autograd.grad(slope.square().sum(), [x, scores])
    return [out.detach(), slope.detach(), torch.cat([part.flatten() for part in second])]


def on_device(cell: Cell, device: torch.device) -> tuple[nn.Module, nn.Module]:
    """The cell's generator and discriminator."""
    generator, discriminator = cell.build()
    return generator.to(device), discriminator.to(device)


def engines(device: torch.device, cells: tuple[str, ...] = CELLS, params: str = PAPER) -> dict[str, Any]:
    """Compares the eager engine with the reference step, in float64 and in every precision, on the paper's networks."""
    errors: dict[str, dict[str, float]] = {}
    failures = []
    for name in cells:
        cell = load_cell(params, name)
        networks = on_device(cell, device)
        for precision in PRECISIONS:
            config = replace(cell.train, precision=precision)
            noise_dim, side = cell.generator.noise_dim, cell.generator.resolution
            try:
                found, _ = verify_engine(ENGINES["eager"], networks, config, noise_dim, side, use_fused_attention)
                errors[f"{name} {precision}"] = found
            except HarnessError as error:
                failures.append(f"{name} {precision}: {error}")
    worst = {precision: max((e.get(precision, 0.0) for e in errors.values()), default=0.0) for precision in PRECISIONS}
    said = ", ".join(f"{precision} {error:.2g}" for precision, error in worst.items())
    return {"errors": errors, "summary": f"largest errors: {said}", "failures": failures}
