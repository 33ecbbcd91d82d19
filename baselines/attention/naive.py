"""Attention for one token at a time: the building blocks of every mechanism's `reference`. Slow and simple on purpose."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Rows = Sequence[Tensor] | Tensor  # one entry per token, or a tensor whose first axis is the tokens


def softmax(logits: Rows) -> list[Tensor]:
    """Softmax of a list of scalars: weights that sum to one."""
    exponentials = [torch.exp(logit) for logit in logits]
    total = sum(exponentials)
    return [e / total for e in exponentials]


def pool(weights: Rows, values: Rows) -> Tensor:
    """Weighted sum of vectors (d,)."""
    return torch.stack([weight * value for weight, value in zip(weights, values, strict=True)]).sum(0)


def attend(query: Tensor, keys: Rows, values: Rows) -> Tensor:
    """Scaled dot-product attention of one query (d,) over its keys."""
    return pool(softmax([(query * key).sum() / math.sqrt(len(query)) for key in keys]), values)


def merge_heads(num_heads: int, per_head: Callable[..., Sequence[Tensor]], *projections: Tensor) -> Tensor:
    """Splits one image's projections (N, dim) into heads (N, d_h), calls `per_head` on each, and joins the results: (N, dim)."""
    heads = zip(*(projection.chunk(num_heads, dim=-1) for projection in projections), strict=True)
    return torch.cat([torch.stack(list(per_head(*parts))) for parts in heads], dim=-1)
