"""Adam's step in one kernel, which walks through parameters, gradients and moments in memory order."""

import torch
from torch import Tensor

from harness.training.adam import Adam, epsilon, learning_rate


def fused_update(adam: Adam, gradients: list[Tensor]) -> None:
    """As `adam.plain_update`. The kernel takes epsilon as a number, which changes with the step, so this must not be traced."""
    beta1, beta2 = adam.betas
    torch._fused_adam_(
        adam.parameters,
        gradients,
        adam.m,
        adam.v,
        [],
        [adam.steps] * len(gradients),
        lr=learning_rate(adam),
        beta1=beta1,
        beta2=beta2,
        weight_decay=0.0,
        eps=epsilon(adam),
        amsgrad=False,
        maximize=False,
    )
