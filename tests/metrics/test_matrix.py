import numpy as np
import pytest
from PIL import Image

from harness.data.draws import drawn_indices
from harness.metrics.features import features
from harness.metrics.matrix import BicubicResized, MatrixInput, evaluator_matrix
from harness.metrics.precision_recall import precision_recall
from harness.metrics.protocol import PROTOCOLS, Protocol
from harness.metrics.scores import scores

TOY = Protocol("toy", None, "train", generated=40, reference=30, is_chunk=20)


def pictures(count, seed, size=16):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, size, size), dtype=np.uint8)


def by_name(rows):
    return {row["row"]: row for row in rows}


def test_every_row_is_what_it_says(digits_cnn):
    given = MatrixInput(pictures(40, 0), pictures(30, 1), other_reference=pictures(12, 2), rounded=pictures(40, 3))
    rows = by_name(evaluator_matrix(given, digits_cnn, TOY))
    look = {name: features(images, digits_cnn, progress=False) for name, images in vars(given).items()}
    assert rows["headline"]["scores"] == scores(look["generated"], look["reference"], TOY)
    distance = f"fd/{digits_cnn.label}"
    for row, (seen, reference) in {
        "reference split": (look["generated"], look["other_reference"]),
        "sample count": (look["generated"][drawn_indices(40, 8, 0)], look["reference"]),
        "uint8": (look["rounded"], look["reference"]),
    }.items():
        expected = scores(seen, reference, PROTOCOLS["images-train"].reduced(len(seen), len(reference)))
        assert rows[row]["scores"][distance] == expected[distance]
    half = precision_recall(look["generated"].pool, look["reference"].pool, half=True)
    names = (f"precision/{digits_cnn.label}", f"recall/{digits_cnn.label}")
    assert rows["float16"]["scores"] == dict(zip(names, half, strict=True))
    assert len({row["what differs"] for row in rows.values()}) == len(rows) == 6


def test_the_float16_row_asks_for_float16(digits_cnn, monkeypatch):
    monkeypatch.setattr("harness.metrics.matrix.precision_recall", lambda *_args, half=False: (0.25, 0.5) if half else (1.0, 1.0))
    rows = by_name(evaluator_matrix(MatrixInput(pictures(40, 0), pictures(30, 1)), digits_cnn, TOY))
    assert list(rows["float16"]["scores"].values()) == [0.25, 0.5]


def test_the_resize_row_scores_pictures_that_pillow_resized(digits_cnn):
    given = MatrixInput(pictures(40, 0, 24), pictures(30, 1, 24))
    rows = by_name(evaluator_matrix(given, digits_cnn, TOY))
    resized = (BicubicResized(images, 16) for images in (given.generated, given.reference))
    look = [features(images, digits_cnn, progress=False) for images in resized]
    assert rows["resize"]["scores"] == scores(*look, TOY)
    assert rows["resize"]["scores"] != rows["headline"]["scores"]


def test_bicubic_is_pillows():
    images = pictures(5, 4, 20)
    resized = BicubicResized(images, 16)
    picture = Image.fromarray(images[3].transpose(1, 2, 0)).resize((16, 16), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(resized[2:5][1], np.asarray(picture).transpose(2, 0, 1))
    assert resized.shape == resized[:].shape


def test_what_is_not_at_hand_is_said(digits_cnn):
    rows = by_name(evaluator_matrix(MatrixInput(pictures(40, 0), pictures(30, 1)), digits_cnn, TOY))
    for row in ("reference split", "uint8", "resize"):
        assert "scores" not in rows[row]
        assert rows[row]["not available"]


@pytest.mark.parametrize("paper", [True, False])
def test_only_the_headline_can_be_the_papers(digits_cnn, monkeypatch, paper):
    protocol = Protocol("toy", None, "train", generated=40, reference=30, is_chunk=20, paper=True)
    monkeypatch.setitem(PROTOCOLS, "toy", protocol)
    if paper:
        monkeypatch.setattr("harness.metrics.protocol.PAPER_LABEL", digits_cnn.label)
    rows = evaluator_matrix(MatrixInput(pictures(40, 0), pictures(30, 1), rounded=pictures(40, 3)), digits_cnn, protocol)
    assert rows[0]["comparability"] == ("paper" if paper else "none")
    for row in rows[1:]:
        assert row.get("comparability", "none") != "paper"
        assert not {"fid", "sfid", "is", "precision", "recall"} & set(row.get("scores", {}))
