"""The plan: how many images and hours, what is missing, and nothing written."""

import pytest
import small_profile

from harness.errors import HarnessError
from pipelines.commands.plan import main
from pipelines.profile import load_profile
from pipelines.published import plan
from pipelines.published.plan import Amounts, Rates, amounts

PARAMS = small_profile.ROOT / "pipelines" / "published" / "params.yaml"


def test_amounts_are_those_of_the_protocols():
    profile = load_profile(PARAMS)
    found = {key: amounts(profile, key) for key in profile.checkpoints}
    assert found["cifar10"] == Amounts(150_000, 150_000 + 60_000, 3 * (3 * 50_000**2 + 3 * 10_000**2))
    assert found["celeba_64"].looked_at == 150_000 + 19_962 + 162_770
    assert found["ffhq_128"].looked_at == 150_000 + 70_000
    assert (
        found["bedroom_128"].looked_at == 150_000 + 3 * 50_000
    )  # a part of the split at every draw; 30,000 of it are the other reference
    assert Amounts(3600, 7200, 10).hours(Rates(1.0, 0.5, 360.0)) == pytest.approx(3.0)


def test_a_plan_says_hours_and_what_is_missing_and_writes_nothing(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan, "measured_rates", lambda profile, keys, batch: dict.fromkeys(keys, Rates(0.01, 0.1, 1e-8)))
    main(["--params", str(PARAMS), "--cell", "cifar10", "ffhq_128"])
    said = capsys.readouterr().out
    assert "150,000" in said
    assert "100.0" in said
    assert "10.0" in said
    assert "430,000 images looked at for 2 checkpoints; about" in said
    where = "downloaded there from https://huggingface.co/milmor/LadaGAN/resolve/main/cifar10 on the first run"
    assert f"lacking, cifar10: no weights at data/LadaGAN/cifar10; {where}" in said
    assert "lacking, ffhq_128: data.ffhq-128.path: given data/thumbnails128x128, which is not there" in said
    assert "lacking, cifar10: no Inception weights at data/weights-inception" in said
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(HarnessError, match="unknown checkpoint 'cifar'"):
        main(["--params", str(PARAMS), "--cell", "cifar"])


def test_rates_are_measured_on_small_batches(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = small_profile.write_profile(tmp_path)
    from pipelines.published import fetch

    fetch.main(["--params", str(path), "--checkpoint", "cifar10"])
    monkeypatch.setattr(plan, "BLOCK", 64)
    rates = plan.measured_rates(load_profile(path), ["cifar10"], 2)["cifar10"]
    assert min(rates.make, rates.look, rates.distance) > 0


def test_nothing_is_trained_so_no_ranks_share_it():
    with pytest.raises(HarnessError, match="--ranks: given for published, which trains nothing"):
        main(["--params", str(PARAMS), "--ranks"])
