"""What the ranks of one training send each other in a step, and how much of several GPUs' speed is left. See `plan --ranks`.

Calls and bytes of the all-reduces follow from the networks, not from the batch; tests/training/test_distributed.py holds them to
those of a real run. Seconds are modelled, none measured. No all-reduce overlaps with the computation (harness.training.step).
"""

from dataclasses import dataclass

import pandas as pd
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from harness.training.config import TrainConfig
from harness.training.step import METRICS
from pipelines.commands.amounts import modelled_hours, networks_of
from pipelines.compose import Cell

COUNTS = (2, 4, 8)  # ranks shown
DEVICE = "H100"  # whose modelled step is shared among the ranks
CALL_SECONDS = 20e-6  # assumption: of an all-reduce from Python, whatever its size

# An all-reduce of BatchNorm sums a layer's values, then their squares: two a pass forward, and two more backward. G makes the
# images of D's step without a gradient, then learns from its own. D sees fake and real images, and G's in G's step; under bCR the
# augmented ones. R1 takes real images' gradient, and that gradient's: as much again as a pass.
G_SUMS, D_SUMS, R1_SUMS, BCR_SUMS = 2 + 4, 4 + 4 + 4, 4, 4
OTHER_CALLS = 3  # D's gradients, G's gradients, the metrics: one call each


@dataclass(frozen=True)
class Link:
    """What connects the GPUs. bandwidth: bytes a second into and out of each; hop: seconds from one to the next in the ring, by
    NCCL's own table for small messages (src/graph/tuning.cc)."""

    name: str
    bandwidth: float
    hop: float


LINKS = (
    Link("NVLink, 450 GB/s", 450e9, 0.5e-6),
    Link("PCIe 4, 25 GB/s", 25e9, 1.0e-6),
    Link("25 GbE, 3 GB/s", 3e9, 2.7e-6),
)


@dataclass(frozen=True)
class Exchange:
    """The all-reduces of a step: calls, and bytes of the tensors that every rank puts in."""

    calls: int
    bytes: int

    def seconds(self, ranks: int, link: Link) -> float:
        """Of a ring, in which each rank sends its bytes 2 (n - 1) / n times, a piece at a time to the next."""
        hops = 2 * (ranks - 1)
        return self.calls * (CALL_SECONDS + hops * link.hop) + hops / ranks * self.bytes / link.bandwidth


def exchange(generator: nn.Module, discriminator: nn.Module, config: TrainConfig) -> Exchange:
    """Of a step with these networks, which may be on the meta device. Under lazy R1, of a step that has R1."""
    g, d = (_normalised(network) for network in (generator, discriminator))
    d_sums = D_SUMS + R1_SUMS * (config.r1_weight > 0) + BCR_SUMS * (config.bcr_weight > 0)
    weights = [weight for network in (generator, discriminator) for weight in network.parameters()]
    values = sum(weight.numel() for weight in weights) + len(METRICS) + G_SUMS * sum(g) + d_sums * sum(d)
    return Exchange(OTHER_CALLS + G_SUMS * len(g) + d_sums * len(d), values * weights[0].element_size())


def _normalised(network: nn.Module) -> list[int]:
    """Channels of each BatchNorm."""
    return [module.num_features for module in network.modules() if isinstance(module, _BatchNorm)]


def efficiency(step_seconds: float, sent: Exchange, ranks: int, link: Link) -> float:
    """Share of `ranks` times one GPU's speed. step_seconds: of one GPU with the whole batch; shares are taken to be as fast."""
    share = step_seconds / ranks
    return share / (share + sent.seconds(ranks, link))


def ranks_table(cells: list[Cell]) -> pd.DataFrame:
    """One row per cell; the shares of speed for COUNTS ranks, modelled. A dash where ranks cannot share the batch equally."""
    rows = []
    for cell in cells:
        sent, step = exchange(*networks_of(cell), cell.train), modelled_hours(cell)[DEVICE] * 3600 / cell.train.steps
        shares = {
            f"{link.name}, modelled": " / ".join(
                f"{efficiency(step, sent, ranks, link):.0%}" if cell.train.batch % ranks == 0 else "-" for ranks in COUNTS
            )
            for link in LINKS
        }
        size = {"all-reduces a step": sent.calls, "MB a step": f"{sent.bytes / 1e6:.1f}"}
        rows.append(
            {"cell": cell.name, "batch": cell.train.batch, **size, f"ms a step, one {DEVICE}": f"{step * 1e3:.0f}", **shares}
        )
    return pd.DataFrame(rows)
