from harness.cost.names import discriminator_id, generator_id, is_rival


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
