import io

import numpy as np
import pytest
from PIL import Image

from harness.data import DATASETS, open_split
from harness.data.images import decode_rgb, fit_square
from harness.data.sources import FolderSource
from harness.errors import HarnessError


def encode(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **{"format": "PNG", **options})
    return buffer.getvalue()


def noise(width=13, height=9, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def fill(folder, count=10):
    for i in range(count):
        path = folder / f"class{i % 3}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(seed=i).save(path)


def list_images(folder):
    return [name for name, _ in FolderSource(folder).items()]


def prepare(folder, out, **extra):
    DATASETS["image-folder"]({"name": "image-folder", "path": str(folder), "resolution": 8, **extra}, out)


def test_order_is_that_of_the_sorted_relative_paths(tmp_path):
    fill(tmp_path / "in")
    prepare(tmp_path / "in", tmp_path / "out", test_fraction=0)
    names = list_images(tmp_path / "in")
    assert names[:4] == ["class0/0.png", "class0/3.png", "class0/6.png", "class0/9.png"]
    expected = [fit_square(Image.open(tmp_path / "in" / name), 8, "crop", "bicubic") for name in names]
    np.testing.assert_array_equal(open_split(tmp_path / "out", "train")[:], expected)
    with pytest.raises(HarnessError, match="unknown split"):
        open_split(tmp_path / "out", "test")


def test_the_splits_part_the_images_by_the_seed(tmp_path):
    fill(tmp_path / "in")
    tests = []
    for seed in (0, 0, 1):
        out = tmp_path / f"out{len(tests)}"
        prepare(tmp_path / "in", out, test_fraction=0.3, seed=seed)
        train, test = open_split(out, "train")[:], open_split(out, "test")[:]
        assert (len(train), len(test)) == (7, 3)
        assert len({image.tobytes() for image in [*train, *test]}) == 10
        tests.append(test)
    np.testing.assert_array_equal(tests[0], tests[1])
    assert (tests[0] != tests[2]).any()


@pytest.mark.parametrize(("fit", "box"), [("crop", (2, 0, 11, 9)), ("squash", (0, 0, 13, 9))])
@pytest.mark.parametrize("resample", ["box", "bilinear", "bicubic", "lanczos"])
def test_fit_equals_a_crop_and_a_resize(fit, box, resample):
    expected = noise().crop(box).resize((6, 6), Image.Resampling[resample.upper()])
    np.testing.assert_array_equal(fit_square(noise(), 6, fit, resample), np.asarray(expected).transpose(2, 0, 1))


def test_a_picture_of_the_right_size_is_left_alone():
    np.testing.assert_array_equal(fit_square(noise(8, 8), 8, "crop", "lanczos"), np.asarray(noise(8, 8)).transpose(2, 0, 1))
    assert fit_square(noise(16, 8), 8, "crop", "lanczos").shape == (3, 8, 8)


def grey_levels(values, dtype):
    return Image.fromarray(np.array([values], dtype))


def test_every_mode_becomes_rgb():
    rgb = noise()
    palette = rgb.quantize(200)
    assert decode_rgb(encode(rgb), "x").tobytes() == rgb.tobytes()
    assert decode_rgb(encode(palette), "x").tobytes() == palette.convert("RGB").tobytes()
    assert decode_rgb(encode(rgb.convert("L")), "x").tobytes() == rgb.convert("L").convert("RGB").tobytes()
    assert decode_rgb(encode(rgb.convert("1")), "x").tobytes() == rgb.convert("1").convert("RGB").tobytes()
    cmyk = encode(rgb.convert("CMYK"), format="JPEG", quality=95)
    assert (
        np.abs(np.asarray(decode_rgb(cmyk, "x"), int) - np.asarray(Image.open(io.BytesIO(cmyk)).convert("RGB"), int)).max() == 0
    )
    webp = encode(rgb, format="WEBP", lossless=True)
    assert decode_rgb(webp, "x").tobytes() == rgb.tobytes()


def test_sixteen_bits_keep_their_high_byte():
    data = encode(grey_levels([0, 255, 256, 32768, 65535], np.uint16))
    assert np.asarray(decode_rgb(data, "x"))[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_transparency_is_laid_over_white():
    rgba = Image.fromarray(np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 128]]], np.uint8))
    assert np.asarray(decode_rgb(encode(rgba), "x"))[0].tolist() == [[10, 20, 30], [255, 255, 255], [127, 127, 127]]
    assert decode_rgb(encode(rgba.convert("LA")), "x").getpixel((1, 0)) == (255, 255, 255)
    palette = Image.new("P", (2, 1))
    palette.putpalette([9, 9, 9, 200, 0, 0])
    palette.putpixel((1, 0), 1)
    assert np.asarray(decode_rgb(encode(palette, transparency=0), "x"))[0].tolist() == [[255, 255, 255], [200, 0, 0]]


