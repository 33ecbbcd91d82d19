"""Two folders of pictures as users have them."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import harness
from harness.errors import HarnessError
from harness.metrics.any_pictures import Pictures, common_side, open_folder
from harness.metrics.metric import METRICS
from harness.metrics.score import main

CNN = {"extractor": "digits-cnn"}
KINDS = ("png", "jpg", "webp", "bmp")


def fill(folder, count, side=16, kinds=("png",), seed=0):
    """`count` pictures of noise, one kind after another."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    for index in range(count):
        pixels = rng.integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:02d}.{kinds[index % len(kinds)]}")
    return folder


def test_the_function_is_there_and_importing_the_package_loads_no_torch():
    code = "import harness, sys; assert not {'torch', 'numpy'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert harness.score.__name__ == "score"
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        _ = harness.scores


def test_pictures_scored_against_themselves_are_at_no_distance(tmp_path):
    folder = fill(tmp_path / "a", 12)
    found = harness.score(folder, folder, **CNN)
    assert found["scores"]["fd/digits-cnn"] == pytest.approx(0, abs=1e-3)
    assert found["scores"]["precision/digits-cnn"] == found["scores"]["recall/digits-cnn"] == 1
    assert (found["resized_to"], found["generated"]["count"], found["comparable_with_paper"]) == (None, 12, False)
    assert len(found["warnings"]) == 1  # few pictures; nothing is lossy, nothing resized


def test_kinds_and_sizes_may_be_mixed_and_every_change_is_said(tmp_path):
    mixed, plain = fill(tmp_path / "mixed", 12, side=40, kinds=KINDS), fill(tmp_path / "plain", 10, side=20)
    (mixed / "notes.txt").write_text("no picture")
    found = harness.score(mixed, plain, **CNN)
    assert found["resized_to"] == 20
    assert found["generated"]["left_out"] == {"with ending .txt": 1}
    lossy, resized, few = found["warnings"]
    assert "6 of 12 pictures are JPEG or WebP" in lossy
    assert "brought to 20x20 pixels (central square, bicubic)" in resized
    assert "12 of 40x40" in resized
    assert few.startswith("10 pictures")


def test_a_picture_on_its_side_is_stood_up(tmp_path):
    image = Image.fromarray(np.zeros((10, 20, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    folder = open_folder(tmp_path)
    assert folder.sizes == [(10, 20)]
    assert Pictures(folder, None)[0:1].shape == (1, 3, 20, 10)


def test_the_shortest_side_is_taken_so_that_nothing_is_enlarged(tmp_path):
    folders = [open_folder(fill(tmp_path / "a", 2, side=30)), open_folder(fill(tmp_path / "b", 2, side=18))]
    assert common_side(folders, None) == 18
    assert common_side(folders[:1], None) is None
    assert common_side(folders[:1], 30) is None
    assert common_side(folders[:1], 24) == 24


def test_a_subset_is_drawn_by_seed_whatever_the_names(tmp_path):
    folder = open_folder(fill(tmp_path / "a", 40))
    pixels = Pictures(folder, None)
    draws = []
    for seed in (0, 0, 1):
        found = harness.score(folder.root, folder.root, count=8, seed=seed, **CNN)
        assert found["drawn"] == {"count": 8, "seed": seed}
        draws.append(found["scores"]["isx/digits-cnn"])
    assert draws[0] == draws[1] != draws[2]
    assert draws[0] != harness.score(fill(tmp_path / "first", 8), folder.root, count=8, **CNN)["scores"]["isx/digits-cnn"]
    assert len(pixels) == 40


@pytest.mark.parametrize(("count", "words"), [(7, "given count 7"), (41, "given 12 pictures under"), (None, "given 3 pictures")])
def test_too_few_pictures_are_refused(tmp_path, count, words):
    folder = fill(tmp_path / "a", 3 if count is None else 12)
    with pytest.raises(HarnessError, match=words):
        harness.score(folder, folder, count=count, **CNN)


def test_what_is_no_picture_is_named_in_one_line(tmp_path):
    folder = fill(tmp_path / "a", 8)
    (folder / "x.png").write_bytes(b"no picture")
    with pytest.raises(HarnessError, match=r"x\.png is no readable picture"):
        open_folder(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(HarnessError, match="no pictures under"):
        open_folder(tmp_path / "empty")


def test_the_command_prints_scores_or_json(tmp_path, capsys):
    words = [str(fill(tmp_path / "a", 9)), str(fill(tmp_path / "b", 9, seed=1)), "--extractor", "digits-cnn", "--quiet"]
    main(words)
    out, err = capsys.readouterr()
    assert out.startswith("fd/digits-cnn ")
    assert "9 pictures of" in out
    assert err.startswith("warning: 9 pictures")
    main([*words, "--json"])
    assert set(json.loads(capsys.readouterr().out)["scores"]) == {metric.proxy_label("digits-cnn") for metric in METRICS.values()}
