import numpy as np
import pytest
from PIL import Image

from harness.frames import frame, write_gif


def test_a_frame_is_the_image_and_a_map_for_each_block_and_head():
    image = np.zeros((3, 4, 4), np.uint8)
    image[0, 0, 3] = 250  # the upper right pixel is red
    maps = [np.zeros((4, 16)), np.zeros((4, 64))]
    maps[1][2, 0] = 1.0  # block 1, head 2 looks at the upper left token
    sheet = frame(image, maps)
    assert sheet.shape == (128 + 4, 128 + 4 + 2 * 32, 3)
    assert sheet[4, 129].tolist() == [250, 0, 0]
    assert sheet[4, 4].tolist() == [0, 0, 0]
    assert sheet[2 + 2 * 32, 132 + 32].tolist() == [253, 231, 36]  # viridis, its bright end
    assert sheet[2 + 32, 132 + 32].tolist() == [68, 1, 84]  # and its dark one
    assert sheet[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("resolution", "times"), [(16, 8), (32, 4), (64, 2), (96, 1), (128, 1), (256, 1)])
@pytest.mark.parametrize("heads", [2, 4, 32])
def test_every_pixel_of_the_image_is_shown_as_often_as_any_other(resolution, times, heads):
    image = np.random.default_rng(0).integers(0, 256, (3, resolution, resolution), np.uint8)
    sheet = frame(image, [np.zeros((heads, 16))])
    shown = sheet[2 : 2 + times * resolution, 2 : 2 + times * resolution]
    np.testing.assert_array_equal(shown, image.transpose(1, 2, 0).repeat(times, axis=0).repeat(times, axis=1))
    assert (sheet[:, 2 + times * resolution] == 255).all()
    assert sheet.shape[0] >= 2 + heads * 10


def test_the_gif_holds_every_frame_and_says_how_it_was_made(tmp_path):
    frames = [np.full((6, 9, 3), 40 * number, np.uint8) for number in range(5)]
    write_gif(frames, tmp_path / "walk.gif", "seeds 0-1")
    with Image.open(tmp_path / "walk.gif") as walk:
        assert (walk.n_frames, walk.size, walk.info["loop"], walk.info["comment"]) == (5, (9, 6), 0, b"seeds 0-1")
        for number, expected in enumerate(frames):
            walk.seek(number)
            np.testing.assert_array_equal(np.asarray(walk.convert("RGB")), expected)
