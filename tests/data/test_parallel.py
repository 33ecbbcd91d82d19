import errno
import json

import numpy as np
import pytest
from pictures import encode, noise, write_zip
from preparing import RECIPE, contents, count_decoded, prepare

from harness.data import open_split, read_manifest
from harness.data.images import Recipe
from harness.data.parallel import shard_images
from harness.data.sources import FolderSource, ZipSource
from harness.errors import HarnessError


def test_many_processes_write_the_same_bytes_as_one(folder, tmp_path, small_shards):
    prepare(FolderSource(folder), tmp_path / "one")
    prepare(FolderSource(folder), tmp_path / "many", cores=3)
    assert contents(tmp_path / "one") == contents(tmp_path / "many")
    manifest = read_manifest(tmp_path / "one")
    assert [shard["count"] for shard in manifest["splits"]["train"]["shards"]] == [3] * 5
    assert [shard["count"] for shard in manifest["splits"]["test"]["shards"]] == [3, 2]
    expected = [RECIPE((folder / name).read_bytes(), name) for name, _ in FolderSource(folder).items()]
    np.testing.assert_array_equal(open_split(tmp_path / "many", "train")[:], expected[:15])
    np.testing.assert_array_equal(open_split(tmp_path / "many", "test")[:], expected[15:])


def test_the_hashes_do_not_depend_on_the_shards_or_the_container(folder, tmp_path, small_shards, monkeypatch):
    prepare(FolderSource(folder), tmp_path / "small")
    monkeypatch.undo()
    prepare(FolderSource(folder), tmp_path / "large")
    names = [name for name, _ in FolderSource(folder).items()]
    archive = write_zip(tmp_path / "in.zip", {name: (folder / name).read_bytes() for name in names})
    prepare(ZipSource(archive), tmp_path / "zipped")
    small, large, zipped = (read_manifest(tmp_path / name) for name in ("small", "large", "zipped"))
    for split in ("train", "test"):
        assert small["splits"][split]["sha256"] == large["splits"][split]["sha256"] == zipped["splits"][split]["sha256"]
    assert small["source"]["sha256"] == large["source"]["sha256"] == zipped["source"]["sha256"]
    assert (small["source"]["kind"], zipped["source"]["kind"]) == ("folder", "zip")
    (folder / "0" / "00.png").write_bytes(encode(noise(), compress_level=0))  # the same pixels in other bytes
    prepare(FolderSource(folder), tmp_path / "recoded")
    recoded = read_manifest(tmp_path / "recoded")
    assert recoded["splits"]["train"]["sha256"] == small["splits"]["train"]["sha256"]
    assert recoded["source"]["sha256"] != small["source"]["sha256"]


def test_every_damaged_picture_is_listed_and_a_repair_goes_on(folder, tmp_path, small_shards, monkeypatch):
    good = (folder / "0" / "00.png").read_bytes()
    for name in ("0/00.png", "1/19.png"):
        (folder / name).write_bytes(b"damaged")
    with pytest.raises(
        HarnessError, match=r"in: 2 of 20 pictures cannot be used, all listed in .*errors\.txt; the first: 0/00\.png"
    ):
        prepare(FolderSource(folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    listing = next((tmp_path / ".ckpt").glob("*/errors.txt")).read_text().splitlines()
    assert [line.split()[0] for line in listing] == ["0/00.png", "1/19.png"]
    for name in ("0/00.png", "1/19.png"):
        (folder / name).write_bytes(good)
    decoded = count_decoded(monkeypatch)
    prepare(FolderSource(folder), tmp_path / "out")
    assert len(decoded) == 3 + 2  # the two shards that held them
    assert len(open_split(tmp_path / "out", "train")) == 15
    assert list((tmp_path / ".ckpt").iterdir()) == []


def test_a_wrong_size_is_another_release(folder, tmp_path):
    with pytest.raises(HarnessError, match=r"0/00\.png is 13x9; expected 178x218 or 1x1"):
        prepare(FolderSource(folder), tmp_path / "out", Recipe(8, "squash", "box", ((178, 218), (1, 1))), splits=one(folder))


def one(folder):
    return {"train": FolderSource(folder).items()[:1]}


def test_a_full_disk_is_not_blamed_on_a_picture(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    with pytest.raises(OSError, match="No space left"):
        prepare(FolderSource(folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert [path.name for path in (tmp_path / ".ckpt").glob("*/shards/*")] == []


def test_shards_of_other_pictures_or_recipes_are_not_reused(folder, tmp_path, small_shards):
    (folder / "bad.png").write_bytes(b"damaged")
    with pytest.raises(HarnessError, match=r"bad\.png"):
        prepare(FolderSource(folder), tmp_path / "out")
    (folder / "bad.png").unlink()
    (folder / "0" / "00.png").unlink()  # every later picture moves up by one
    prepare(FolderSource(folder), tmp_path / "out")
    names = [name for name, _ in FolderSource(folder).items()]
    expected = [RECIPE((folder / name).read_bytes(), name) for name in names]
    np.testing.assert_array_equal(open_split(tmp_path / "out", "train")[:], expected[:15])
    assert {path.name for path in (tmp_path / "out").iterdir() if path.suffix == ".npy"} == {
        shard["file"] for split in read_manifest(tmp_path / "out")["splits"].values() for shard in split["shards"]
    }
    prepare(FolderSource(folder), tmp_path / "out", Recipe(4, "squash", "box"))  # over what is there
    assert open_split(tmp_path / "out", "train").shape == (15, 3, 4, 4)


def test_shard_sizes_follow_the_amount():
    assert shard_images(100, 12288) == 256
    assert shard_images(202_599, 3 * 64 * 64) == 202_599 // 128
    assert shard_images(3_033_042, 3 * 256 * 256) == (2 << 30) // (3 * 256 * 256)
    assert shard_images(10, 1 << 40) == 1


def test_a_done_mark_without_its_shard_counts_for_nothing(folder, tmp_path, small_shards, monkeypatch):
    (folder / "zz.png").write_bytes(b"damaged")
    with pytest.raises(HarnessError, match="zz"):
        prepare(FolderSource(folder), tmp_path / "out")
    (folder / "zz.png").unlink()
    shards = sorted(tmp_path.glob(".ckpt/*/shards/train-*.npy"))
    shards[0].unlink()
    shards[1].write_bytes(shards[1].read_bytes()[:-300])
    done = next(tmp_path.glob(".ckpt/*/done/train-00002.json"))
    assert len(json.loads(done.read_text())["sources"]) == 3
    decoded = count_decoded(monkeypatch)
    prepare(FolderSource(folder), tmp_path / "out")
    assert len(decoded) == 3 + 3 + 2  # the missing, the short, and the last one whose end moved
