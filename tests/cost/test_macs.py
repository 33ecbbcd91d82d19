from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from harness.cost.differences import KNOWN_DIFFERENCES
from harness.cost.macs import CONVENTIONS, HANDLES, count_macs
from harness.errors import HarnessError
from lada.configs import PAPER_DISCRIMINATORS, PAPER_GENERATORS
from lada.discriminator import Discriminator
from lada.generator import Generator

GENERATORS = {  # paper's Tables I, II and V truncated; the digits below from fvcore, facts of the project
    "32": (19_901_647, 0.7599),
    "32-no-conv": (19_274_639, 0.5712),
    "32-expansion": (20_187_023, 0.9178),
    "64": (19_900_351, 0.7599),
    "128-narrow": (19_923_535, 0.9178),
    "128": (24_026_255 - 384, 4.3499),  # the authors' summary counts the 384 moving averages of batch normalisation
    "256": (24_043_535, 5.5945),
}
DISCRIMINATORS = {
    "32": (6_775_940, 0.7100),
    "64": (7_004_356, 0.9492),
    "128": (7_061_220, 1.1927),
    "256": (7_075_316, 1.4449),
    "32-conv": (5_131_648, 0.5073),
    "64-conv": (5_359_296, 0.7457),
    "128-conv": (5_415_776, 0.9876),
    "256-conv": (5_429_680, 1.2367),
}


@pytest.fixture(autouse=True)
def quick_initialisation(monkeypatch):
    """Counts do not depend on the weights, and orthogonal matrices of this size take seconds."""
    monkeypatch.setattr(nn.init, "orthogonal_", nn.init.zeros_)


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_of_the_paper_have_its_cost(name):
    params, gmacs = GENERATORS[name]
    count = count_macs(Generator(PAPER_GENERATORS[name]).eval(), (torch.zeros(1, 128),))
    assert count.params == params
    assert round(count.fvcore / 1e9, 4) == gmacs
    assert count.true < count.fvcore


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_discriminators_of_the_paper_have_its_cost(name):
    params, gmacs = DISCRIMINATORS[name]
    config = PAPER_DISCRIMINATORS[name]
    img = torch.zeros(1, 3, config.resolution, config.resolution)
    count = count_macs(Discriminator(config).eval(), (img,))
    assert count.params == params
    assert round(count.fvcore / 1e9, 4) == gmacs


class Attention(nn.Module):
    def forward(self, query, key):
        return F.scaled_dot_product_attention(query, key, key)


def test_fused_attention_is_counted_although_fvcore_drops_it():
    query, key = torch.zeros(2, 3, 7, 5), torch.zeros(2, 3, 11, 5)
    count = count_macs(Attention(), (query, key))
    assert count.true == count.torch_meta == 2 * (2 * 3 * 7 * 11 * 5)
    assert count.fvcore == 0  # the trap: dot-product attention for free


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True)
        self.up = nn.ConvTranspose2d(1, 5, 3, stride=2)
        self.norm = nn.LayerNorm(12)

    def forward(self, x):
        x = self.norm(x)
        x = torch.baddbmm(self.attention(x, x, x)[0], x, torch.ones(len(x), 12, 12, device=x.device))
        return self.up(F.interpolate(x[:, None], scale_factor=2))


def test_operators_that_fvcore_drops_or_mixes_in():
    count = count_macs(Mixed().eval(), (torch.zeros(1, 7, 12),))
    attention, product, up = 4 * 7 * 12**2 + 2 * 7**2 * 12, 7 * 12**2, 14 * 24 * 9 * 5
    assert count.true == count.torch_meta == attention + product + up
    assert count.fvcore == attention + up + 5 * 7 * 12 + 14 * 24
    assert len(count.differences) == 2


def test_conventions():
    count = count_macs(nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.Linear(5, 7, bias=False)), (torch.zeros(1, 3),))
    figures = {name: convention(count) for name, convention in CONVENTIONS.items()}
    assert figures == {"true": 15 + 35, "fvcore": 15 + 35 + 25, "weights+bias": 15 + 35 + 5}


def test_dropped_operator_without_a_handle_is_an_error(monkeypatch):
    monkeypatch.delitem(HANDLES, "scaled_dot_product_attention")
    query = torch.zeros(1, 3, 7, 5)
    with pytest.raises(HarnessError, match=r"fvcore .* gives 0, FlopCounterMode on meta 1,470; .*KNOWN_DIFFERENCES"):
        count_macs(Attention(), (query, query))


def test_unexplained_difference_is_an_error(monkeypatch):
    monkeypatch.delitem(KNOWN_DIFFERENCES, "layer_norm")
    with pytest.raises(HarnessError, match=r"gives 40, FlopCounterMode on meta 15"):
        count_macs(nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5)), (torch.zeros(1, 3),))


def test_closed_formula_is_checked_and_replaces_the_count_inside_its_module():
    network = nn.Sequential(nn.Linear(300, 5), nn.Linear(5, 7))
    count = count_macs(network, (torch.zeros(1, 300),), {"0": 1501})
    assert (count.true, count.closed_form) == (1535, 1536)
    assert replace(count, closed_form=None) == count_macs(network, (torch.zeros(1, 300),))
    with pytest.raises(HarnessError, match=r"MACs of 0: .* the closed formula 3,000"):
        count_macs(network, (torch.zeros(1, 300),), {"0": 3000})
