"""3x3 convolutions by Winograd's F(2x2, 3x3): 16 products for 2x2 outputs, not 36 (Lavin and Gray, arXiv 1509.09308).

The result equals the convolution's up to rounding. Input tiles of 4x4 pixels, two pixels apart, and the kernels are transformed
to 4x4 sums of their entries. Then come 16 matrix products over the channels, and sums of these give the 2x2 outputs.
The operations are opaque to the compiler, so a traced step runs the same loops.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

MIN_CHANNELS = 128  # with fewer, the sums cost more than the products save
CACHED = 1 << 22  # bytes of transformed images in work at a time, about the size of the cache


def applies(img: Tensor, weight: Tensor, stride: tuple[int, ...], padding: tuple[int, ...]) -> bool:
    """Whether Winograd's algorithm can do this convolution, and faster: wide, 3x3, even sides, on a CPU (cuDNN has its own)."""
    fits = weight.shape[2:] == (3, 3) and {*stride, *padding} == {1} and not (img.shape[2] % 2 or img.shape[3] % 2)
    return fits and img.device.type == "cpu" and min(weight.shape[:2]) >= MIN_CHANNELS


@torch.library.custom_op("lada::winograd", mutates_args=())
def convolve(img: Tensor, weight: Tensor) -> Tensor:
    """(B, C, H, W), (D, C, 3, 3) -> (B, D, H, W), padded by one. Images and weights are channels_last in this file."""
    return _convolve(img, _transformed_kernels(weight).transpose(1, 2))


@torch.library.custom_op("lada::winograd_by_image", mutates_args=())
def by_image(grad_out: Tensor, weight: Tensor) -> Tensor:
    """The gradient by the image, a convolution with the flipped kernels: (B, D, H, W), (D, C, 3, 3) -> (B, C, H, W)."""
    return _convolve(grad_out, _transformed_kernels(weight.flip(2, 3)))


@torch.library.custom_op("lada::winograd_by_weight", mutates_args=())
def by_weight(grad_out: Tensor, img: Tensor) -> Tensor:
    """The gradient by the weight: (B, D, H, W), (B, C, H, W) -> (D, C, 3, 3)."""
    pairs = zip(_cache_sized_parts(grad_out, img), _cache_sized_parts(img, grad_out), strict=True)
    products = (
        torch.bmm(_transformed_grad_outs(grad_outs).transpose(1, 2), _transformed_tiles(images)) for grad_outs, images in pairs
    )
    out = _empty(grad_out, grad_out.shape[1], img.shape[1], 3, 3)
    _to_kernels(_sum(products), out.permute(2, 3, 0, 1))
    return out


def _sum(products: Iterator[Tensor]) -> Tensor:
    """The sum of the products, in fp32 for bf16. A single product is returned as it is."""
    total = next(products)
    for i, product in enumerate(products):
        total = total.to(torch.promote_types(product.dtype, torch.float32)) if i == 0 else total
        total += product
    return total


@convolve.register_fake
def _(img: Tensor, weight: Tensor) -> Tensor:
    return _empty(img, len(img), len(weight), *img.shape[2:])


@by_image.register_fake
def _(grad_out: Tensor, weight: Tensor) -> Tensor:
    return _empty(grad_out, len(grad_out), weight.shape[1], *grad_out.shape[2:])


@by_weight.register_fake
def _(grad_out: Tensor, img: Tensor) -> Tensor:
    return _empty(grad_out, grad_out.shape[1], img.shape[1], 3, 3)


def _empty(like: Tensor, *shape: int) -> Tensor:
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)


