"""The losses of the paper (arXiv 2401.09596, section III-E), as its published TensorFlow code computes them.

Logits are (B, L): one value per position of the discriminator's flattened logit map. Every mean is over both axes.
"""

import torch
from torch import Tensor
from torch.nn.functional import mse_loss, softplus


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Logistic loss, E[-log sigmoid(D(x))] + E[-log(1 - sigmoid(D(G(z))))]; eq. 14. (B, L), (B, L) -> scalar.

    The paper misprints the second term as 1 - log D(G(z)).
    """
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Non-saturating loss E[-log sigmoid(D(G(z)))]; eq. 15. (B, L) -> scalar."""
    return softplus(-fake_logits).mean()


def r1_penalty(real_logits: Tensor, real_img: Tensor) -> Tensor:
    """R1, mean_i ||d sum(D(x_i)) / d x_i||^2 without a factor 1/2 (Mescheder et al., arXiv 1801.04406, eq. 9).

    real_logits (B, L) must be computed from real_img (B, 3, H, W), which must require a gradient. The result can be
    differentiated again with respect to the discriminator's parameters.
    """
    (gradient,) = torch.autograd.grad(real_logits.sum(), real_img, create_graph=True)  # (B, 3, H, W)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def bcr_penalty(real_logits: Tensor, real_aug_logits: Tensor, fake_logits: Tensor, fake_aug_logits: Tensor) -> Tensor:
    """Balanced consistency, MSE(D(x), D(T(x))) + MSE(D(G(z)), D(T(G(z)))) (arXiv 2002.04724). (B, L) x 4 -> scalar."""
    return mse_loss(real_logits, real_aug_logits) + mse_loss(fake_logits, fake_aug_logits)