@pytest.mark.parametrize("suffix", ["PNG", "JPEG", "WEBP"])
def test_exif_orientation_is_applied(suffix):
    image, exif = Image.new("RGB", (16, 8), "red"), Image.Exif()
    image.paste("blue", (0, 0, 8, 8))
    exif[0x0112] = 6  # to be shown turned a quarter clockwise
    upright = decode_rgb(encode(image, format=suffix, exif=exif.tobytes()), "x")
    assert upright.size == (8, 16)
    assert upright.getpixel((4, 2))[2] > 200  # blue, on the left before, is now at the top


DAMAGED = {
    "truncated png": encode(noise(60, 60))[:-2000],
    "truncated jpeg": encode(noise(60, 60), format="JPEG")[:-500],
    "truncated webp": encode(noise(60, 60), format="WEBP")[:-500],
    "empty": b"",
    "text": b"not a picture",
    "another format": encode(noise(), format="GIF"),
    "flipped checksum": encode(noise())[:-20] + b"\0" * 20,
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_named_and_nothing_is_written(tmp_path, kind):
    fill(tmp_path / "in")
    (tmp_path / "in" / "bad.png").write_bytes(DAMAGED[kind])
    with pytest.raises(HarnessError, match=r"bad\.png cannot be decoded"):
        prepare(tmp_path / "in", tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"in", ".ckpt"}
    (tmp_path / "in" / "bad.png").unlink()
    prepare(tmp_path / "in", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"manifest.json", "train-00000.npy", "test-00000.npy"}


def test_a_header_of_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr("harness.data.images.MAX_PIXELS", 100)
    with pytest.raises(HarnessError, match="13x9 pixels, more than 100"):
        decode_rgb(encode(noise()), "x")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"fit": "stretch"}, "data.fit: unknown value 'stretch'; expected one of crop, shorten, squash"),
        ({"resample": "bicubik"}, "did you mean 'bicubic'"),
        ({"test_fraction": "0.1"}, "data.test_fraction: given '0.1'"),
        ({"test_fraction": 0.01}, "given 10 pictures under .* 0.01; expected at least one picture in each split"),
        ({"path": "/nowhere/at/all"}, "no folder at /nowhere/at/all"),
        ({"colour": "red"}, "unknown key in data 'colour'"),
    ],
)
def test_bad_parameters_are_named(tmp_path, entry, message):
    fill(tmp_path / "in")
    with pytest.raises(HarnessError, match=message):
        prepare(tmp_path / "in", tmp_path / "out", **entry)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_an_empty_folder_is_too_few(tmp_path):
    with pytest.raises(HarnessError, match="given 0 pictures"):
        prepare(tmp_path, tmp_path / "out", test_fraction=0)


def test_hidden_files_and_other_suffixes_are_left_out(tmp_path):
    fill(tmp_path, 2)
    (tmp_path / ".thumbs").mkdir()
    (tmp_path / ".thumbs" / "a.png").write_bytes(b"x")
    (tmp_path / "notes.txt").write_bytes(b"x")
    noise().save(tmp_path / "UPPER.JPG", format="JPEG")
    assert list_images(tmp_path) == ["UPPER.JPG", "class0/0.png", "class1/1.png"]
