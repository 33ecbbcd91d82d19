"""Lazy views of images: subsets, consecutive ranges and altered copies. They read images only when indexed."""

from typing import Any, Protocol

import numpy as np
from PIL import Image


class Images(Protocol):
    """uint8 images (N, 3, H, W): a numpy array, or an object that returns one for a slice."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any) -> np.ndarray: ...


def image_shape(images: Images) -> tuple[int, int, int]:
    """Channels, height and width of the original pictures. Grey pictures have 1 channel, although they are read as 3."""
    _, channels, height, width = images.shape
    return getattr(images, "channels", channels), height, width


class Subset:
    """The images with these indices, in this order. `images` must accept a list of indices."""

    def __init__(self, images: Images, indices: np.ndarray) -> None:
        self.images, self.indices = images, indices
        self.shape: tuple[int, ...] = (len(indices), *images.shape[1:])
        self.channels = image_shape(images)[0]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> np.ndarray:
        return self.images[self.indices[index]]


class Span:
    """Images `start` to `stop - 1`."""

    def __init__(self, images: Images, start: int, stop: int) -> None:
        self.images, self.start = images, start
        self.shape: tuple[int, ...] = (stop - start, *images.shape[1:])
        self.channels = image_shape(images)[0]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice) -> np.ndarray:
        start, stop, step = index.indices(len(self))
        return self.images[self.start + start : self.start + stop : step]


class Noised:
    """The images with Gaussian noise of `strength` grey levels. An image's noise depends only on the seed and its number."""

    def __init__(self, images: Images, strength: float, seed: int) -> None:
        self.images, self.strength, self.seed = images, strength, seed
        self.shape: tuple[int, ...] = images.shape

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice) -> np.ndarray:
        picked = np.asarray(self.images[index])
        numbers = range(*index.indices(len(self)))
        noise = np.stack([np.random.default_rng([self.seed, number]).standard_normal(picked.shape[1:]) for number in numbers])
        return (picked + self.strength * noise).round().clip(0, 255).astype(np.uint8)


class BicubicResized:
    """The images resized to (size, size) by Pillow's bicubic filter, with antialiasing, rounded to uint8."""

    def __init__(self, images: Images, size: int) -> None:
        self.images, self.size = images, size
        self.shape: tuple[int, ...] = (len(images), 3, size, size)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice) -> np.ndarray:
        pictures = (Image.fromarray(np.asarray(image).transpose(1, 2, 0)) for image in self.images[index])
        resized = [np.asarray(picture.resize((self.size, self.size), Image.Resampling.BICUBIC)) for picture in pictures]
        return np.stack(resized).transpose(0, 3, 1, 2)  # (n, 3, size, size)
