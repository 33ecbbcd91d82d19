"""How much a cell will need besides its steps: images scored, memory of the host, disk; and hours on devices not at hand.

All of it follows from the parameters. Nothing is measured or run.
"""

from dataclasses import fields
from functools import cache
from typing import Any

import torch
from torch import nn

from harness.training.checkpoint import KEEP
from harness.training.memory import output_bytes
from lada.configs import PAPER_DISCRIMINATORS, PAPER_GENERATORS
from lada.discriminator import Discriminator
from lada.generator import Generator
from pipelines.compose import Cell
from pipelines.profile import Profile

FEATURE_BYTES = 4 * (2048 + 2023 + 1008)  # of an image: Inception's pool, spatial features and logits, fp32
HELD_TWICE = 2  # features while their statistics and distances are computed

# Images per second of the authors' step in eager fp32 at 32 pixels on an H100: modelled from its operations and bytes as 2,400 to
# 2,800, not measured. Such a step is bound by memory: other devices are slower as their bandwidth is lower (bytes per second; the
# H100's as its copy was measured, the others' by their data sheets), other networks as their layers put out more.
MODELLED_RATE = 2600
BANDWIDTHS = {"H100": 2.97e12, "A100": 2.0e12, "RTX 3080 Ti": 0.912e12}


def scored_images(profile: Profile, cell: Cell) -> int:
    """Number of images scored: of the untrained generator and every snapshot `curve_images`, of the last weights all, for every
    seed."""
    scoring = profile.evaluate[cell.params.data]
    most = max(protocol.generated or protocol.reference or 0 for protocol in scoring.resolved())
    return min(most, scoring.curve_images or most) * (1 + cell.train.snapshots) + most * len(scoring.seeds)


def scoring_bytes(profile: Profile, cell: Cell) -> int:
    """Bytes of the host's memory for scoring: features of the largest reference and of the generated images."""
    resolved = profile.evaluate[cell.params.data].resolved()
    images = max((p.generated or 0) + (0 if p.statistics_file else p.reference or 0) for p in resolved)
    return HELD_TWICE * images * FEATURE_BYTES


def prepared_bytes(entry: Any) -> int:
    """Bytes on the disk for a prepared dataset. DVC's cache needs as much again if it has to copy."""
    count = sum(getattr(entry, field.name) for field in fields(entry) if field.name.endswith("count"))
    return count * 3 * entry.resolution**2


def cell_bytes(cell: Cell) -> int:
    """Bytes on the disk for one cell: KEEP checkpoints and snapshots in training, then snapshots and weights as its output."""
    generator, discriminator = _weights(cell)
    checkpoint = 4 * generator + 3 * discriminator  # weights, average of G, two moments each
    return KEEP * checkpoint + 2 * (cell.train.snapshots + 1) * generator


def modelled_hours(cell: Cell) -> dict[str, float]:
    """{device: hours} of the cell's training, modelled, not measured."""
    seconds = cell.train.nimg / MODELLED_RATE * _cell_outputs(cell) / _yardstick()
    return {device: seconds * BANDWIDTHS["H100"] / rate / 3600 for device, rate in BANDWIDTHS.items()}


_counted: dict[tuple, int] = {}  # seconds each; most cells of a table have the same networks


def _cell_outputs(cell: Cell) -> int:
    params, bcr = cell.params, cell.train.bcr_weight > 0
    key = (cell.generator, cell.discriminator, params.attention, params.discriminator, bcr)
    if key not in _counted:
        side = cell.generator.resolution
        _counted[key] = _step_outputs(*networks_of(cell), cell.generator.noise_dim, side, bcr)
    return _counted[key]


@cache
def _yardstick() -> int:
    """Of the networks for which MODELLED_RATE holds."""
    with torch.device("meta"):
        generator, discriminator = Generator(PAPER_GENERATORS["32"]), Discriminator(PAPER_DISCRIMINATORS["32-conv"])
    return _step_outputs(generator, discriminator, PAPER_GENERATORS["32"].noise_dim, 32, bcr=False)


def _step_outputs(generator: nn.Module, discriminator: nn.Module, noise_dim: int, side: int, bcr: bool) -> int:
    """Bytes of the layers' outputs for an image in a step: of G twice and backward, of D for real, fake, R1 and G, and bCR."""
    g = output_bytes(generator, noise_dim)
    d = output_bytes(discriminator, 3, side, side)
    return 3 * g + (7 if bcr else 5) * d


def networks_of(cell: Cell) -> tuple[nn.Module, nn.Module]:
    """The cell's networks on torch's meta device, where nothing is computed."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return cell.build()


def _weights(cell: Cell) -> tuple[int, int]:
    """Bytes of the generator's and of the discriminator's weights."""
    found = [sum(weight.numel() * weight.element_size() for weight in network.parameters()) for network in networks_of(cell)]
    return found[0], found[1]