def _cache_sized_parts(img: Tensor, other: Tensor) -> tuple[Tensor, ...]:
    """(B, C, H, W) -> parts (b, H, W, C), so small that the transforms of the wider of `img` and `other` fit the cache."""
    transformed = 4 * max(img[0].nbytes, other[0].nbytes)
    return img.permute(0, 2, 3, 1).split(max(1, CACHED // transformed))


def _convolve(img: Tensor, kernels: Tensor) -> Tensor:
    """(B, C, H, W), transformed kernels (16, C, D) -> (B, D, H, W)."""
    out = _empty(img, len(img), kernels.shape[2], *img.shape[2:])
    for images, outs in zip(_cache_sized_parts(img, out), _cache_sized_parts(out, img), strict=True):
        _to_pixels(torch.bmm(_transformed_tiles(images), kernels), outs)
    return out


def _transformed_tiles(img: Tensor) -> Tensor:
    """B^T d B of every tile d: (b, H, W, C) -> (16, tiles, C)."""
    count, height, width, channels = img.shape
    padded = torch.nn.functional.pad(img, (0, 0, 1, 1, 1, 1))
    lines = img.new_empty(4, count, height // 2, width + 2, channels)
    _tile_lines([padded[:, i : i + height - 1 : 2] for i in range(4)], lines)
    out = img.new_empty(4, 4, count, height // 2, width // 2, channels)
    _tile_lines([lines[:, :, :, i : i + width - 1 : 2] for i in range(4)], out.transpose(0, 1))
    return out.view(16, -1, channels)


def _tile_lines(d: list[Tensor], out: Tensor) -> None:
    """B^T d: d0 - d2, d1 + d2, d2 - d1, d1 - d3."""
    torch.sub(d[0], d[2], out=out[0])
    torch.add(d[1], d[2], out=out[1])
    torch.sub(d[2], d[1], out=out[2])
    torch.sub(d[1], d[3], out=out[3])


def _to_pixels(m: Tensor, out: Tensor) -> None:
    """A^T m A of every tile: (16, tiles, D), written to out (b, H, W, D)."""
    pixels = _in_2x2_tiles(out)  # (b, H/2, 2, W/2, 2, D)
    m = m.view(4, 4, *pixels[:, :, 0, :, 0].shape)
    lines = m.new_empty(2, *m.shape[1:])
    _pixel_lines(m, lines)
    for row in range(2):
        _pixel_lines(lines[row], pixels[:, :, row].movedim(3, 0))


def _pixel_lines(m: Tensor, out: Tensor) -> None:
    """A^T m: m0 + m1 + m2, m1 - m2 - m3."""
    torch.add(m[0], m[1], out=out[0]).add_(m[2])
    torch.sub(m[1], m[2], out=out[1]).sub_(m[3])


def _transformed_grad_outs(grad_out: Tensor) -> Tensor:
    """A y A^T of every 2x2 tile y of a gradient: (b, H, W, D) -> (16, tiles, D)."""
    pixels = _in_2x2_tiles(grad_out).movedim(2, 0)  # (2, b, H/2, W/2, 2, D)
    lines = grad_out.new_empty(4, *pixels.shape[1:])
    _grad_out_lines(pixels, lines)
    out = grad_out.new_empty(4, 4, *pixels[0, :, :, :, 0].shape)
    _grad_out_lines(lines.movedim(4, 0), out.transpose(0, 1))
    return out.view(16, -1, grad_out.shape[-1])


def _grad_out_lines(y: Tensor, out: Tensor) -> None:
    """A y: y0, y0 + y1, y0 - y1, -y1."""
    out[0].copy_(y[0])
    torch.add(y[0], y[1], out=out[1])
    torch.sub(y[0], y[1], out=out[2])
    torch.neg(y[1], out=out[3])


def _in_2x2_tiles(img: Tensor) -> Tensor:
    """(b, H, W, C) -> (b, H/2, 2, W/2, 2, C)."""
    return img.unflatten(2, (-1, 2)).unflatten(1, (-1, 2))


def _transformed_kernels(weight: Tensor) -> Tensor:
    """G g G^T of every kernel g: (D, C, 3, 3) -> (16, D, C)."""
    taps = weight.permute(2, 3, 0, 1)  # (3, 3, D, C)
    lines = taps.new_empty(4, *taps.shape[1:])
    _kernel_lines(taps, lines)
    out = taps.new_empty(4, 4, *taps.shape[2:])
    _kernel_lines(lines.transpose(0, 1), out.transpose(0, 1))
    return out.flatten(0, 1)


def _kernel_lines(g: Tensor, out: Tensor) -> None:
    """G g: g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2."""
    out[0].copy_(g[0])
    out[3].copy_(g[2])
    torch.add(g[0], g[2], out=out[1])
    torch.sub(out[1], g[1], out=out[2])
    out[1].add_(g[1])
    out[1:3].mul_(0.5)


def _to_kernels(m: Tensor, out: Tensor) -> None:
    """G^T m G: (16, D, C), written to out (3, 3, D, C)."""
    m = m.unflatten(0, (4, 4))
    lines = m.new_empty(3, *m.shape[1:])
    _gradient_lines(m, lines)
    _gradient_lines(lines.transpose(0, 1), out.transpose(0, 1))


def _gradient_lines(m: Tensor, out: Tensor) -> None:
    """G^T m: m0 + (m1 + m2) / 2, (m1 - m2) / 2, (m1 + m2) / 2 + m3."""
    half = (m[1] + m[2]).mul_(0.5)
    torch.add(m[0], half, out=out[0])
    torch.sub(m[1], m[2], out=out[1]).mul_(0.5)
    torch.add(m[3], half, out=out[2])
