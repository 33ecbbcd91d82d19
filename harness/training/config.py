"""What a training run is: every number that changes its result. Types are checked by `config.from_mapping`, ranges here."""

import math
from dataclasses import asdict, dataclass
from typing import Literal

Augmentation = Literal["color", "translation", "cutout"]


@dataclass(frozen=True)
class TrainConfig:
    """Hyperparameters of one run; the defaults are the paper's (arXiv 2401.09596, section IV-B) with R1's TensorFlow weight.

    nimg, checkpoint_nimg and log_nimg count real images shown to the discriminator; None lets the run choose an interval.
    lr_decay: the share of the run, at its end, over which both rates fall linearly to zero; 0 keeps them, as the paper does.
    adam_framework: whose rule for Adam's epsilon (harness.training.adam); a cell's is that of its generator.
    r1_interval above 1 is lazy R1 (penalty times the interval, every so many steps): an opt-in that changes the semantics.
    ValueError names the key whose value is impossible.
    """

    nimg: int
    batch: int
    lr_g: float = 2e-4
    lr_d: float = 4e-4
    lr_decay: float = 0.0
    betas: tuple[float, float] = (0.5, 0.99)
    adam_eps: float = 1e-7
    adam_framework: Literal["tensorflow", "pytorch"] = "tensorflow"
    ema_decay: float = 0.999
    r1_weight: float = 1e-4
    r1_interval: int = 1
    bcr_weight: float = 0.0
    augment: tuple[Augmentation, ...] = ("color", "translation", "cutout")
    seed: int = 0
    snapshots: int = 4
    checkpoint_nimg: int | None = None
    log_nimg: int | None = None
    engine: Literal["auto", "reference", "eager", "compiled"] = "auto"
    precision: Literal["fp32", "bf16"] = "fp32"

    def __post_init__(self) -> None:
        for key, (low, high) in RANGES.items():
            value = getattr(self, key)
            for number in value if isinstance(value, tuple) else [value]:
                if number is not None and not low <= number <= high:
                    bounds = f"of at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
                    raise ValueError(f"{key}: given {number!r}; expected a number {bounds}")

    @property
    def steps(self) -> int:
        """Optimizer steps; the last one completes `nimg`, so a run never sees fewer images than asked."""
        return -(-self.nimg // self.batch)

    @property
    def decay_steps(self) -> int:
        """Steps at the run's end over which both rates fall; 0 where they stay as they are."""
        return round(self.lr_decay * self.steps)

    def interval_steps(self, nimg: int | None, parts: int) -> int:
        """Steps between two events every `nimg` images, or `parts` times a run where `nimg` is None; at least 1."""
        return max(1, (self.nimg // parts if nimg is None else nimg) // self.batch)

    def as_dict(self) -> dict:
        """Plain JSON-able values."""
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
