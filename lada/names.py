"""Names of the paper's networks, by which the cost of a network is recorded and looked up."""

from collections.abc import Sequence

from lada.configs import PAPER_GENERATORS, GeneratorConfig

MAIN_DIMS = {PAPER_GENERATORS[size].resolution: PAPER_GENERATORS[size].dims for size in ("32", "64", "128", "256")}  # Table V


def generator_id(
    attention: str = "lada",
    resolution: int = 32,
    dims: Sequence[int] | str | None = None,
    lee_conv: bool = True,
    modulation: bool = True,
) -> str:
    """Name of a generator: `g32-lada-conv`, `g32-linformer-noconv`, `g64-lada-conv-1024-256-128`, `g32-lada-conv-nomod`.

    `dims` is a tuple or the tables' "1024-256-64"; it appears in the name only where it is not Table V's.
    The MLP residual is not in the name because it costs nothing.
    """
    dims = tuple(int(dim) for dim in dims.split("-")) if isinstance(dims, str) else tuple(dims or MAIN_DIMS[resolution])
    parts = [f"g{resolution}", attention, "conv" if lee_conv else "noconv"]
    if dims != MAIN_DIMS.get(resolution):
        parts.append("-".join(map(str, dims)))
    if not modulation:
        parts.append("nomod")
    return "-".join(parts)


def discriminator_id(kind: str = "lada", resolution: int = 32) -> str:
    """Name of a discriminator by its attention, or `conv` for the one without: `d32-lada`, `d64-conv`."""
    return f"d{resolution}-{kind}"


def full_size_names(config: GeneratorConfig, attention: str, discriminator: str) -> tuple[str, str]:
    """Names of the generator and the discriminator of which a narrower profile's networks are the small form.

    The base grid and the widths grow by one factor each, to the paper's.
    """
    paper = PAPER_GENERATORS["32"]
    resolution = config.resolution * paper.base // config.base
    widening = max(1, paper.dims[0] // config.dims[0])
    dims = [widening * dim for dim in config.dims]
    generator = generator_id(attention, resolution, dims, config.lee_conv, config.modulation)
    return generator, discriminator_id(discriminator, resolution)
