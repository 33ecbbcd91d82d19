"""Adam (Kingma and Ba, arXiv 1412.6980), with its whole state in tensors.

The authors' code uses two frameworks, which differ in epsilon. Keras implements the form at the end of the paper's section 2, in
which epsilon is not part of the bias correction. PyTorch implements algorithm 1. Let m and v be the moments after step t, and
m_hat = m / (1 - beta1^t), v_hat = v / (1 - beta2^t):

    tensorflow: w -= lr * m_hat / (sqrt(v_hat) + eps / sqrt(1 - beta2^t))
    pytorch:    w -= lr * m_hat / (sqrt(v_hat) + eps)

With beta2 = 0.99, Keras's epsilon is effectively 10 times as large at step 1 and 1.26 times at step 100.

torch.optim is not used, because it imports torch's compiler, which takes four seconds in every cell, and has only PyTorch's
epsilon.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Framework = Literal["tensorflow", "pytorch"]
Update = Callable[["Adam", list[Tensor]], None]  # updates parameters, m and v; `steps` already includes this step


class Decay(NamedTuple):
    """Lets the learning rate fall in the last steps of a run, by polynomial decay of power 3.

    The rate is multiplied by the cube of the share of these steps that is left, from 1 down to (1 / last)^3. A cosine is not
    used, because its last bit depends on the C library.
    """

    steps: int  # of the whole run
    last: int  # steps in which the rate falls


class Adam:
    """An optimizer over a list of parameters.

    m, v: first and second moments. Each parameter has one tensor in each, of its shape and memory layout.
    steps: number of steps, a float32 scalar on the parameters' device.
    host_steps: the same number as an int, so that no step waits for the device to read it.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        framework: Framework,
        update: Update | None = None,
        decay: Decay | None = None,
    ) -> None:
        self.parameters = list(parameters)
        self.lr, self.betas, self.eps, self.framework = lr, betas, eps, framework
        self.update: Update = update or plain_update
        self.decay = decay
        self.m, self.v = ([torch.zeros_like(parameter) for parameter in self.parameters] for _ in range(2))
        self.steps = torch.zeros((), device=self.parameters[0].device)
        self.host_steps = 0

    @torch.no_grad()
    def step(self, gradients: Iterable[Tensor]) -> None:
        """Updates the parameters by one step. `gradients` has one tensor per parameter."""
        laid_out = [_in_layout_of(parameter, gradient) for parameter, gradient in zip(self.parameters, gradients, strict=True)]
        self.steps += 1
        self.host_steps += 1
        self.update(self, laid_out)

    def tensors(self) -> dict[str, Tensor]:
        """The state as named tensors."""
        moments = {f"{name}/{i}": value for name in ("m", "v") for i, value in enumerate(getattr(self, name))}
        return {**moments, "steps": self.steps}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Restores the state from what `tensors` returned."""
        for name, value in self.tensors().items():
            value.copy_(tensors[name])
        self.host_steps = int(self.steps)


def plain_update(adam: Adam, gradients: list[Tensor]) -> None:
    """The formulas above, one parameter and one operation at a time. It reads the step from a tensor, so it can be traced."""
    (beta1, beta2), t = adam.betas, adam.steps.double()
    eps = adam.eps / (1 - beta2**t).sqrt() if adam.framework == "tensorflow" else adam.eps
    rate = adam.lr if adam.decay is None else adam.lr * ((adam.decay.steps + 1 - t) / adam.decay.last).clamp(max=1) ** 3
    for parameter, gradient, m, v in zip(adam.parameters, gradients, adam.m, adam.v, strict=True):
        m.mul_(beta1).add_((1 - beta1) * gradient)
        v.mul_(beta2).add_((1 - beta2) * gradient**2)
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        parameter.sub_(rate * m_hat / (v_hat.sqrt() + eps))


def learning_rate(adam: Adam) -> float:
    """The learning rate of the current step."""
    if adam.decay is None:
        return adam.lr
    left = min(1.0, (adam.decay.steps + 1 - adam.host_steps) / adam.decay.last)
    return adam.lr * (left * left * left)


def epsilon(adam: Adam) -> float:
    """The value added to sqrt(v_hat) in the current step."""
    if adam.framework == "pytorch":
        return adam.eps
    return adam.eps / math.sqrt(1 - adam.betas[1] ** adam.host_steps)


def _in_layout_of(parameter: Tensor, value: Tensor) -> Tensor:
    return value if value.stride() == parameter.stride() else torch.empty_like(parameter).copy_(value)
