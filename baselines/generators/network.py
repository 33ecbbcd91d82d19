"""What a cost measurement needs to know of a network."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Network:
    """A network under measurement; multiply-accumulates are counted per evaluation, images/s divided by `steps_per_image`.

    `build` makes it with random weights; None where its configuration is not public, which `note` then says.
    `inputs(batch)` makes the arguments of one forward pass. `convention` names how the publication that prints its
    multiply-accumulates counts them (harness.cost.macs.CONVENTIONS). `code` names the modules that its costs depend on; for a
    rival that is the one whose GENERATORS it stands in.
    """

    title: str
    resolution: int
    source: str
    build: Callable[[], nn.Module] | None
    inputs: Callable[[int], tuple[Tensor, ...]] | None
    convention: str = "true"
    steps_per_image: int = 1
    note: str | None = None
    code: tuple[str, ...] = ()
