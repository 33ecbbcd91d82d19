"""Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1), whose whole state is tensors.

torch.optim would import torch's compiler, four seconds in every cell of a profile whose cells train for half a minute.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


class Adam:
    """m and v: first and second moments, a tensor per parameter, laid out as it; steps: how many were made, a float32 scalar."""

    def __init__(
        self, parameters: Iterable[Tensor], lr: float, betas: tuple[float, float], eps: float, update: Callable | None = None
    ) -> None:
        self.parameters = list(parameters)
        self.lr, self.betas, self.eps = lr, betas, eps
        self.update = update or plain_update
        self.m, self.v = ([torch.zeros_like(parameter) for parameter in self.parameters] for _ in range(2))
        self.steps = torch.zeros((), device=self.parameters[0].device)

    @torch.no_grad()
    def step(self, gradients: Iterable[Tensor]) -> None:
        """Moves the parameters by one step; one gradient per parameter."""
        laid_out = [_in_layout_of(parameter, gradient) for parameter, gradient in zip(self.parameters, gradients, strict=True)]
        self.steps += 1
        self.update(self, laid_out)

    def tensors(self) -> dict[str, Tensor]:
        """The state, by name."""
        moments = {f"{name}/{i}": value for name in ("m", "v") for i, value in enumerate(getattr(self, name))}
        return {**moments, "steps": self.steps}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Copies what `tensors` gave back into place."""
        for name, value in self.tensors().items():
            value.copy_(tensors[name])


def plain_update(adam: Adam, gradients: list[Tensor]) -> None:
    """One parameter and one operation at a time."""
    (beta1, beta2), t = adam.betas, adam.steps.double()
    for parameter, gradient, m, v in zip(adam.parameters, gradients, adam.m, adam.v, strict=True):
        m.mul_(beta1).add_((1 - beta1) * gradient)
        v.mul_(beta2).add_((1 - beta2) * gradient**2)
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        parameter.sub_(adam.lr * m_hat / (v_hat.sqrt() + adam.eps))


def fused_update(adam: Adam, gradients: list[Tensor]) -> None:
    """All parameters in one kernel, which walks through parameter, gradient and moments in memory order."""
    beta1, beta2 = adam.betas
    torch._fused_adam_(
        adam.parameters,
        gradients,
        adam.m,
        adam.v,
        [],
        [adam.steps] * len(gradients),
        lr=adam.lr,
        beta1=beta1,
        beta2=beta2,
        weight_decay=0.0,
        eps=adam.eps,
        amsgrad=False,
        maximize=False,
    )


def _in_layout_of(parameter: Tensor, value: Tensor) -> Tensor:
    return value if value.stride() == parameter.stride() else torch.empty_like(parameter).copy_(value)
