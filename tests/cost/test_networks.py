"""The FLOP oracle over every network of the paper's family: fvcore, FlopCounterMode on meta and closed formulas agree."""

import pytest

from baselines.attention import ATTENTIONS
from harness.cost.macs import count_macs
from lada.attention import AdditiveAttention
from lada.names import generator_id
from pipelines.networks import closed_forms, lada_networks, networks

GMAC = {  # fvcore's totals, which Tables I and II print truncated; Lada's are in test_macs.py
    "g32-linformer-noconv": 0.6205,
    "g32-linformer-conv": 0.8093,
    "g32-fastformer-noconv": 0.4841,
    "g32-fastformer-conv": 0.6728,
    "g32-swin-noconv": 0.5954,
    "g32-lada-swin-noconv": 0.5713,
    "d32-fastformer": 0.6935,
}
TRAINABLE = [name for name, mechanism in ATTENTIONS.items() if mechanism.twice_differentiable]
ORACLE = sorted({generator_id(name, lee_conv=False) for name in TRAINABLE} | GMAC.keys() | {"g32-lada-conv-nomod"})


@pytest.mark.parametrize("name", ORACLE)
def test_three_counts_agree(name):
    entry = networks()[name]
    network = entry.build().eval()
    forms = closed_forms(network, entry.inputs(1))
    count = count_macs(network, entry.inputs(1), forms)
    assert len(forms) == (1 if name.startswith("d") else 3)
    assert count.closed_form == pytest.approx(count.torch_meta, rel=1e-3)
    if name in GMAC:
        assert round(count.fvcore / 1e9, 4) == GMAC[name]


def test_a_new_mechanism_needs_no_line_here(monkeypatch):
    class Another(AdditiveAttention):
        title = "another"

    monkeypatch.setitem(ATTENTIONS, "another", Another)
    assert {"g32-another-conv", "g32-another-noconv"} <= lada_networks().keys()
    entry = networks()["g32-another-noconv"]
    assert set(closed_forms(entry.build(), entry.inputs(1))) == {f"blocks.{block}.attention" for block in range(3)}


def test_what_cannot_be_trained_under_r1_is_no_generator(monkeypatch):
    class Once(AdditiveAttention):
        twice_differentiable = False

    monkeypatch.setitem(ATTENTIONS, "once", Once)
    assert not any("once" in name for name in lada_networks())
