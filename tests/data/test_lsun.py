import lmdb
import numpy as np
import pytest
from pictures import noise, picture
from PIL import Image

from harness.data import DATASETS, lsun, open_split, parallel, read_manifest, shards
from harness.data.sources import LmdbSource
from harness.errors import HarnessError

KEYS = [f"{i * 7919 % 1000:04d}abc".encode() for i in range(9)]


def bedroom(i):
    """A WebP as the export holds: the shorter side is 256 (here 32), the longer one varies."""
    return (
        picture(seed=i, width=32 + 5 * i, height=32, format="WEBP", lossless=True)
        if i % 2
        else picture(i, 32, 41, format="WEBP", lossless=True)
    )


def export(root, values=None):
    root.mkdir()
    with lmdb.open(str(root), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
        for i, key in enumerate(KEYS):
            transaction.put(key, (values or {}).get(i, bedroom(i)))
    return root


def prepare(path, out, **extra):
    DATASETS["lsun"]({"name": "lsun", "path": str(path), "resolution": 16, "count": len(KEYS), **extra}, out)


def original(i):
    return noise(32 + 5 * i, 32, i) if i % 2 else noise(32, 41, i)


def in_key_order():
    return [original(i) for _, i in sorted(zip(KEYS, range(len(KEYS)), strict=True))]


def test_the_export_is_cropped_then_resized_in_key_order(tmp_path):
    prepare(export(tmp_path / "lmdb"), tmp_path / "out")
    expected = []
    for image in in_key_order():
        left, top = (image.width - 32) // 2, (image.height - 32) // 2
        cropped = image.crop((left, top, left + 32, top + 32)).resize((16, 16), Image.Resampling.BOX)
        expected.append(np.asarray(cropped).transpose(2, 0, 1))
    np.testing.assert_array_equal(open_split(tmp_path / "out", "train")[:], expected)
    manifest = read_manifest(tmp_path / "out")
    assert (manifest["preparation"]["fit"], manifest["preparation"]["resample"]) == ("crop", "box")
    assert (manifest["source"]["kind"], manifest["source"]["file"]) == ("lmdb", "lmdb")


def test_shorten_resizes_then_crops(tmp_path):
    prepare(export(tmp_path / "lmdb"), tmp_path / "out", fit="shorten")
    for found, image in zip(open_split(tmp_path / "out", "train")[:], in_key_order(), strict=True):
        width, height = round(image.width * 16 / 32), round(image.height * 16 / 32)
        pixels = np.asarray(image.resize((width, height), Image.Resampling.BOX))
        top, left = (height - 16) // 2, (width - 16) // 2
        np.testing.assert_array_equal(found, pixels[top : top + 16, left : left + 16].transpose(2, 0, 1))


def test_the_two_orders_agree_where_nothing_is_resized(tmp_path):
    export(tmp_path / "lmdb")
    for fit in ("crop", "shorten"):
        prepare(tmp_path / "lmdb", tmp_path / fit, fit=fit, resolution=32)
    assert open_split(tmp_path / "crop", "train").sha256 == open_split(tmp_path / "shorten", "train").sha256


def test_many_processes_read_the_database(tmp_path, monkeypatch):
    prepare(export(tmp_path / "lmdb"), tmp_path / "one")
    monkeypatch.setattr(parallel, "MIN_SHARD", 3)
    monkeypatch.setattr(shards, "REOPEN", 2)
    prepare(tmp_path / "lmdb", tmp_path / "many")
    assert open_split(tmp_path / "one", "train").sha256 == open_split(tmp_path / "many", "train").sha256
    assert len(read_manifest(tmp_path / "many")["splits"]["train"]["shards"]) == 3


def test_a_folder_serves_as_well(tmp_path):
    (tmp_path / "in").mkdir()
    for i, key in enumerate(KEYS):
        (tmp_path / "in" / f"{key.decode()}.webp").write_bytes(bedroom(i))
    prepare(tmp_path / "in", tmp_path / "folder")
    prepare(export(tmp_path / "lmdb"), tmp_path / "database")
    assert open_split(tmp_path / "folder", "train").sha256 == open_split(tmp_path / "database", "train").sha256


def test_a_damaged_value_is_named_by_its_key(tmp_path):
    with pytest.raises(HarnessError, match=f"lmdb: {KEYS[3].decode()} cannot be decoded"):
        prepare(export(tmp_path / "lmdb", {3: bedroom(3)[:50]}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_truncated_database_is_named(tmp_path):
    data = export(tmp_path / "lmdb") / "data.mdb"
    whole = data.read_bytes()
    data.write_bytes(whole[: len(whole) // 8192 * 4096])
    with pytest.raises(HarnessError, match=r"data\.mdb is shorter than it declares"):
        prepare(tmp_path / "lmdb", tmp_path / "out")
    data.write_bytes(b"no database" * 1000)
    with pytest.raises(HarnessError, match="is not a whole lmdb database"):
        prepare(tmp_path / "lmdb", tmp_path / "out")


def test_count_and_place_are_the_published_ones(tmp_path):
    export(tmp_path / "lmdb")
    with pytest.raises(HarnessError, match="holds 9 pictures; expected 3033042"):
        DATASETS["lsun"]({"name": "lsun", "path": str(tmp_path / "lmdb"), "resolution": 128}, tmp_path / "out")
    with pytest.raises(HarnessError, match=r"no nothing at .* published at https://github\.com/fyu/lsun"):
        prepare(tmp_path / "nothing", tmp_path / "out")


def test_keys_take_little_memory_and_slice(tmp_path):
    keys = LmdbSource(export(tmp_path / "lmdb")).items()
    assert keys.keys.nbytes == 7 * len(KEYS)
    assert keys[2:4] == [(key.decode(), key) for key in sorted(KEYS)[2:4]]


def test_a_picture_that_cannot_be_decoded_does_not_fail_three_million(tmp_path, monkeypatch, capsys):
    """Up to a stated share they are left out, listed and counted; the others stay in their order."""
    monkeypatch.setattr(lsun, "TOLERATED", 0.25)  # two of the nine
    monkeypatch.setattr(parallel, "MIN_SHARD", 4)
    prepare(export(tmp_path / "lmdb", {3: b"RIFF", 5: b""}), tmp_path / "out")
    prepare(export(tmp_path / "whole"), tmp_path / "expected")
    bad = sorted(sorted(KEYS).index(KEYS[i]) for i in (3, 5))
    expected = np.delete(open_split(tmp_path / "expected", "train")[:], bad, axis=0)
    np.testing.assert_array_equal(open_split(tmp_path / "out", "train")[:], expected)
    manifest = read_manifest(tmp_path / "out")
    assert (manifest["splits"]["train"]["count"], len(manifest["source"]["left_out"])) == (7, 2)
    assert "left_out" not in read_manifest(tmp_path / "expected")["source"]
    assert "left out 2 of 9 pictures" in capsys.readouterr().err
    with pytest.raises(HarnessError, match="3 of 9 pictures cannot be used"):
        prepare(export(tmp_path / "worse", {0: b"RIFF", 3: b"RIFF", 5: b""}), tmp_path / "none")
    assert not (tmp_path / "none").exists()
