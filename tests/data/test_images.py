import numpy as np
import pytest
import torch
from pictures import encode, noise
from PIL import Image

from harness.data.images import Recipe, fit_square, resize_aliased


@pytest.mark.parametrize("size", [(64, 64), (200, 7), (1, 1), (178, 218)])
def test_the_aliased_resize_is_four_taps_at_half_pixel_centres(size):
    pixels = np.asarray(noise(178, 218))
    planes = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()
    expected = torch.nn.functional.interpolate(planes, size=size[::-1], mode="bilinear", align_corners=False, antialias=False)[0]
    difference = np.abs(resize_aliased(pixels, size) - expected.permute(1, 2, 0).numpy())
    assert difference.max() <= 0.501  # half a grey level of rounding


def test_the_aliased_resize_by_hand():
    pixels = np.array([[[0], [100], [200], [40]]], np.uint8).repeat(3, 2)  # (1, 4, 3)
    assert resize_aliased(pixels, (2, 1))[0, :, 0].tolist() == [50, 120]
    assert resize_aliased(pixels, (8, 1))[0, :, 0].tolist() == [0, 25, 75, 125, 175, 160, 80, 40]


def test_it_aliases_where_the_widened_filter_does_not():
    stripes = Image.fromarray(np.repeat((np.arange(96) % 2 * 255).astype(np.uint8)[None, :, None], 16, 0).repeat(3, 2))
    assert np.ptp(fit_square(stripes, 16, "squash", "bilinear").astype(int)) < 60
    assert np.ptp(fit_square(stripes.resize((80, 16), 0), 16, "squash", "bilinear-aliased").astype(int)) == 255


@pytest.mark.parametrize("fit", ["crop", "shorten", "squash"])
@pytest.mark.parametrize("size", [(31, 50), (50, 31), (8, 8), (3, 40)])
def test_every_fit_gives_a_contiguous_square(fit, size):
    found = Recipe(8, fit, "box")(encode(noise(*size)), "x")
    assert (found.shape, found.dtype, found.flags.c_contiguous) == ((3, 8, 8), np.uint8, True)
