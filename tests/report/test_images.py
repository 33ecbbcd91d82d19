import numpy as np
import pytest
from PIL import Image

from harness.errors import HarnessError
from harness.images import attention_map_grid, image_grid, interpolation_grid, progress_grid


def test_tiles_stand_row_by_row(tmp_path):
    images = np.zeros((3, 3, 2, 2), np.uint8)
    images[1, 0] = 200  # the second image is red
    path = image_grid(images, tmp_path / "deep/grid.png", columns=2, scale=3)
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (2 * 8 + 2, 2 * 8 + 2, 3)
    assert sheet[2, 2].tolist() == [0, 0, 0]
    assert sheet[2, 10].tolist() == [200, 0, 0]
    assert sheet[10, 10].tolist() == [255, 255, 255]  # no fourth image


def test_maps_are_drawn_per_block_on_their_own_range(tmp_path):
    additive = np.zeros((2, 4, 16))
    additive[:, 1, 5] = 1.0
    pairwise = np.tile(np.eye(64)[:1], (2, 4, 64, 1))  # every query looks at token 0
    path = attention_map_grid(np.zeros((2, 3, 8, 8), np.uint8), [additive, pairwise], tmp_path / "m.png", head=1, size=32)
    sheet = np.asarray(Image.open(path)).astype(int)
    assert sheet.shape == (2 * 34 + 2, 3 * 34 + 2, 3)
    bright, dark = [253, 231, 36], [68, 1, 84]  # ends of viridis
    assert sheet[2 + 8 + 4, 36 + 8 + 4].tolist() == bright  # token 5 of the 4 x 4 grid: row 1, column 1
    assert sheet[2 + 4, 36 + 4].tolist() == dark
    assert sheet[3, 71].tolist() == bright


def test_a_picture_says_how_it_was_made(tmp_path):
    images = np.zeros((1, 3, 2, 2), np.uint8)
    said = image_grid(images, tmp_path / "said.png", text={"Comment": "seed 7, émigré"})
    silent = image_grid(images, tmp_path / "silent.png")
    with Image.open(said) as picture:
        assert picture.text == {"Comment": "seed 7, émigré"}
    with Image.open(silent) as picture:
        assert picture.text == {}


@pytest.mark.parametrize("bad", [np.zeros((2, 3, 4, 4)), np.zeros((3, 4, 4), np.uint8), np.zeros((0, 3, 4, 4), np.uint8)])
def test_other_arrays_are_refused(bad, tmp_path):
    with pytest.raises(HarnessError, match="expected uint8"):
        image_grid(bad, tmp_path / "grid.png")


def test_interpolations_need_whole_rows(tmp_path):
    with pytest.raises(HarnessError, match="6 images in rows of 4"):
        interpolation_grid(np.zeros((6, 3, 4, 4), np.uint8), tmp_path / "i.png", steps=4)


def test_interpolations_stand_over_their_maps(tmp_path):
    images = np.zeros((4, 3, 4, 4), np.uint8)
    images[3] = 255
    path = interpolation_grid(images, tmp_path / "i.png", steps=2, maps=[np.ones((4, 1, 4)), np.ones((4, 1, 16))], size=8)
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (2 * 3 * 10 + 2, 2 * 10 + 2, 3)  # two pairs, each a row of images and two of maps
    assert sheet[33, 13].tolist() == [255, 255, 255]  # the second pair's second image
    assert sheet[33, 3].tolist() == [0, 0, 0]


def test_progress_is_one_row_per_step_in_order(tmp_path):
    images = {1600: np.full((3, 3, 4, 4), 9, np.uint8), 0: np.zeros((3, 3, 4, 4), np.uint8)}
    progress = progress_grid(images, tmp_path / "p.png")
    assert progress == {"path": str(tmp_path / "p.png"), "nimg": [0, 1600]}
    sheet = np.asarray(Image.open(tmp_path / "p.png"))
    assert sheet.shape == (2 * 6 + 2, 3 * 6 + 2, 3)
    assert (sheet[3, 3, 0], sheet[9, 3, 0]) == (0, 9)
    with pytest.raises(HarnessError, match="same number"):
        progress_grid({0: images[0], 5: images[0][:1]}, tmp_path / "p.png")
