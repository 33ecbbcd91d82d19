"""The authors' step computes what ours computes. A contender that computes something else is not timed."""

import json
from argparse import Namespace

import pytest
import torch

from harness.errors import HarnessError
from harness.training.augment import augment
from harness.training.config import TrainConfig
from harness.training.engines import build_state
from harness.training.randomness import draw_step, move_draws
from harness.training.step import METRICS, reference_step
from lada.configs import DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator
from lada.generator import Generator
from pipelines.benches import contenders
from pipelines.benches import train as bench_train
from pipelines.benches.authors_step import READS, authors_step, build_authors, published_augment
from pipelines.benches.traffic import count_traffic

pytestmark = pytest.mark.slow

CONFIG = TrainConfig(nimg=4, batch=4, r1_weight=1.0)


def networks(resolution=8, device="cpu"):
    torch.manual_seed(0)
    generator = GeneratorConfig(resolution=8, dims=(16, 8), base=4, noise_dim=128, mlp_dim=16)
    discriminator = DiscriminatorConfig(resolution=8, encoder_dims=(8,), base=4, kind="conv", head_dims=(8, 8))
    return Generator(generator), Discriminator(discriminator)


def test_published_augmentation_has_the_same_bits():
    draws = draw_step(CONFIG, 4, 16, 0).augment_real
    img = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(published_augment(img, draws), augment(img, draws), rtol=1e-5, atol=1e-6)
    moves = {name: value for name, value in draws.items() if name != "color"}
    assert torch.equal(published_augment(img, moves), augment(img, moves))


def test_the_yardstick_computes_the_reference_step():
    real_img = torch.rand(4, 3, 8, 8, dtype=torch.float64)
    draws = move_draws(draw_step(CONFIG, 128, 8, 0), real_img)
    ours = build_state(*(network.double() for network in networks()), CONFIG)
    theirs = build_authors(*(network.double() for network in networks()), CONFIG)
    values = authors_step(theirs, real_img, draws, CONFIG)
    metrics = dict(zip(METRICS, reference_step(ours, real_img, draws, CONFIG).tolist(), strict=True))
    expected = (metrics["loss_g"], metrics["loss_d"] + metrics["r1"], metrics["grad_norm_g"], metrics["grad_norm_d"])
    assert len(values) == READS
    assert values[:4] == pytest.approx(expected, rel=1e-5)  # torch's default epsilon of Adam is another
    assert values[5] == pytest.approx(metrics["logit_real"], rel=1e-5)
    torch.testing.assert_close(list(theirs.average.parameters()), list(ours.ema.module.parameters()), rtol=1e-4, atol=1e-6)


def test_traffic_of_a_product():
    a, b = torch.ones(3, 5), torch.ones(5, 7)
    assert bench_train.peak_of(lambda: torch.ones(1000, 1000) + 1, torch.device("cpu")) == pytest.approx(8_000_000, rel=1e-4)
    traffic = count_traffic(lambda: (a @ b).t())
    assert (traffic.macs, traffic.moved_bytes) == (3 * 5 * 7, 4 * (15 + 35 + 21))


def test_rows_have_the_schema_and_the_yardstick_is_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(contenders, "networks", networks)
    names = "authors/fp32,authors/tf32,eager/fp32,eager/tf32"
    bench_train.main(
        [
            "--contenders",
            names,
            "--resolutions",
            "8",
            "--batch",
            "2",
            "--rounds",
            "2",
            "--out",
            str(tmp_path),
            "--device",
            "cpu",
        ]
    )
    for name, batches in (("train", [2]), ("infer", [1, 2])):
        result = json.loads(next(tmp_path.glob(f"*/{name}.json")).read_text())
        assert [(row["engine"], row["batch"]) for row in result["rows"]] == [
            (e, b) for b in batches for e in ("authors", "eager")
        ]
        assert all(row["ratio_to_authors"] == 1 for row in result["rows"] if row["engine"] == "authors")
        assert all(row["images_per_s"] > 0 and row["ratio_low"] <= row["ratio_high"] for row in result["rows"])
    said = capsys.readouterr().err
    assert all(f"{name}/tf32 at 8: not measured (TF32 is for CUDA" in said for name in ("authors", "eager"))


def test_a_contender_that_differs_is_not_timed(monkeypatch, capsys):
    def refuse(*args):
        raise HarnessError("differs from the reference step")

    monkeypatch.setattr(contenders, "networks", networks)
    monkeypatch.setattr(contenders, "verify_engine", refuse)
    args = Namespace(contenders=["authors/fp32", "eager/fp32"], rounds=1)
    clock = bench_train.clock_of("process", torch.device("cpu"))
    rows = bench_train.race(args, contenders.training, 8, 2, torch.device("cpu"), clock)
    assert [contender.engine for contender in rows] == ["authors"]
    assert "eager/fp32 at 8: not measured (differs from the reference step)" in capsys.readouterr().err
