from harness.cost.names import is_rival
from lada.configs import GeneratorConfig
from lada.names import discriminator_id, full_size_names, generator_id


def test_generator_names_show_what_differs_from_table_5():
    assert generator_id() == "g32-lada-conv"
    assert generator_id("linformer", 32, "1024-256-64", lee_conv=False) == "g32-linformer-noconv"
    assert generator_id("lada", 64, (1024, 256, 128)) == "g64-lada-conv-1024-256-128"
    assert generator_id("lada", 128, "1024-512-256") == "g128-lada-conv"
    assert generator_id(modulation=False) == "g32-lada-conv-nomod"


def test_discriminator_names():
    assert discriminator_id("conv", 64) == "d64-conv"


def test_rivals_are_told_from_the_paper_s_family():
    assert [name for name in ("g32-lada-conv", "gat-s-256", "d256-conv", "ganformer-256", "ct-32") if is_rival(name)] == [
        "gat-s-256", "ganformer-256", "ct-32",
    ]  # fmt: skip


def test_a_narrow_network_is_named_as_the_one_of_the_paper_s_size():
    digits = GeneratorConfig(resolution=16, base=4, dims=(256, 64, 32))
    assert full_size_names(digits, "swin", "conv") == ("g32-swin-conv-1024-256-128", "d32-conv")
    patches = GeneratorConfig(resolution=32, base=4, dims=(256, 64, 16), output="patch")
    assert full_size_names(patches, "lada", "lada") == ("g64-lada-conv", "d64-lada")
    odd = GeneratorConfig(resolution=48, base=12, dims=(1024, 256, 64))  # no table has this resolution
    assert full_size_names(odd, "lada", "lada")[0] == "g32-lada-conv"
