from dataclasses import replace

import numpy as np
import pytest

from harness.metrics.extractors import Extractor
from harness.metrics.features import Features
from harness.metrics.protocol import PAPER_LABEL, PROTOCOLS, Protocol
from harness.metrics.scores import judge
from pipelines import scoring
from pipelines.scoring import Scorer
from pipelines.sections import ScoringParams

TOY = Protocol("toy", "toy", "train", generated=40, reference=30, paper=True, resolution=32)


def made_up(count, shape):
    rng = np.random.default_rng(0)
    parts = (rng.standard_normal((count, width)).astype(np.float32) for width in (5, 6, 4))
    return Features(*parts, PAPER_LABEL, image_shape=shape)


@pytest.fixture
def scorer(monkeypatch):
    """A scorer under a protocol like the paper's, whose reference pictures have the given shape."""
    monkeypatch.setitem(PROTOCOLS, "toy", TOY)

    def make(reference_shape):
        extractor = Extractor("inception-v3", PAPER_LABEL, "0" * 64, None)
        references = {"toy": made_up(30, reference_shape)}
        return Scorer(ScoringParams(protocols=("toy",)), extractor, references, {"toy": 30}, "cpu")

    return make


@pytest.mark.parametrize("reference", [(3, 32, 32), (3, 64, 64), None])
@pytest.mark.parametrize("generated", [(3, 32, 32), (3, 64, 64), (1, 32, 32)])
def test_a_records_comparability_is_that_of_its_scores(scorer, generated, reference):
    found = scorer(reference).identity(generated)["comparability"]
    level, reasons = judge(made_up(40, generated), made_up(30, reference), TOY)
    assert found == {"level": level, "reasons": reasons}
    sound = generated == (3, 32, 32) and reference in (None, (3, 32, 32))
    assert level == ("paper" if sound else "protocol-mismatch")


def test_64_pixels_against_a_reference_of_32_say_so(scorer):
    assert scorer((3, 32, 32)).identity((3, 64, 64))["comparability"] == {
        "level": "protocol-mismatch",
        "reasons": [
            "generated pictures are 64x64 pixels in 3 channels, the protocol's are 32x32 pixels in 3 channels",
            "generated pictures are 64x64 pixels in 3 channels, the reference's are 32x32 pixels in 3 channels",
        ],
    }


def test_anchors_have_reference_pictures_alone(scorer):
    assert scorer((3, 32, 32)).identity()["comparability"] == {"level": "paper", "reasons": []}
    assert scorer((3, 16, 16)).identity()["comparability"]["level"] == "protocol-mismatch"


class Pictures:
    """Generated images that remember what was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, count, seed):
        self.asked.append((count, seed))
        return np.zeros((count, 3, 32, 32), np.uint8)


@pytest.fixture
def seen(monkeypatch):
    monkeypatch.setattr(scoring, "sharded_features", lambda images, *_a, **_k: made_up(len(images), images.shape[1:]))


def test_a_point_of_a_curve_is_scored_with_the_first_seed_alone(scorer, seen):
    found, pictures = replace(scorer((3, 32, 32)), params=ScoringParams(protocols=("toy",), seeds=(4, 5, 6))), Pictures()
    assert found.score(pictures) == found.runs(pictures)[0]
    assert pictures.asked == [(40, 4), (40, 4), (40, 5), (40, 6)]


def test_a_point_of_a_curve_takes_no_more_images_than_it_needs_and_is_never_called_fid(scorer, seen):
    params, pictures = ScoringParams(protocols=("toy",), seeds=(4, 5), curve_images=20), Pictures()
    found = replace(scorer((3, 32, 32)), params=params)
    assert set(found.score(pictures)["toy"]) == {f"{name}/inception-v3" for name in ("fd", "sfd", "isx", "precision", "recall")}
    assert {"fid", "is", "recall"} < set(found.runs(pictures)[0]["toy"])
    assert pictures.asked == [(20, 4), (40, 4), (40, 5)]
    enough = replace(found, params=replace(params, curve_images=40))
    assert enough.score(pictures) == found.runs(pictures)[0]
