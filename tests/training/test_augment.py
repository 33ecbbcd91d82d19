"""DiffAugment against a naive per-image, per-pixel loop."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.training.augment import augment, draw_augmentation

ALL = ("color", "translation", "cutout")


def naive(img, draws):
    """One image and pixel at a time."""
    out = []
    for i, image in enumerate(img):
        if "color" in draws:
            brightness, saturation, contrast = draws["color"][i].tolist()
            image = image + (brightness - 0.5)
            grey = image.mean(0)
            image = (image - grey) * (2 * saturation) + grey
            image = (image - image.mean()) * (contrast + 0.5) + image.mean()
        side, result = image.shape[-1], torch.zeros_like(image)
        for row in range(side):
            for column in range(side):
                from_row, from_column, kept = row, column, True
                if "shift" in draws:
                    from_row, from_column = row + int(draws["shift"][i, 0]), column + int(draws["shift"][i, 1])
                if "cut" in draws:
                    size, (top, left) = int(side * 0.5 + 0.5), draws["cut"][i].tolist()
                    kept = not (top <= row < top + size and left <= column < left + size)
                if kept and 0 <= from_row < side and 0 <= from_column < side:
                    result[:, row, column] = image[:, from_row, from_column]
        out.append(result)
    return torch.stack(out)


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.sampled_from([4, 7, 16]), st.sets(st.sampled_from(ALL)))
def test_equals_the_naive_loop(seed, side, policy):
    generator = torch.Generator().manual_seed(seed)
    img = torch.randn(3, 3, side, side, dtype=torch.float64, generator=generator)
    draws = draw_augmentation(sorted(policy), 3, side, generator)
    torch.testing.assert_close(augment(img, draws), naive(img, draws), rtol=1e-12, atol=1e-12)


def test_moving_and_cutting_change_no_bit_of_what_they_keep():
    draws = draw_augmentation(("translation", "cutout"), 4, 16, torch.Generator().manual_seed(1))
    img = torch.randn(4, 3, 16, 16)
    assert torch.equal(augment(img, draws), naive(img, draws))


def test_ranges_are_those_of_the_paper():
    draws = draw_augmentation(ALL, 4000, 32, torch.Generator().manual_seed(0))
    assert draws["shift"].aminmax() == (-4, 4)
    assert draws["cut"].aminmax() == (-8, 24)  # a 16-square centred anywhere from one edge to the other
    low, high = draws["color"].aminmax()
    assert 0 <= low < 0.01
    assert 0.99 < high < 1


def test_is_differentiable_with_respect_to_the_image():
    draws = draw_augmentation(ALL, 2, 4, torch.Generator().manual_seed(0))
    img = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: augment(x, draws), img)


@pytest.mark.parametrize("policy", [(), ALL])
def test_a_slice_of_the_draws_augments_that_slice_of_the_batch(policy):
    draws = draw_augmentation(policy, 6, 8, torch.Generator().manual_seed(2))
    img = torch.randn(6, 3, 8, 8)
    part = {name: value[2:5] for name, value in draws.items()}
    assert torch.equal(augment(img[2:5], part), augment(img, draws)[2:5])
