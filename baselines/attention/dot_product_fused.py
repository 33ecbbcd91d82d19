"""Dot-product attention by torch's fused kernel, for inference and for training without R1."""

from torch import Tensor
from torch.nn import functional as F

from baselines.attention.dot_product import DotProductAttention


class FusedDotProductAttention(DotProductAttention):
    """The function and the parameters of DotProductAttention. Its kernels cannot be differentiated twice."""

    title = "dot-product (fused)"
    source = "torch.nn.functional.scaled_dot_product_attention"
    twice_differentiable = False

    def forward(self, x: Tensor, return_maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (B, N, dim) -> (B, N, dim). `return_maps` uses explicit products, because the kernel returns no weights."""
        if return_maps:
            return super().forward(x, return_maps=True)
        q, k, v = self.heads(self.query(x)), self.heads(self.key(x)), self.heads(self.value(x))  # (B, h, N, d_h)
        return self.output(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
