import io
import tarfile

import numpy as np
import pytest

from harness.data import DATASETS, fraction_indices, open_split, read_manifest
from harness.errors import HarnessError
from harness.files import sha256_file

NAMES = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]


def records(seed, count):
    found = np.random.default_rng(seed).integers(0, 256, (count, 3073), np.uint8)
    found[:, 0] %= 10
    return found


def write(path, changes=None):
    """The published archive's layout with 4 pictures a training file and 6 to test."""
    files = {name: records(seed, 6 if name == "test_batch.bin" else 4).tobytes() for seed, name in enumerate(NAMES)}
    files |= {"batches.meta.txt": b"airplane\n", "readme.html": b"<html>"}
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {**files, **(changes or {})}.items():
            if data is not None:
                info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return path


def prepare(path, out, **extra):
    given = {"name": "cifar10", "path": str(path), "checksum": None, "train_count": 20, "test_count": 6, **extra}
    DATASETS["cifar10"](given, out)


def test_pictures_labels_and_fractions(tmp_path):
    archive = write(tmp_path / "cifar.tar.gz")
    prepare(archive, tmp_path / "out")
    expected = np.concatenate([records(seed, 4) for seed in range(5)])
    train, test = open_split(tmp_path / "out", "train"), open_split(tmp_path / "out", "test")
    np.testing.assert_array_equal(train[:], expected[:, 1:].reshape(20, 3, 32, 32))
    np.testing.assert_array_equal(train.labels, expected[:, 0])
    np.testing.assert_array_equal(test[:].reshape(6, -1), records(5, 6)[:, 1:])
    manifest = read_manifest(tmp_path / "out")
    assert manifest["source"]["sha256"] == sha256_file(archive)
    for entry, share in zip(manifest["fractions"], (0.2, 0.1), strict=True):
        np.testing.assert_array_equal(np.load(tmp_path / "out" / entry["file"]), fraction_indices(20, share, 0))
        assert (entry["fraction"], entry["count"]) == (share, round(20 * share))
        assert entry["sha256"] == sha256_file(tmp_path / "out" / entry["file"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data_batch_3.bin": None}, r"lacks data_batch_3\.bin"),
        ({"data_batch_3.bin": b"0" * 3073}, r"data_batch_3\.bin' is 3073 bytes long; expected 12292"),
        ({"data_batch_3.bin": b"\x0a" * 12292}, r"data_batch_3\.bin: record 0 has label 10; expected 0 to 9"),
        ({"../../evil": b"x"}, "leaves the archive"),
    ],
)
def test_a_wrong_archive_is_named_and_nothing_is_written(tmp_path, changes, message):
    with pytest.raises(HarnessError, match=message):
        prepare(write(tmp_path / "cifar.tar.gz", changes), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["cifar.tar.gz"]


def test_another_release_is_refused_by_its_checksum(tmp_path):
    path = write(tmp_path / "cifar.tar.gz")
    with pytest.raises(HarnessError, match=r"expected c4a38c50.* or set checksum to null"):
        DATASETS["cifar10"]({"name": "cifar10", "path": str(path)}, tmp_path / "out")
    with pytest.raises(HarnessError, match="expected 30730000"):
        DATASETS["cifar10"]({"name": "cifar10", "path": str(path), "checksum": None}, tmp_path / "out")
    prepare(path, tmp_path / "out", checksum=f"sha256:{sha256_file(path)}")


def test_a_missing_archive_says_where_it_is(tmp_path):
    with pytest.raises(HarnessError, match=r"no c\.tar\.gz at .* published at https://www\.cs\.toronto\.edu/~kriz/"):
        prepare(tmp_path / "c.tar.gz", tmp_path / "out", download=False)


def test_a_missing_archive_is_downloaded(tmp_path, monkeypatch):
    asked = []

    def fetch(url, path, checksum, max_bytes):
        asked.append((url, checksum, max_bytes))
        return write(path)

    monkeypatch.setattr("harness.data.cifar10.fetch_alone", fetch)
    prepare(tmp_path / "c.tar.gz", tmp_path / "out")
    assert asked[0][0].endswith("/cifar-10-binary.tar.gz")
    assert asked[0][1].startswith("sha256:c4a38c50")  # what comes from the network is always checked
    assert 170_500_000 < asked[0][2] < 200_000_000  # and bounded


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"train_count": 21}, "multiple of 5"),
        ({"fractions": [0]}, "fraction 0"),
        ({"resolution": 64}, "unknown value 64.*expected one of 32"),
    ],
)
def test_bad_parameters_are_named(tmp_path, entry, message):
    with pytest.raises(HarnessError, match=message):
        prepare(write(tmp_path / "c.tar.gz"), tmp_path / "out", **entry)
    assert not (tmp_path / "out").exists()
