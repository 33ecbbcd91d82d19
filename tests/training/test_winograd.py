"""Winograd's algorithm, compared with the convolution."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import conv2d

from harness.training.engines import winograd

LAST = torch.channels_last
FP64 = 1e-12  # relative; rounding alone
FP32 = 1e-5  # relative to the largest output; a few roundings of sums of up to 2000 products


def inputs(count, channels, filters, height, width, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = (count, channels, height, width), (filters, channels, 3, 3), (count, filters, height, width)
    return [torch.randn(shape, generator=generator, dtype=dtype).contiguous(memory_format=LAST) for shape in shapes]


def compare(given_ones, expected, bound):
    for one, other in zip(given_ones, expected, strict=True):
        assert one.shape == other.shape
        assert float((one - other).abs().max()) <= bound * float(other.abs().max())


def by_definition(img, weight, grad_out):
    img, weight = img.clone().requires_grad_(), weight.clone().requires_grad_()
    out = conv2d(img, weight, padding=1)
    return out.detach(), *torch.autograd.grad(out, (img, weight), grad_out)


def by_winograd(img, weight, grad_out):
    return winograd.convolve(img, weight), winograd.by_image(grad_out, weight), winograd.by_weight(grad_out, img)


@given(*(st.integers(1, 4) for _ in range(3)), *(st.integers(1, 4) for _ in range(2)), st.sampled_from([1, 1 << 12, 1 << 22]))
def test_equals_the_convolution_and_its_gradients(count, channels, filters, rows, columns, cached):
    img, weight, grad_out = inputs(count, channels, filters, 2 * rows, 2 * columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "CACHED", cached)
        compare(by_winograd(img, weight, grad_out), by_definition(img, weight, grad_out), FP64)


def test_single_precision_at_a_width_of_the_paper():
    singles = inputs(2, 256, 256, 16, 16, torch.float32)
    expected = by_definition(*(one.double() for one in singles))
    compare((one.double() for one in by_winograd(*singles)), expected, FP32)


def test_the_compiler_is_told_the_right_shapes_and_layouts():
    img, weight, grad_out = inputs(2, 3, 5, 4, 6, torch.float32)
    for operation, arguments in (
        (winograd.convolve, (img, weight)),
        (winograd.by_image, (grad_out, weight)),
        (winograd.by_weight, (grad_out, img)),
    ):
        torch.library.opcheck(operation, arguments, test_utils=("test_schema", "test_faketensor"))


@pytest.mark.parametrize(
    ("channels", "side", "kernel", "stride", "padding", "expected"),
    [
        (128, 8, 3, 1, 1, True),
        (127, 8, 3, 1, 1, False),
        (128, 7, 3, 1, 1, False),
        (128, 8, 1, 1, 1, False),
        (128, 8, 3, 2, 1, False),
        (128, 8, 3, 1, 0, False),
    ],
)
def test_used_where_it_is_one_of_these_convolutions(channels, side, kernel, stride, padding, expected):
    img, weight = torch.empty(1, channels, side, side), torch.empty(128, channels, kernel, kernel)
    assert winograd.applies(img, weight, (stride, stride), (padding, padding)) is expected


def test_is_the_processors_own():
    img, weight = torch.empty(1, 128, 8, 8, device="meta"), torch.empty(128, 128, 3, 3, device="meta")
    assert not winograd.applies(img, weight, (1, 1), (1, 1))
