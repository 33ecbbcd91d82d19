import numpy as np
import pytest
from PIL import Image

from harness.errors import HarnessError
from harness.images import attention_map_grid, image_grid, interpolation_grid, neighbour_grid, progress_grid
from harness.labels import LINE, MARGIN, colours, text_width


def test_tiles_stand_row_by_row(tmp_path):
    images = np.zeros((3, 3, 2, 2), np.uint8)
    images[1, 0] = 200  # the second image is red
    path = image_grid(images, tmp_path / "deep/grid.png", columns=2, scale=3)
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (2 * 8 + 2, 2 * 8 + 2, 3)
    assert sheet[2, 2].tolist() == [0, 0, 0]
    assert sheet[2, 10].tolist() == [200, 0, 0]
    assert sheet[10, 10].tolist() == [255, 255, 255]  # no fourth image


def viridis(level):
    return colours(np.array([[level]]))[0, 0].tolist()


def test_maps_of_a_block_share_one_scale_and_a_bar_says_which(tmp_path):
    additive = np.full((2, 4, 16), 1 / 16)
    additive[0, 1] = 0
    additive[0, 1, 5] = 1.0  # the first image looks at token 5 alone: 16 times an even share; the second at all evenly
    pairwise = np.tile(np.eye(64)[:1], (2, 4, 64, 1))  # every query looks at token 0
    path = attention_map_grid(np.zeros((2, 3, 8, 8), np.uint8), [additive, pairwise], tmp_path / "m.png", head=1, size=32)
    sheet = np.asarray(Image.open(path)).astype(int)[LINE:]  # under the headings
    assert sheet[2 + 8 + 4, 36 + 8 + 4].tolist() == viridis(1.0)  # token 5 of the 4 x 4 grid: row 1, column 1
    assert sheet[2 + 4, 36 + 4].tolist() == viridis(0.0)
    assert sheet[36 + 4, 36 + 4].tolist() == viridis(1 / 16)  # even attention is not bright
    assert sheet[3, 71].tolist() == viridis(1.0)
    bars = sheet[2 * 34 + 2 :]
    assert len(bars) == 3 * LINE  # two scales and what they mean
    for strip in (bars[:LINE], bars[LINE : 2 * LINE]):
        found = {tuple(pixel) for pixel in strip[LINE // 2].tolist()}
        assert tuple(viridis(0.0)) in found
        assert tuple(viridis(1.0)) in found


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
    path = interpolation_grid(images, tmp_path / "i.png", steps=2, maps=[np.ones((4, 1, 4)), np.ones((4, 1, 16))], size=16)
    left = max(map(text_width, ("z1 to z2", "z3 to z4"))) + 2 * MARGIN
    sheet = np.asarray(Image.open(path))[LINE:, left:]
    assert sheet.shape[0] == 2 * 3 * 18 + 2 + 3 * LINE  # two pairs, each a row of images and two of maps; bars and their unit
    assert sheet[57, 21].tolist() == [255, 255, 255]  # the second pair's second image
    assert sheet[57, 3].tolist() == [0, 0, 0]


def test_progress_is_one_row_per_step_in_order(tmp_path):
    images = {1600: np.full((3, 3, 16, 16), 9, np.uint8), 0: np.zeros((3, 3, 16, 16), np.uint8)}
    progress = progress_grid(images, tmp_path / "p.png")
    assert progress == {"path": str(tmp_path / "p.png"), "nimg": [0, 1600]}
    left = text_width("1,600 images") + 2 * MARGIN
    sheet = np.asarray(Image.open(tmp_path / "p.png"))
    assert sheet.shape == (2 * 18 + 2, left + 3 * 18 + 2, 3)  # MLflow's slider cuts it into as many rows as steps
    assert (sheet[3, left + 3, 0], sheet[21, left + 3, 0]) == (0, 9)
    assert sheet[:18, :left].min() < 100  # the label of each row
    assert sheet[20:, :left].min() < 100
    with pytest.raises(HarnessError, match="same number"):
        progress_grid({0: images[0], 5: images[0][:1]}, tmp_path / "p.png")


def test_neighbours_stand_under_their_samples(tmp_path):
    samples = np.stack([np.full((3, 8, 8), level, np.uint8) for level in (10, 20)])
    nearest = np.stack([np.full((3, 3, 8, 8), level, np.uint8) for level in (110, 120)])
    path = neighbour_grid(samples, nearest, [0.5, 1.25], ["two of them"], tmp_path / "n.png", size=24)
    left = text_width("nearest") + 2 * MARGIN
    sheet = np.asarray(Image.open(path))
    assert sheet.shape[0] == LINE + 4 * 26 + 2 + LINE
    tiles = sheet[LINE + 3 :, left + 3 :]
    assert [[int(tiles[26 * row, 26 * column, 0]) for column in (0, 1)] for row in (0, 1, 3)] == [
        [10, 20],
        [110, 120],
        [110, 120],
    ]
    assert (sheet[:LINE, left:].min(), sheet[-LINE:].min()) < (200, 200)  # distances above, words below
    neighbour_grid(samples, nearest[:, :0], [], ["none"], path)


def test_labels_give_the_same_bytes_again(tmp_path):
    images = {0: np.zeros((2, 3, 8, 8), np.uint8)}
    for name in ("a.png", "b.png"):
        progress_grid(images, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
