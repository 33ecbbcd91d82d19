"""The whole step, with R1's double backward and Adam, traced once and compiled as one program.

torch.compile cannot differentiate twice through a network it compiled (pytorch #91469). So make_fx first traces the functions of
`step`. The trace is a list of tensor operations that need no more differentiation, and that list is compiled.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from harness.training.adam import Adam, plain_update
from harness.training.config import TrainConfig
from harness.training.engines.cuda_graph import GraphedProgram
from harness.training.randomness import Draws
from harness.training.step import TrainState, reference_step


def compiled_step(state: TrainState, real_img: Tensor, draws: Draws, config: TrainConfig, r1_scale: float) -> Tensor:
    """Does what `reference_step` does. The first call traces and compiles, which takes minutes for the paper's networks.

    In float64, used only for comparisons, the trace runs without being compiled. Each r1_scale has its own
    program. A program holds no state: any state of the same networks, batch and precision can use it.
    """
    inputs = step_inputs(state, real_img, draws)
    with torch.no_grad():
        if r1_scale not in state.programs:
            traced = trace_step(state, inputs, config, r1_scale)
            state.programs[r1_scale] = traced if real_img.dtype is torch.float64 else _compile(traced, real_img.device)
        return state.programs[r1_scale](*inputs)


def _compile(traced: nn.Module, device: torch.device) -> Callable:
    program = torch.compile(traced, dynamic=False)
    return GraphedProgram(program) if device.type == "cuda" else program


def trace_step(state: TrainState, inputs: tuple, config: TrainConfig, r1_scale: float) -> nn.Module:
    """The step as a graph of operations on (the state's tensors, real_img, draws). It changes the state's tensors in place."""
    from torch.fx.experimental.proxy_tensor import make_fx

    def step(tensors: dict[str, dict[str, Tensor]], real_img: Tensor, draws: dict) -> Tensor:
        with torch.enable_grad():
            return reference_step(_state_view(state, tensors), real_img, Draws(**draws), config, r1_scale)

    graph = make_fx(step, tracing_mode="fake")(*inputs)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def step_inputs(state: TrainState, real_img: Tensor, draws: Draws) -> tuple[dict[str, dict[str, Tensor]], Tensor, dict]:
    """The arguments of a traced step: (the state's tensors, real_img, draws)."""
    return _tensors(state), real_img, vars(draws)


def _tensors(state: TrainState) -> dict[str, dict[str, Tensor]]:
    """Every tensor that a step changes, by part and name."""
    modules = {"generator": state.generator, "discriminator": state.discriminator, "ema": state.ema.module}
    parts = {f"{name}_{kind}": dict(getattr(module, f"named_{kind}")()) for name, module in modules.items() for kind in KINDS}
    parts = {part: {name: value.detach() for name, value in values.items()} for part, values in parts.items()}
    return parts | {"opt_g": state.opt_g.tensors(), "opt_d": state.opt_d.tensors()}


KINDS = ("parameters", "buffers")


def _state_view(state: TrainState, tensors: dict[str, dict[str, Tensor]]) -> TrainState:
    """A state like `state` that holds `tensors` instead of its own."""
    networks: dict[str, Any] = {}
    optimizers: dict[str, Any] = {}
    for name, opt in (("generator", "opt_g"), ("discriminator", "opt_d")):
        parameters = {key: value.requires_grad_() for key, value in tensors[f"{name}_parameters"].items()}
        networks[name] = _NetworkView(getattr(state, name), {**parameters, **tensors[f"{name}_buffers"]})
        optimizers[opt] = _adam_view(getattr(state, opt), list(parameters.values()), tensors[opt])
    ema: Any = _EmaView(state.ema.decay, tensors)
    return TrainState(**networks, ema=ema, **optimizers)


@dataclass
class _NetworkView:
    """Calls a network with other tensors in place of its own."""

    network: nn.Module
    tensors: dict[str, Tensor]

    def __call__(self, value: Tensor) -> Tensor:
        return functional_call(self.network, self.tensors, (value,))


@dataclass
class _EmaView:
    """Does what ema.Ema does, on other tensors."""

    decay: float
    tensors: dict[str, dict[str, Tensor]]

    @torch.no_grad()
    def update(self) -> None:
        for kind in KINDS:
            for name, average in self.tensors[f"ema_{kind}"].items():
                source = self.tensors[f"generator_{kind}"][name]
                average.lerp_(source, 1 - self.decay) if average.is_floating_point() else average.copy_(source)


def _adam_view(adam: Adam, parameters: list[Tensor], tensors: dict[str, Tensor]) -> Adam:
    view = copy(adam)
    view.parameters, view.update = parameters, plain_update
    view.m, view.v = ([tensors[f"{name}/{i}"] for i in range(len(parameters))] for name in ("m", "v"))
    view.steps = tensors["steps"]
    return view
