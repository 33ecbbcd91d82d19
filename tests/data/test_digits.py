import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from harness.data import DATASETS, open_split, read_manifest
from harness.data.digits import upsample
from harness.errors import HarnessError


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    out = tmp_path_factory.mktemp("digits") / "digits"
    DATASETS["digits"]({"name": "digits", "resolution": 16}, out)
    return out


def test_counts_shapes_and_labels(digits):
    train, test = open_split(digits, "train"), open_split(digits, "test")
    assert (train.shape, test.shape) == ((1437, 3, 16, 16), (360, 3, 16, 16))
    assert np.bincount(train.labels).min() >= 139
    assert (np.abs(np.bincount(test.labels) - 36) <= 2).all()
    assert train[:].min() == 0
    assert train[:].max() == 255
    np.testing.assert_array_equal(train[:][:, 0], train[:][:, 2])


def test_the_splits_are_the_scans_each_once(digits):
    prepared = np.concatenate([open_split(digits, split)[:] for split in ("train", "test")])
    labels = np.concatenate([open_split(digits, split).labels for split in ("train", "test")])
    scans = load_digits()
    expected = [upsample(scan, 16).tobytes() + bytes([label]) for scan, label in zip(scans.images, scans.target, strict=True)]
    assert sorted(expected) == sorted(image.tobytes() + bytes([label]) for image, label in zip(prepared, labels, strict=True))


@pytest.mark.parametrize("resolution", [8, 16, 32])
def test_upsampling_equals_torchs_bilinear_with_half_pixel_centres(resolution):
    scans = load_digits().images[:40].astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(scans)[:, None], size=resolution, mode="bilinear", align_corners=False
    )
    found = np.stack([upsample(scan, resolution) for scan in scans])
    np.testing.assert_array_equal(found[:, :1], (expected.double() * 255 / 16).round().byte().numpy())


def test_a_second_preparation_is_byte_identical(digits, tmp_path):
    DATASETS["digits"]({"name": "digits", "resolution": 16}, tmp_path / "again")
    for file in sorted(digits.iterdir()):
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_another_seed_is_another_split(digits, tmp_path):
    DATASETS["digits"]({"name": "digits", "seed": 1}, tmp_path / "other")
    assert open_split(tmp_path / "other", "test").sha256 != open_split(digits, "test").sha256
    assert read_manifest(tmp_path / "other")["preparation"]["seed"] == 1


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"resolution": "16"}, "data.resolution: given '16'.*a whole number; write it without quotes"),
        ({"resolution": True}, "data.resolution: given True"),
        ({"resolution": 4}, "resolution: given 4; expected a number from 8 to 256"),
        ({"resolutoin": 16}, "unknown key in data 'resolutoin'.*did you mean 'resolution'"),
        ({"test_fraction": 0}, "test_fraction: given 0"),
        ({"seed": -1}, "seed: given -1"),
    ],
)
def test_bad_parameters_are_named_and_nothing_is_written(tmp_path, entry, message):
    with pytest.raises(HarnessError, match=message):
        DATASETS["digits"]({"name": "digits", **entry}, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
