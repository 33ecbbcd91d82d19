"""The configuration of a training run: every number that changes its result.

`config.from_mapping` checks types; this file checks ranges.
"""

import math
from dataclasses import asdict, dataclass
from typing import Literal

Augmentation = Literal["color", "translation", "cutout"]


@dataclass(frozen=True)
class TrainConfig:
    """Hyperparameters of one run. The defaults are the paper's (arXiv 2401.09596, section IV-B), with R1's TensorFlow weight.

    Counts of images are of real images shown to the discriminator. ValueError names a key whose value is out of range.
    """

    nimg: int  # length of the run, in images
    batch: int  # images per step, over all ranks
    lr_g: float = 2e-4  # learning rate of the generator
    lr_d: float = 4e-4  # learning rate of the discriminator
    lr_decay: float = 0.0  # last share of the run, in [0, 1], in which both rates fall towards 0 (adam.Decay); the paper has none
    betas: tuple[float, float] = (0.5, 0.99)  # Adam's decay of the first and the second moment, per step
    adam_eps: float = 1e-7  # Adam's epsilon
    adam_framework: Literal["tensorflow", "pytorch"] = "tensorflow"  # whose formula for epsilon; a cell's follows its generator
    ema_decay: float = 0.999  # decay of the averaged generator, per step
    r1_weight: float = 1e-4  # factor of R1 in the discriminator's loss
    r1_interval: int = 1  # steps; above 1, R1 times the interval is added only once per interval (lazy R1, not the paper's)
    bcr_weight: float = 0.0  # factor of balanced consistency in the discriminator's loss; 0 for none
    augment: tuple[Augmentation, ...] = ("color", "translation", "cutout")  # parts of DiffAugment
    seed: int = 0  # of the weights, the latents, the augmentation and the order of images
    snapshots: int = 4  # averaged generators kept, at equal distances; the last is the final one
    checkpoint_nimg: int | None = None  # images between two checkpoints; None for 10 checkpoints per run
    log_nimg: int | None = None  # images between two rows of the curves; None for 100 rows per run
    engine: Literal["auto", "reference", "eager", "compiled"] = "auto"  # how steps are computed (harness.training.engines)
    # Of matrix products and convolutions: fp32 rounds no operands; tf32 lets a GPU round them to 10 bits, as the authors'
    # TensorFlow does by default, and is fp32 on a CPU; bf16 rounds them to 7.
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"

    def __post_init__(self) -> None:
        for key, (low, high) in RANGES.items():
            value = getattr(self, key)
            for number in value if isinstance(value, tuple) else [value]:
                if number is not None and not low <= number <= high:
                    bounds = f"of at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
                    raise ValueError(f"{key}: given {number!r}; expected a number {bounds}")

    @property
    def steps(self) -> int:
        """Number of optimizer steps, rounded up: a run never sees fewer than `nimg` images."""
        return -(-self.nimg // self.batch)

    @property
    def decay_steps(self) -> int:
        """Number of last steps in which both rates fall. 0 if they are constant."""
        return round(self.lr_decay * self.steps)

    def interval_steps(self, nimg: int | None, parts: int) -> int:
        """Steps between two events that come every `nimg` images, or `parts` times per run if `nimg` is None. At least 1."""
        return max(1, (self.nimg // parts if nimg is None else nimg) // self.batch)

    def as_dict(self) -> dict:
        """The fields as plain JSON values."""
        return asdict(self) | {"betas": list(self.betas), "augment": list(self.augment)}


RANGES = {
    "nimg": (1, math.inf),
    "batch": (1, math.inf),
    "lr_g": (0, math.inf),
    "lr_d": (0, math.inf),
    "lr_decay": (0, 1),
    "betas": (0, 0.999999),
    "adam_eps": (0, math.inf),
    "ema_decay": (0, 1),
    "r1_weight": (0, math.inf),
    "r1_interval": (1, math.inf),
    "bcr_weight": (0, math.inf),
    "seed": (0, 2**63 - 1),
    "snapshots": (0, math.inf),
    "checkpoint_nimg": (1, math.inf),
    "log_nimg": (1, math.inf),
}
