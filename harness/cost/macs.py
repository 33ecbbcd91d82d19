"""Counts a network's multiply-accumulates in three ways that must agree: fvcore, torch's FlopCounterMode, closed formulas."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from harness.cost.differences import KNOWN_DIFFERENCES
from harness.errors import HarnessError

TOLERANCE = 0.01


@dataclass(frozen=True)
class MacCount:
    """Multiply-accumulates (MACs; 1 MAC = 2 FLOPs) of one forward pass, and the network's parameters."""

    true: int  # convolutions, linear layers and matrix products only: fvcore with HANDLES
    fvcore: int  # fvcore's own total: with normalisation and upsampling, without the operators in HANDLES
    torch_meta: int  # the same operators as `true`, by FlopCounterMode on the meta device
    closed_form: int | None  # `true`, but with the formula's count inside each module that has a formula
    weights: int  # convolutions and linear layers only, without products of activations
    bias_outputs: int  # output elements of convolutions and linear layers that have a bias
    params: int
    differences: list[str]  # reasons why `fvcore` is not `true`


CONVENTIONS = {  # how publications count the figures that they print
    "true": lambda count: count.true,
    "fvcore": lambda count: count.fvcore,
    "weights+bias": lambda count: count.weights + count.bias_outputs,
}


def count_macs(network: nn.Module, inputs: tuple[Tensor, ...], closed_forms: Mapping[str, int] | None = None) -> MacCount:
    """Counts one forward pass of `network` on `inputs` of batch size 1. The network is on the CPU in evaluation mode.

    closed_forms: {module name: MACs inside the module by its formula}.
    HarnessError if two counts differ by more than 1% and KNOWN_DIFFERENCES does not explain it.
    """
    total, by_module = fvcore_operators(network, inputs)
    true, torch_meta = contractions(total), torch_macs(network, inputs)
    _agree("the network", "fvcore less its known differences", true, "FlopCounterMode on meta", torch_meta)
    for name, expected in (closed_forms or {}).items():
        _agree(name, "fvcore less its known differences", contractions(by_module[name]), "the closed formula", expected)
    inside = sum(contractions(by_module[name]) for name in closed_forms or {})
    return MacCount(
        true=true,
        fvcore=sum(count for name, count in total.items() if name not in HANDLES),
        torch_meta=torch_meta,
        closed_form=true - inside + sum(closed_forms.values()) if closed_forms else None,
        weights=sum(total.get(name, 0) for name in ("conv", "linear", "addmm")),
        bias_outputs=bias_outputs(network, inputs),
        params=sum(parameter.numel() for parameter in network.parameters()),
        differences=sorted({KNOWN_DIFFERENCES[name] for name in total if name in KNOWN_DIFFERENCES}),
    )


def contractions(operators: Mapping[str, int]) -> int:
    """Multiply-accumulates in fvcore's count by operator, without KNOWN_DIFFERENCES."""
    return sum(count for name, count in operators.items() if name not in KNOWN_DIFFERENCES)


def fvcore_operators(network: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """fvcore's count by operator, for the network and for each module by name."""
    with torch.no_grad(), warnings.catch_warnings(), _no_attention_fastpath():
        warnings.simplefilter("ignore")  # fvcore compiles a loss by a deprecated call, and tracing warns of every branch
        from fvcore.nn import FlopCountAnalysis

        analysis = FlopCountAnalysis(network, inputs).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        analysis.set_op_handle(**{f"aten::{name}": handle for name, handle in HANDLES.items()})
        counted = analysis.by_module_and_operator()
    by_module = {module: {name: int(count) for name, count in operators.items()} for module, operators in counted.items()}
    return by_module[""], by_module


def torch_macs(network: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """MACs of one forward pass by FlopCounterMode. It runs on the meta device, so nothing is computed.

    On the CPU, older releases of the counter miss fused attention. Dot-product attention then seems as cheap as additive.
    """
    with FlopCounterMode(display=False) as counter:
        _run_on_meta(network, inputs)
    return counter.get_total_flops() // 2


def bias_outputs(network: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """Output elements in one forward pass of the convolutions and linear layers that add a bias."""
    sizes: list[int] = []
    layers = [layer for layer in network.modules() if isinstance(layer, LAYERS) and layer.bias is not None]
    hooks = [layer.register_forward_hook(lambda _, __, out: sizes.append(out.numel())) for layer in layers]
    try:
        _run_on_meta(network, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(sizes)


def input_shapes(
    network: nn.Module, inputs: tuple[Tensor, ...], kinds: tuple[type[nn.Module], ...]
) -> dict[str, tuple[int, ...]]:
    """{module name: shape of its first argument} in one forward pass, for modules of exactly these classes."""
    shapes: dict[str, tuple[int, ...]] = {}
    modules = [(name, module) for name, module in network.named_modules() if type(module) in kinds]
    hooks = [
        module.register_forward_pre_hook(lambda _, args, name=name: shapes.update({name: tuple(args[0].shape)}))
        for name, module in modules
    ]
    try:
        _run_on_meta(network, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return shapes


LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def _run_on_meta(network: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    tensors = dict(network.named_parameters()) | dict(network.named_buffers())
    meta = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors.items()}
    with torch.no_grad(), _no_attention_fastpath():
        functional_call(network, meta, tuple(value.to("meta") for value in inputs))


def _shape(value: torch._C.Value) -> list[int]:
    return value.type().sizes()  # type: ignore[attr-defined]  # of a tensor type, which torch's stubs leave out


def _sdpa(inputs: list, outputs: list) -> int:
    """softmax(QK^T)V on (..., N, d), (..., M, d), (..., M, e): N M (d + e) per head."""
    query, key, value = map(_shape, inputs[:3])
    return prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _baddbmm(inputs: list, outputs: list) -> int:
    """C + AB on A (b, n, k), B (b, k, m): b n k m."""
    left, right = _shape(inputs[1]), _shape(inputs[2])
    return prod(left) * right[-1]


HANDLES = {"scaled_dot_product_attention": _sdpa, "baddbmm": _baddbmm}  # operators that fvcore silently ignores


@contextmanager
def _no_attention_fastpath() -> Iterator[None]:
    """Turns off the fused kernel of nn.MultiheadAttention in evaluation mode, which no counter can look into."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _agree(where: str, first_name: str, first: int, second_name: str, second: int) -> None:
    if abs(first - second) > TOLERANCE * max(first, second):
        raise HarnessError(
            f"MACs of {where}: {first_name} gives {first:,}, {second_name} {second:,}; expected them within {TOLERANCE:.0%}; "
            "write a handle in harness/cost/macs.py for the operator that one of them drops, or explain it in KNOWN_DIFFERENCES"
        )
