from pathlib import Path

import pytest

from harness.config import load_params
from harness.nested import flatten, merge
from harness.paper.configuration import differences, paper_configuration

ROOT = Path(__file__).resolve().parents[2]


def test_a_row_of_the_paper_is_configured_in_full():
    config = paper_configuration("1:13")
    assert config["train"]["lr_d"] == 4e-4
    assert config["generator"]["lee_conv"] is True
    assert config["generator"]["dims"] == [1024, 256, 64]
    assert config["discriminator"]["kind"] == "conv"
    assert paper_configuration("3:1") is None  # StyleGAN2 is not trained by the paper
    assert paper_configuration("4:10") is None


def test_differences_name_key_and_both_values():
    config = paper_configuration("3:5")
    config["train"]["nimg"] = 9600
    del config["generator"]["noise_dim"]
    assert differences(config, ["3:5"]) == [("generator.noise_dim", "128", "absent"), ("train.nimg", "68096000", "9600")]
    assert differences(config, []) is None


PAPER = load_params(ROOT / "pipelines/paper/params.yaml")


@pytest.mark.parametrize("name", [name for name, rows in PAPER["rows"].items() if rows[0][0] in "123"])
def test_the_paper_profile_trains_what_the_paper_states(name):
    cell = PAPER["cells"][name]
    stated = {key: merge(PAPER[key], cell.get(key, {})) for key in ("generator", "train")}
    stated["discriminator"] = merge(PAPER["discriminator"], cell.get("discriminator_options", {}))
    stated |= {"attention": cell["attention"], "discriminator_attention": cell["discriminator"], "data": cell["data"]}
    for row in (row for row in PAPER["rows"][name] if row[0] in "123"):  # Tables IV and V name no configuration
        paper = flatten(paper_configuration(row))
        differing = {key: (paper[key], value) for key, value in flatten(stated).items() if key in paper and paper[key] != value}
        assert not differing, row
