"""Each rival has the size of its publication; where none is printed, the one that the project's facts derive."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from baselines.generators import GENERATORS
from harness.cost.macs import CONVENTIONS, bias_outputs, contractions, fvcore_operators, torch_macs

pytestmark = pytest.mark.slow

aten = torch.ops.aten
FUSED = (  # which of them runs depends on the release of torch
    aten.scaled_dot_product_attention,
    aten._scaled_dot_product_fused_attention_overrideable,
    aten._scaled_dot_product_flash_attention,
    aten._scaled_dot_product_flash_attention_for_cpu,
    aten._scaled_dot_product_efficient_attention,
)

GOLD = {  # parameters, GMAC of one evaluation (contractions only)
    "adm-ip-32": (57_094_662, 9.2658),
    "adm-ip-64": (295_136_454, 109.6780),
    "adm-ip-128": (542_811_398, 399.1470),
    "ct-32": (56_395_523, 21.2363),
    "ct-64": (295_899_267, 109.6568),
    "ct-256": (526_304_771, 1119.3533),
    "stylegan2-32": (21_523_475, 4.0195),
    "stylegan2-64": (23_819_544, 7.6638),
    "stylegan2-128": (24_525_213, 11.3280),
    "stylegan2-256": (24_767_458, 15.0325),
    "vitgan-32": (11_964_675, 0.9754),
    "vitgan-64": (16_693_251, 2.6234),
    "vitgan-128": (21_495_555, 11.7125),
    "vitgan-256": (21_790_467, 51.6633),
    "vanilla-vit-32": (7_289_520, 0.4669),
    "vanilla-vit-64": (10_893_888, 0.7032),
    "transgan-32": (83_260_867, 5.3941),
    "hit-128": (32_866_627, 14.1492),
    "hit-256": (46_217_670, 13.3638),
    "ss-gan-32": (4_276_739, 1.6811),
    "ss-gan-64": (12_220_675, 1.9553),
    "ss-gan-128": (32_150_787, 9.0901),
    "biggan-32": (4_668_163, 1.6815),
    "ganformer-256": (30_903_632, 67.6269),
    "gat-s-256": (29_354_816, 6.0540),
    "gat-b-256": (116_741_696, 22.9952),
    "gat-l-256": (408_731_168, 80.6409),
    "gat-xl-256": (602_231_552, 118.5543),
    "styleswin-64": (45_209_794, 36.4931),
    "styleswin-128": (47_973_593, 65.5042),
    "styleswin-256": (48_929_512, 95.6081),
}
PRINTED_GMAC = {  # Table V, and how near a count in its convention must come
    "adm-ip-32": (9.0, 0.005),
    "adm-ip-64": (103.5, 0.0005),
    "adm-ip-128": (391.0, 0.0005),
    "stylegan2-64": (7.8, 0.025),
    "stylegan2-128": (11.5, 0.025),
    "stylegan2-256": (15.2, 0.025),
    "vitgan-64": (2.6, 0.015),
    "vitgan-128": (11.8, 0.015),
    "vitgan-256": (52.1, 0.015),
}
BUILDABLE = [name for name, entry in GENERATORS.items() if entry.build]
SMALL = [name for name in BUILDABLE if name not in GOLD or (GOLD[name][0] < 60e6 and GOLD[name][1] < 22)]


def on_meta(name):
    entry = GENERATORS[name]
    with torch.device("meta"):
        return entry.build().eval(), entry.inputs(1)


def test_a_rival_that_cannot_be_built_says_why():
    assert set(GOLD) <= set(BUILDABLE)
    assert all(entry.note for entry in GENERATORS.values() if entry.build is None)


@pytest.mark.parametrize("name", GOLD)
def test_parameters_and_macs(name):
    network, inputs = on_meta(name)
    params, gmacs = GOLD[name]
    assert sum(parameter.numel() for parameter in network.parameters()) == params
    assert round(torch_macs(network, inputs) / 1e9, 4) == gmacs


@pytest.mark.parametrize("name", PRINTED_GMAC)
def test_printed_macs_are_reproduced_within_the_stated_tolerance(name):
    printed, tolerance = PRINTED_GMAC[name]
    network, inputs = on_meta(name)
    macs = torch_macs(network, inputs)
    if GENERATORS[name].convention == "weights+bias":
        macs = macs - attention_products(network, inputs) + bias_outputs(network, inputs)
    assert abs(macs / 1e9 - printed) <= tolerance * printed


def attention_products(network, inputs):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(*inputs)
    counts = counter.get_flop_counts()["Global"]
    return sum(counts.get(operator, 0) for operator in (aten.bmm, aten.baddbmm, *FUSED)) // 2


@pytest.mark.parametrize("name", SMALL)
def test_fvcore_agrees(name):
    entry = GENERATORS[name]
    operators, _ = fvcore_operators(entry.build().eval(), entry.inputs(1))
    gmacs = GOLD[name][1] if name in GOLD else round(torch_macs(*on_meta(name)) / 1e9, 4)
    assert round(contractions(operators) / 1e9, 4) == gmacs


@pytest.mark.parametrize("name", BUILDABLE)
def test_makes_images_of_its_resolution_for_any_batch(name):
    entry = GENERATORS[name]
    with torch.device("meta"):
        out = entry.build().eval()(*entry.inputs(3))
    assert out.shape[0] == 3
    side = 32 if name.startswith("gat") else entry.resolution  # GAT makes the latent of an autoencoder
    assert out.shape[-2:] == (side, side)
    assert entry.convention in CONVENTIONS


def test_ct_64_is_as_large_as_its_published_weights():
    assert round(4 * GOLD["ct-64"][0] / 1e9, 2) == 1.18  # GB of float32, huggingface.co/openai/diffusers-ct_imagenet64/tree/main


def test_rivals_that_sample_in_steps_say_how_many():
    steps = {name: entry.steps_per_image for name, entry in GENERATORS.items() if entry.steps_per_image != 1}
    adm_ip, ct = ({f"{model}-{resolution}" for resolution in (32, 64, 128, 256)} for model in ("adm-ip", "ct"))
    assert steps == dict.fromkeys(adm_ip, 80) | dict.fromkeys(ct, 2)  # caption of Table V
