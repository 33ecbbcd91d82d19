import errno
import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.data import npy
from harness.data.arrays import content_sha256, damaged_files, open_split, read_manifest
from harness.data.writer import ArrayWriter
from harness.errors import HarnessError
from harness.files import sha256_file


def images(count, resolution=4, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, resolution, resolution), np.uint8)


def write(root, pieces, labels=None):
    writer = ArrayWriter(root, "example", 4)
    for piece in pieces:
        writer.add("train", piece)
    if labels is not None:
        writer.add_labels("train", labels)
    writer.finish({"kind": "test"}, {"resolution": 4})
    return open_split(root, "train")


def test_the_hash_is_that_of_the_bytes_whatever_the_sharding(tmp_path):
    all_images = images(23)
    one = write(tmp_path / "one", [all_images])
    many = write(tmp_path / "many", [all_images[:7], all_images[7:8], all_images[8:]])
    assert one.sha256 == many.sha256 == hashlib.sha256(all_images.tobytes()).hexdigest() == content_sha256(many)
    assert content_sha256(write(tmp_path / "other", [images(23, seed=1)])) != one.sha256


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    index=st.lists(st.integers(-23, 22)),
    bounds=st.tuples(*[st.none() | st.integers(-30, 30)] * 2),
    step=st.sampled_from([1, 3, -2]),
)
def test_indexing_equals_numpys(tmp_path, index, bounds, step):
    all_images = images(23)
    if not (tmp_path / "manifest.json").exists():
        write(tmp_path, [all_images[:7], all_images[7:8], all_images[8:]])
    array = open_split(tmp_path, "train")
    np.testing.assert_array_equal(array[index], all_images[np.array(index, int)])
    np.testing.assert_array_equal(array[slice(*bounds, step)], all_images[slice(*bounds, step)])
    np.testing.assert_array_equal(array[-1], all_images[-1])
    assert (len(array), array.shape, array[:2].dtype) == (23, (23, 3, 4, 4), np.uint8)


def test_bad_indices_raise(tmp_path):
    array = write(tmp_path, [images(3)])
    with pytest.raises(IndexError, match="3 images"):
        array[[3]]
    with pytest.raises(IndexError, match="3 images"):
        array[-4]
    with pytest.raises(TypeError, match="float64"):
        array[[0.5]]
    with pytest.raises(TypeError, match="bool"):
        array[np.array([True, False, True])]


def test_few_files_stay_open_and_the_array_pickles_small(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.data.arrays.OPEN_SHARDS", 2)
    all_images = images(10)
    array = write(tmp_path, np.split(all_images, 10))
    np.testing.assert_array_equal(array[:], all_images)
    assert len(array._maps) == 2
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array))[3:5], all_images[3:5])


def test_labels_come_back_and_must_fit(tmp_path):
    assert write(tmp_path / "a", [images(3)], [4, 5, 6]).labels.tolist() == [4, 5, 6]
    assert write(tmp_path / "b", [images(3)]).labels is None
    with pytest.raises(ValueError, match="3 images"):
        write(tmp_path / "c", [images(3)], [4, 5])
    with pytest.raises(ValueError, match="expected uint8"):
        write(tmp_path / "d", [images(3, resolution=5)])


def test_what_is_missing_or_damaged_is_named(tmp_path):
    with pytest.raises(HarnessError, match=r"no prepared images at .*; run `python -m pipelines.prepare`"):
        open_split(tmp_path, "train")
    write(tmp_path, [images(3), images(2)])
    with pytest.raises(HarnessError, match=r"unknown split of .* 'trian'.*did you mean 'train'"):
        open_split(tmp_path, "trian")
    shard = tmp_path / "train-00001.npy"
    np.save(shard, images(1))
    with pytest.raises(HarnessError, match=r"train-00001.npy holds uint8 \(1, 3, 4, 4\); its manifest says"):
        open_split(tmp_path, "train")
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(HarnessError, match=r"train-00001.npy cannot be read"):
        open_split(tmp_path, "train")
    shard.unlink()
    with pytest.raises(HarnessError, match=r"train-00001.npy cannot be read"):
        open_split(tmp_path, "train")


def damage(path, at=-1):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_flipped_bit_in_a_shard_is_found_before_its_images_are_used(tmp_path):
    write(tmp_path, [images(3), images(2)])
    damage(tmp_path / "train-00001.npy")
    array = open_split(tmp_path, "train")
    np.testing.assert_array_equal(array[:3], images(3))  # the other shard is sound
    with pytest.raises(HarnessError, match=r"train-00001\.npy is damaged: its sha256 .*prepare again"):
        array[3:]
    assert [line.split()[0] for line in damaged_files(tmp_path)] == [str(tmp_path / "train-00001.npy")]


def test_damage_after_a_first_look_is_found_by_the_next_one_to_open_it(tmp_path):
    array = write(tmp_path, [images(3)])
    array[:]
    content = (tmp_path / "train-00000.npy").read_bytes()
    (tmp_path / "train-00000.npy").write_bytes(content[:-48] + bytes(255 - byte for byte in content[-48:]))  # an image inverted
    with pytest.raises(HarnessError, match="is damaged"):
        open_split(tmp_path, "train")[2]


def test_labels_and_the_manifest_are_checked_too(tmp_path):
    write(tmp_path, [images(3)], [4, 5, 6])
    damage(tmp_path / "train-labels.npy", at=-8)
    with pytest.raises(HarnessError, match=r"train-labels\.npy is damaged"):
        open_split(tmp_path, "train")
    manifest = tmp_path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"kind": "test"', '"kind": "tost"'))
    with pytest.raises(HarnessError, match=r"manifest\.json is damaged: .*prepare again"):
        read_manifest(tmp_path)


def test_a_file_is_hashed_once_per_process(tmp_path, monkeypatch):
    hashed = []
    monkeypatch.setattr(npy, "sha256_file", lambda path: hashed.append(path.name) or sha256_file(path))
    write(tmp_path, [images(3), images(2)])
    for _ in range(3):
        open_split(tmp_path, "train")[:]
    assert hashed == ["train-00000.npy", "train-00001.npy"]


def test_a_read_error_is_not_called_damage(tmp_path, monkeypatch):
    write(tmp_path, [images(3)])

    def unreadable(path):
        raise OSError(errno.EIO, "Input/output error", str(path))

    array = open_split(tmp_path, "train")
    monkeypatch.setattr(npy, "sha256_file", unreadable)
    with pytest.raises(OSError, match="Input/output error"):
        array[:]


def test_a_full_disk_has_its_errno(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(OSError, match=f"Errno {errno.ENOSPC}"):
        npy.write_npy(Path("/dev/full"), images(100))


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"schema_version": 99, "image_shape": [], "splits": {}})])
def test_a_foreign_manifest_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(HarnessError, match=r"manifest\.json .*prepare again"):
        read_manifest(tmp_path)
