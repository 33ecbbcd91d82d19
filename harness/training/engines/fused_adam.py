"""Adam's step in one kernel that reads and writes parameters, gradients and moments in memory order."""

import torch
from torch import Tensor

from harness.training.adam import Adam, epsilon, learning_rate


def fused_update(adam: Adam, gradients: list[Tensor]) -> None:
    """Does what `adam.plain_update` does.

    Must not be traced: the kernel takes epsilon and the rate as plain numbers, and they change from step to step.
    """
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
