"""Three counts of every mechanism's multiply-accumulates agree, and no counter misses dot-product attention."""

import pytest
import torch
from torch import nn

from baselines.attention import ATTENTIONS
from harness.cost.macs import count_macs

GRID, DIM, HEADS = 16, 64, 4


def count(name, grid=GRID):
    """The count of one mechanism as the cost stage makes it; raises where two ways disagree."""
    attention = ATTENTIONS[name]
    network = nn.Sequential(attention(DIM, HEADS, grid)).eval()
    return count_macs(network, (torch.zeros(1, grid**2, DIM),), {"0": attention.macs(grid**2, DIM, HEADS)})


@pytest.mark.parametrize("name", ATTENTIONS)
def test_fvcore_torch_and_the_closed_formula_agree(name):
    counted = count(name)
    assert counted.torch_meta == counted.closed_form == ATTENTIONS[name].macs(GRID**2, DIM, HEADS)
    assert counted.true == pytest.approx(counted.closed_form, rel=1e-3)
    assert counted.params == ATTENTIONS[name].params(GRID**2, DIM, HEADS)


def test_fused_dot_product_does_not_look_as_cheap_as_linear_attention():
    """fvcore silently ignores the fused kernel, so N^2 attention seems cheaper than Lada's. The true count includes it."""
    fused, explicit, lada = count("dot-product-fused", 32), count("dot-product", 32), count("lada", 32)
    assert fused.fvcore < lada.fvcore  # the trap
    assert fused.true == fused.torch_meta == explicit.true == 4 * 1024 * 64**2 + 2 * 1024**2 * 64
    assert fused.true > 8 * lada.true


@pytest.mark.parametrize(
    ("name", "small", "large"),  # million multiply-accumulates at (N, d) = (1024, 64) and (4096, 256), 4 heads
    [
        ("dot-product", 151.0, 9664),
        ("l2", 146.8, None),
        ("linformer", 33.6, 1342),
        ("fastformer", 13.2, 816),
        ("lada", 17.1, 1079),
        ("swin", 25.2, 1208),
        ("hit", 15.7, 805),
        ("axial", 25.2, 1342),
        ("nystrom", 77.9, 1470),
    ],
)
def test_formulas_give_the_published_examples(name, small, large):
    macs = ATTENTIONS[name].macs
    assert round(macs(1024, 64, 4) / 1e6, 1) == pytest.approx(small, abs=0.051)
    assert large is None or round(macs(4096, 256, 4) / 1e6) == pytest.approx(large, abs=1)
