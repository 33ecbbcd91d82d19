"""The pictures of a scored cell."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pipelines.sampler import STEPS, write_pictures


class Painter:
    """A sampler whose images and maps are noise."""

    def __init__(self, side, results):
        self.cell = SimpleNamespace(name="cell", results=results, generator=SimpleNamespace(resolution=side, noise_dim=4))

    def load(self, weights):
        """Has no weights."""

    def show(self, z):
        side, rng = self.cell.generator.resolution, np.random.default_rng(0)
        maps = rng.random((len(z), 2, 16), dtype=np.float32)
        return rng.integers(0, 256, (len(z), 3, side, side), np.uint8), [maps]


@pytest.mark.parametrize("side", [128, 256])
def test_sheets_show_large_images_at_their_size(tmp_path, side):
    fields = write_pictures(Painter(side, tmp_path / "results"), tmp_path)
    for field, columns in {"maps": 2, "interpolation": STEPS}.items():
        with Image.open(fields[field]) as sheet:
            assert sheet.width >= columns * side
