"""Names of the paper's networks. Their costs are recorded and looked up under these names."""

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

    `dims` is a tuple or text such as "1024-256-64". The name contains it only if it differs from Table V's.
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
    """Name of a discriminator, with its attention or `conv` if it has none: `d32-lada`, `d64-conv`."""
    return f"d{resolution}-{kind}"


def full_size_names(config: GeneratorConfig, attention: str, discriminator: str) -> tuple[str, str]:
    """Names of the paper's full-size generator and discriminator that a profile's smaller networks stand for.

    The base grid is scaled up to the paper's, and so are the widths, each by one factor.
    """
    paper = PAPER_GENERATORS["32"]
    resolution = config.resolution * paper.base // config.base
    widening = max(1, paper.dims[0] // config.dims[0])
    dims = [widening * dim for dim in config.dims]
    generator = generator_id(attention, resolution, dims, config.lee_conv, config.modulation)
    return generator, discriminator_id(discriminator, resolution)
