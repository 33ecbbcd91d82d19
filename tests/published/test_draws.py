"""Draws: latents and reference parts of their own, features of each picture once, scores equal to those of one pass."""

import re

import numpy as np
import pytest
import torch

from harness.data.draws import drawn_indices
from harness.data.writer import ArrayWriter
from harness.metrics.extractors import load_extractor
from harness.metrics.features import features
from harness.metrics.parts import Work
from harness.metrics.protocol import Protocol
from harness.metrics.scores import scores
from lada.configs import GeneratorConfig
from lada.generator import Generator
from pipelines.published.draws import Draws, metric_groups
from pipelines.published.samples import PublishedSamples

COUNT = 24
LARGE = Protocol("large", "toy", "train", generated=10, reference=16, resolution=16)
SMALL = Protocol("small", "toy", "train", generated=8, reference=12, resolution=16)
WHOLE = Protocol("whole", "toy", "train", generated=8, reference=COUNT, resolution=16)
CONFIG = GeneratorConfig(resolution=16, base=4, dims=(16, 8, 4), noise_dim=8, mlp_dim=8)


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (COUNT, 3, 16, 16), dtype=np.uint8)


@pytest.fixture
def made(tmp_path, pictures):
    """Draws of a small generator against prepared pictures, and the lines of progress."""
    writer = ArrayWriter(tmp_path / "data", "toy", 16)
    writer.add("train", pictures)
    writer.finish({"kind": "test"}, {})
    torch.manual_seed(0)
    generator, lines = Generator(CONFIG).eval().requires_grad_(False), []
    work = Work(load_extractor("digits-cnn"), 4, tmp_path / "cache", part=8, say=lines.append)
    samples = lambda count, seed: PublishedSamples(generator, count, seed, 4, "cpu")  # noqa: E731
    protocols = [SMALL, LARGE, WHOLE]
    return Draws(samples, "a" * 64, "b" * 64, tmp_path / "data", protocols, (5, 6), work, "cpu"), lines


def test_every_draw_has_its_own_latents_and_parts_and_scores_as_one_pass_does(made, pictures):
    draws, lines = made
    runs = [run for run, _ in draws.run()]
    assert [(run.seed, run.reference_seed) for run in runs] == [(5, 0), (6, 1)]
    for number, run in enumerate(runs):
        generated = features(draws.samples(10, run.seed)[:], draws.extractor, 4, progress=False)
        for protocol in (SMALL, LARGE, WHOLE):
            indices = drawn_indices(COUNT, protocol.reference, number)
            reference = features(pictures[indices], draws.extractor, 4, progress=False)
            expected = scores(generated[slice(0, protocol.generated)], reference, protocol)
            assert run.metrics[protocol.name] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    finished = [line.partition(":")[0] for line in lines if re.search(r": (\d+) of \1 images", line)]
    first = ["images of seed 5", "reference toy train, draw 0", "reference toy train"]
    assert finished == [*first, "images of seed 6", "reference toy train, draw 1"]
    assert not [line for line in lines if "of 12 images" in line]  # a part of the 16


def test_metrics_that_share_their_work_stay_together():
    assert metric_groups(("fid", "is", "precision", "recall")) == [("fid",), ("is",), ("precision", "recall")]
    assert metric_groups(("recall",)) == [("recall",)]
