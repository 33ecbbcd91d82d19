"""What `python -m harness.metrics` makes of folders as users have them: hidden copies, class folders, odd files, no rights."""

import dataclasses
import errno
import json

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from harness.data.draws import drawn_indices
from harness.errors import HarnessError
from harness.metrics.__main__ import main, parse
from harness.metrics.adm import write_samples
from harness.metrics.features import Features
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.scores import scores


def save(image, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.transpose(1, 2, 0)).save(path, **options)


@pytest.fixture
def folder(images, tmp_path):
    for number, image in enumerate(images):
        save(image, tmp_path / "in" / f"{number:03d}.png")
    return tmp_path / "in"


@pytest.fixture
def run(capsys, tmp_path):
    def command(generated, reference, *more):
        paths = ("--generated", generated, "--reference", reference, "--cache", tmp_path / "cache")
        main(["--protocol", "images-train", "--extractor", "digits-cnn", *map(str, (*paths, *more))])
        out, err = capsys.readouterr()
        return json.loads(out), err

    return command


def test_hidden_copies_are_not_scored_and_are_said(run, folder, images):
    clean, said = run(folder, folder)
    assert "left out" not in said
    for number in range(5):
        save(255 - images[number], folder / ".ipynb_checkpoints" / f"{number:03d}.png")
    (folder / "._000.png").write_bytes(b"not a picture")
    (folder / "001.bmp").write_bytes(b"x")
    found, said = run(folder, folder)
    assert found["scores"] == clean["scores"]
    assert f"note: {folder}: left out 1 hidden, 1 hidden folders, 1 with ending .bmp" in said


def test_a_limit_draws_by_a_seed_and_says_so(run, tmp_path, images):
    both = np.concatenate([images, 255 - images])  # two classes, one after the other
    for number, image in enumerate(both):
        save(image, tmp_path / "g" / f"class{number // 23}" / f"{number:03d}.png")
    write_samples(tmp_path / "g.npz", both)
    found = [run(tmp_path / name, tmp_path / "g.npz", "--reduced", 20)[0] for name in ("g", "g.npz")]
    draw = {"count": 20, "of": 46, "seed": 0}
    assert found[0]["drawn"] == {"generated": [draw], "reference": draw}
    assert found[0]["scores"] == found[1]["scores"]
    drawn = drawn_indices(46, 20, 0)
    assert 5 < (drawn < 23).sum() < 15  # of both classes
    write_samples(tmp_path / "drawn.npz", both[drawn])
    for generated, reference in (("g", "drawn"), ("drawn.npz", "g")):  # either side draws these, and not the first ones
        scored = run(tmp_path / generated, tmp_path / f"{reference}.npz", "--reduced", 20)[0]["scores"]
        assert scored["fd/digits-cnn"] == pytest.approx(0, abs=1e-5)
    assert run(tmp_path / "g", tmp_path / "g.npz")[0]["drawn"] == {"generated": [None], "reference": None}


@pytest.mark.parametrize(("arguments", "low", "high"), [([], 6, 10), (["--is-order", "adm"], 1, 1.001)])
def test_the_inception_score_of_pictures_sorted_by_class(arguments, low, high):
    logits = np.repeat(np.eye(10), 100, axis=0).astype(np.float32) * 1e4
    pool = np.random.default_rng(0).standard_normal((1000, 4)).astype(np.float32)
    order = parse(["--generated", "x", "--reference", "y", "--protocol", "images-train", *arguments]).is_order
    protocol = dataclasses.replace(PROTOCOLS["images-train"], is_chunk=100, scores=("is",), is_order=order)
    seen = Features(pool, pool, logits, "digits-cnn")
    (value,) = scores(seen, seen, protocol).values()
    assert low <= value <= high


def test_a_png_with_a_megabyte_of_text_is_one_line(run, folder, images):
    text = PngInfo()
    text.add_text("comment", "x" * (2 << 20), zip=True)
    save(images[0], folder / "000.png", pnginfo=text)
    with pytest.raises(HarnessError, match=r"000\.png is no readable PNG"):
        run(folder, folder)


def test_a_grey_picture_among_colours_is_refused(run, folder):
    Image.new("L", (16, 16)).save(folder / "010.png")
    with pytest.raises(HarnessError, match=r"010\.png has 1 channels; the first picture has 3"):
        run(folder, folder)


def test_a_name_that_is_not_utf8_is_refused_before_anything_is_decoded(run, folder):
    with open(bytes(folder) + b"/\xff.png", "wb"):
        pass
    with pytest.raises(HarnessError, match="is not UTF-8; rename it"):
        run(folder, folder)


def test_an_unwritable_cache_costs_a_warning(run, folder, tmp_path, monkeypatch, prepared):
    (tmp_path / "cache").write_text("a file where the folder should be")
    found, said = run(folder, prepared)
    assert found["scores"]
    assert "warning: the reference's features cannot be kept in" in said
    (tmp_path / "cache").unlink()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("harness.metrics.cache.write_npy", full)
    assert run(folder, prepared)[0]["scores"] == found["scores"]
    assert list((tmp_path / "cache").iterdir()) == []


def test_two_sizes_are_said(run, folder, images, tmp_path):
    for number, image in enumerate(images):
        save(image.repeat(2, axis=1).repeat(2, axis=2), tmp_path / "large" / f"{number:03d}.png")
    reasons = run(tmp_path / "large", folder)[0]["comparability"]["reasons"]
    assert "generated pictures are 32x32 pixels in 3 channels, the reference's are 16x16 pixels in 3 channels" in reasons
