import dataclasses
import zipfile

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.metrics.adm import STATISTICS, NpzSamples, StoredReference, read_statistics, write_samples, write_statistics
from harness.metrics.features import features
from harness.metrics.npz import array_names
from harness.metrics.protocol import PAPER_LABEL, PROTOCOLS
from harness.metrics.reference import stored_reference
from harness.metrics.scores import judge, raw_scores, scores


@pytest.fixture
def seen(digits_cnn):
    images = np.random.default_rng(5).integers(0, 256, (600, 3, 16, 16), dtype=np.uint8)
    return features(images, digits_cnn, progress=False)


def test_samples_survive_the_round_trip_and_are_what_numpy_reads(tmp_path, images):
    path = tmp_path / "samples.npz"
    write_samples(path, images, batch=5)
    with np.load(path, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["arr_0"], images.transpose(0, 2, 3, 1))  # NHWC
    samples = NpzSamples(path)
    assert samples.shape == images.shape
    np.testing.assert_array_equal(samples[4:9], images[4:9])
    np.testing.assert_array_equal(samples[0:3], images[0:3])  # backwards
    np.testing.assert_array_equal(samples[20:99], images[20:])


def test_samples_say_how_they_were_made(tmp_path, images):
    write_samples(tmp_path / "samples.npz", images, text={"made_by": "seeds 0-22"})
    assert NpzSamples(tmp_path / "samples.npz").shape == images.shape
    with np.load(tmp_path / "samples.npz", allow_pickle=False) as arrays:
        assert str(arrays["made_by"]) == "seeds 0-22"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_samples_written_by_numpy_are_read(tmp_path, images, save):
    save(tmp_path / "samples.npz", images.transpose(0, 2, 3, 1), np.arange(len(images)))
    samples = NpzSamples(tmp_path / "samples.npz")
    np.testing.assert_array_equal(np.concatenate([samples[0:10], samples[10:23]]), images)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"arr_0": np.zeros((2, 3, 16, 16), np.uint8)}, "expected uint8"),
        ({"arr_0": np.zeros((2, 16, 16, 3), np.float32)}, "expected uint8"),
        ({"arr_0": np.array([{"a": 1}], dtype=object)}, "expected uint8"),
    ],
)
def test_other_arrays_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(HarnessError, match=message):
        NpzSamples(tmp_path / "x.npz")


def test_damaged_files_are_refused(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"no zip")
    with pytest.raises(HarnessError, match=r"not an \.npz"):
        array_names(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
        archive.writestr("arr_0.npy", b"junk")
    with pytest.raises(HarnessError, match="no readable array"):
        NpzSamples(tmp_path / "y.npz")
    np.savez(tmp_path / "z.npz", mu=np.zeros(3))
    with pytest.raises(HarnessError, match="lacks mu_s, sigma, sigma_s"):
        read_statistics(tmp_path / "z.npz", "a")


def test_statistics_score_like_the_images_they_came_from(tmp_path, seen):
    write_statistics(tmp_path / "ref.npz", seen[:500])
    with np.load(tmp_path / "ref.npz", allow_pickle=False) as arrays:
        np.testing.assert_allclose(arrays["sigma"], np.cov(seen.pool[:500], rowvar=False), atol=1e-5)
        np.testing.assert_allclose(arrays["mu_s"], seen.spatial[:500].mean(axis=0), atol=1e-5)
    stored = read_statistics(tmp_path / "ref.npz", seen.label)
    assert len(stored) == 500
    generated = seen[np.arange(50, 600)]
    by_statistics = raw_scores(generated, stored, PROTOCOLS["images-train"])
    by_images = raw_scores(generated, seen[:500], PROTOCOLS["images-train"])
    assert set(by_statistics) == {"fid", "sfid", "is"}
    assert by_statistics == pytest.approx({name: by_images[name] for name in by_statistics}, rel=1e-6)


def test_a_reference_with_images_gives_precision_and_recall_too(tmp_path, seen, digits_cnn, images):
    write_statistics(tmp_path / "stats.npz", seen)
    with np.load(tmp_path / "stats.npz", allow_pickle=False) as arrays:
        np.savez(tmp_path / "ref.npz", arr_0=images.transpose(0, 2, 3, 1), **{name: arrays[name] for name in STATISTICS})
    stored = stored_reference(tmp_path / "ref.npz", PROTOCOLS["images-train"], digits_cnn, progress=False)
    np.testing.assert_array_equal(stored.pool, features(images, digits_cnn, progress=False).pool)
    assert stored.image_shape == images.shape[1:]
    found = scores(seen, stored, PROTOCOLS["images-train"])
    assert f"precision/{seen.label}" in found
    with pytest.raises(HarnessError, match="statistics of"):
        read_statistics(tmp_path / "stats.npz", "another@00000000")


def test_a_published_file_whose_hash_nobody_pinned_is_never_the_papers(tmp_path, seen):
    protocol = PROTOCOLS["lsun256-50k"]
    write_statistics(tmp_path / "ref.npz", dataclasses.replace(seen, label=PAPER_LABEL))
    stored = dataclasses.replace(read_statistics(tmp_path / "ref.npz", PAPER_LABEL), count=50_000)
    level, reasons = judge(dataclasses.replace(seen, label=PAPER_LABEL), stored, protocol)
    assert isinstance(stored, StoredReference)
    assert level == "protocol-mismatch"
    assert any("sha256" in reason for reason in reasons)


def test_statistics_of_another_width_are_refused(tmp_path, digits_cnn):
    arrays = {"mu": np.zeros(5), "sigma": np.eye(5), "mu_s": np.zeros(4), "sigma_s": np.eye(4)}
    np.savez(tmp_path / "ref.npz", **arrays)
    with pytest.raises(HarnessError, match="width 5"):
        stored_reference(tmp_path / "ref.npz", PROTOCOLS["images-train"], digits_cnn)
    np.savez(tmp_path / "ref.npz", **arrays | {"sigma": np.eye(4)})
    with pytest.raises(HarnessError, match="covariance"):
        read_statistics(tmp_path / "ref.npz", "a")
