import numpy as np
from PIL import Image

from harness.frames import frame, write_gif


def test_a_frame_is_the_image_and_a_map_for_each_block_and_head():
    image = np.zeros((3, 4, 4), np.uint8)
    image[0, 0, 3] = 250  # the upper right pixel is red
    maps = [np.zeros((4, 16)), np.zeros((4, 64))]
    maps[1][2, 0] = 1.0  # block 1, head 2 looks at the upper left token
    sheet = frame(image, maps)
    assert sheet.shape == (4 * 34 + 2, 4 * 34 + 2 + 2 * 34, 3)
    assert sheet[4, 133].tolist() == [250, 0, 0]
    assert sheet[4, 4].tolist() == [0, 0, 0]
    assert sheet[2 + 2 * 34, 138 + 34].tolist() == [253, 231, 36]  # viridis, its bright end
    assert sheet[2 + 34, 138 + 34].tolist() == [68, 1, 84]  # and its dark one
    assert sheet[0, 0].tolist() == [255, 255, 255]


def test_the_gif_holds_every_frame_and_says_how_it_was_made(tmp_path):
    frames = [np.full((6, 9, 3), 40 * number, np.uint8) for number in range(5)]
    write_gif(frames, tmp_path / "walk.gif", "seeds 0-1")
    with Image.open(tmp_path / "walk.gif") as walk:
        assert (walk.n_frames, walk.size, walk.info["loop"], walk.info["comment"]) == (5, (9, 6), 0, b"seeds 0-1")
        for number, expected in enumerate(frames):
            walk.seek(number)
            np.testing.assert_array_equal(np.asarray(walk.convert("RGB")), expected)
