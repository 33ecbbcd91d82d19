"""Shapes of the networks: configurations that check themselves, and the paper's full-size ones by name."""

from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

OUTPUTS = ("pixel", "patch", "conv")
KINDS = ("lada", "conv")
FRAMEWORKS = ("tensorflow", "pytorch")


@dataclass(frozen=True)
class GeneratorConfig:
    """Shape of a generator. It has one block per entry of `dims`; tokens per side double from each block to the next.

    Raises ValueError naming the key if a value cannot work.
    """

    resolution: int = 32  # side of the images, in pixels
    dims: tuple[int, ...] = (1024, 256, 64)  # width of the tokens in each block
    base: int = 8  # tokens per side in the first block
    noise_dim: int = 128  # length of a latent
    num_heads: int = 4  # attention heads in every block; must divide every width
    mlp_dim: int = 512  # width of the hidden layer in every block
    lee_conv: bool = True  # whether a 3x3 convolution follows the pixel shuffle between two blocks
    mlp_residual: bool = False  # whether every MLP has a skip connection
    modulation: bool = True  # whether layer normalisation is self-modulated; plain if not
    output: str = "pixel"  # "pixel": 3x3 convolution to RGB; "patch": pixel shuffle by 2 first; "conv": decoder first
    decoder_dims: tuple[int, ...] = ()  # for output "conv": channels of each stage of the decoder, which doubles the side
    framework: str = "tensorflow"  # code base whose initialisation, epsilons and channel order are used (lada.layers)

    def __post_init__(self) -> None:
        _check_fields(self)
        _check_choice("output", self.output, OUTPUTS)
        _check_choice("framework", self.framework, FRAMEWORKS)
        _check_heads(self.dims, self.num_heads)
        _check_shuffles(self)
        if bool(self.decoder_dims) != (self.output == "conv"):
            raise ValueError(f"given decoder_dims {self.decoder_dims} with output {self.output!r}; only 'conv' has a decoder")
        upsampling = {"pixel": 1, "patch": 2, "conv": 2 ** len(self.decoder_dims)}[self.output]
        _check_resolution(self.resolution, self.base * 2 ** (len(self.dims) - 1) * upsampling)

    @property
    def grids(self) -> tuple[int, ...]:
        """Tokens per side of each block."""
        return tuple(self.base * 2**block for block in range(len(self.dims)))


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Shape of a discriminator: convolutional encoder to 2 base x 2 base, then attention ("lada") or one more DownBlock ("conv").

    The attention mechanism is chosen elsewhere. Raises ValueError naming the key if a value cannot work.
    """

    resolution: int = 32  # side of the images, in pixels
    encoder_dims: tuple[int, ...] = (128, 256)  # channels of the encoder; each entry after the first halves the side
    base: int = 8  # side of the last feature map, in pixels; the attention has 2 base x 2 base tokens
    kind: str = "lada"  # "lada": with attention; "conv": without
    num_heads: int = 4  # attention heads; must divide the last width of the encoder
    mlp_dim: int = 512  # width of the hidden layer in the attention block
    head_dims: tuple[int, int] = (512, 1024)  # channels of the two layers before the 4x4 convolution to logits
    framework: str = "tensorflow"  # as for the generator

    def __post_init__(self) -> None:
        _check_fields(self)
        _check_choice("kind", self.kind, KINDS)
        _check_choice("framework", self.framework, FRAMEWORKS)
        _check_heads(self.encoder_dims[-1:], self.num_heads)
        if self.base < 4:
            raise ValueError(f"given base {self.base}; expected at least 4, the size of the last convolution")
        if len(self.head_dims) != 2:
            raise ValueError(f"given head_dims {self.head_dims}; expected two widths")
        _check_resolution(self.resolution, 2 * self.base * 2 ** (len(self.encoder_dims) - 1))


def _check_fields(config: GeneratorConfig | DiscriminatorConfig) -> None:
    """Integers are positive, flags are booleans, widths are tuples (a list, as YAML gives, becomes one)."""
    for entry in fields(config):
        value: Any = getattr(config, entry.name)
        if isinstance(value, list):
            value = tuple(value)
            # A frozen dataclass offers no other way to normalise a field, and frozen makes a configuration hashable.
            object.__setattr__(config, entry.name, value)
        kind: Any = type(entry.default)
        if type(value) is not kind or (kind is int and value < 1):
            raise ValueError(f"given {entry.name} {value!r}; expected {'a positive ' if kind is int else ''}{kind.__name__}")
        if kind is tuple and any(type(width) is not int or width < 1 for width in value):
            raise ValueError(f"given {entry.name} {value!r}; expected positive integers")
        if kind is tuple and not value and entry.name != "decoder_dims":
            raise ValueError(f"given an empty {entry.name}; expected at least one width")


def _check_choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"given {key} {value!r}; expected one of {', '.join(choices)}")


def _check_heads(dims: tuple[int, ...], num_heads: int) -> None:
    for dim in dims:
        if dim % num_heads:
            raise ValueError(f"given num_heads {num_heads}; expected a divisor of every width, but it does not divide {dim}")


def _check_resolution(given: int, expected: int) -> None:
    if given != expected:
        raise ValueError(f"given resolution {given}; expected {expected}, because of base and the number of widths")


def _check_shuffles(config: GeneratorConfig) -> None:
    """A pixel shuffle turns 4 channels into 4 pixels. If no convolution follows it, each width must be a quarter of the last."""
    shuffled = config.dims if config.output == "patch" else config.dims[:-1]
    if any(dim % 4 for dim in shuffled):
        raise ValueError(f"given dims {config.dims}; expected multiples of 4 where a pixel shuffle follows")
    if not config.lee_conv and any(dim // 4 != dim_out for dim, dim_out in pairwise(config.dims)):
        raise ValueError(f"given dims {config.dims} with lee_conv false; expected each width to be a quarter of the one before")


_G32 = GeneratorConfig()
_G64 = replace(_G32, resolution=64, output="patch")
_G128 = replace(_G32, resolution=128, output="conv", dims=(1024, 512, 256), decoder_dims=(128, 64))
PAPER_GENERATORS: dict[str, GeneratorConfig] = {  # Tables I, II and V
    "32": _G32,
    "32-no-conv": replace(_G32, lee_conv=False),
    "32-expansion": replace(_G32, dims=(1024, 256, 128)),
    "64": _G64,
    "64-expansion": replace(_G64, dims=(1024, 256, 128)),
    "128-narrow": replace(_G128, dims=(1024, 256, 64), decoder_dims=(32, 16)),
    "128": _G128,
    "256": replace(_G128, resolution=256, decoder_dims=(128, 64, 32)),
}

_ENCODERS = {"32": (128, 256), "64": (64, 128, 256), "128": (32, 64, 128, 256), "256": (16, 32, 64, 128, 256)}
PAPER_DISCRIMINATORS: dict[str, DiscriminatorConfig] = {
    name + suffix: DiscriminatorConfig(resolution=int(name), encoder_dims=encoder, kind=kind)
    for suffix, kind in (("", "lada"), ("-conv", "conv"))
    for name, encoder in _ENCODERS.items()
}
