import numpy as np
import pytest
from pictures import encode, noise, picture, write_zip
from PIL import Image

from harness.data import DATASETS, open_split, read_manifest
from harness.errors import HarnessError


def thumbnail(i):
    return picture(seed=i, width=128, height=128)


def large(i):
    """1024x1024, each pixel of its 128x128 picture as a block of 8x8."""
    return encode(noise(128, 128, i).resize((1024, 1024), Image.Resampling.NEAREST), compress_level=1)


def fill(folder, make, count=4):
    for i in range(count):
        path = folder / "00000" / f"{i:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make(i))
    return folder


def prepare(path, out, count=4, **extra):
    DATASETS["ffhq"]({"name": "ffhq", "path": str(path), "count": count, **extra}, out)


def test_tree_thumbnails_and_zip_agree(tmp_path):
    fill(tmp_path / "a" / "images1024x1024", large)
    fill(tmp_path / "b" / "thumbnails128x128", thumbnail)
    write_zip(tmp_path / "c.zip", {f"thumbnails128x128/{i:05d}.png": thumbnail(i) for i in (2, 0, 3, 1)} | {"LICENSE.txt": b"x"})
    expected = np.stack([np.asarray(noise(128, 128, i)).transpose(2, 0, 1) for i in range(4)])
    for path in (tmp_path / "a", tmp_path / "a" / "images1024x1024", tmp_path / "b", tmp_path / "c.zip"):
        prepare(path, tmp_path / "out")
        np.testing.assert_array_equal(open_split(tmp_path / "out", "train")[:], expected)
    assert read_manifest(tmp_path / "out")["source"]["kind"] == "zip"


def test_the_area_resize_is_the_mean_of_blocks(tmp_path):
    picture_1024 = np.asarray(noise(1024, 1024, 9)).astype(float)
    (fill(tmp_path / "in", thumbnail, 1) / "00000" / "00000.png").write_bytes(encode(noise(1024, 1024, 9), compress_level=1))
    prepare(tmp_path / "in", tmp_path / "out", 1)
    means = picture_1024.reshape(128, 8, 128, 8, 3).mean((1, 3)).transpose(2, 0, 1)
    assert np.abs(open_split(tmp_path / "out", "train")[0] - means).max() <= 1  # Pillow rounds after each axis


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "00000" / "00002.png").unlink(), r"lacks 1 of 4 pictures: 00002\.png"),
        (lambda folder: (folder / "00004.png").write_bytes(b"x"), r"not of FFHQ's first 4: 00004\.png"),
        (lambda folder: (folder / "00001.png").write_bytes(b"x"), r"holds 00001\.png twice, as 00000/00001\.png and 00001\.png"),
        (lambda folder: (folder / "00000" / "00001.png").write_bytes(thumbnail(1)[:-900]), r"00001\.png cannot be decoded"),
        (
            lambda folder: (folder / "00000" / "00001.png").write_bytes(picture()),
            r"00001\.png is 13x9; expected 1024x1024 or 128x128",
        ),
    ],
)
def test_a_wrong_tree_is_named_and_nothing_is_written(tmp_path, change, message):
    change(fill(tmp_path / "in", thumbnail))
    with pytest.raises(HarnessError, match=message):
        prepare(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_sets_in_one_zip_are_refused(tmp_path):
    write_zip(tmp_path / "a.zip", {f"{folder}/00000.png": thumbnail(0) for folder in ("x", "y")})
    with pytest.raises(HarnessError, match=r"holds 00000\.png twice, as x/00000\.png and y/00000\.png"):
        prepare(tmp_path / "a.zip", tmp_path / "out", 1)


def test_the_count_and_the_place_are_the_published_ones(tmp_path):
    with pytest.raises(HarnessError, match=r"lacks 69996 of 70000 pictures: 00004\.png, .* and 69991 more"):
        DATASETS["ffhq"]({"name": "ffhq", "path": str(fill(tmp_path / "in", thumbnail))}, tmp_path / "out")
    with pytest.raises(HarnessError, match=r"no nothing at .* published at https://github\.com/NVlabs/ffhq-dataset"):
        prepare(tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(HarnessError, match=r"checksum: given for .*; expected only with a \.zip archive"):
        prepare(tmp_path / "in", tmp_path / "out", checksum="md5:00")
    write_zip(tmp_path / "a.zip", {"00000.png": thumbnail(0)})
    with pytest.raises(HarnessError, match=r"has md5 .* or set checksum to null"):
        prepare(tmp_path / "a.zip", tmp_path / "out", 1, checksum="md5:00")
