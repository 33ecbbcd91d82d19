"""One name per full-size network, shared by the stage that measures its cost and the report that looks it up."""

import re
from collections.abc import Sequence

MAIN_DIMS = {32: (1024, 256, 64), 64: (1024, 256, 64), 128: (1024, 512, 256), 256: (1024, 512, 256)}  # Table V


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
    if dims != MAIN_DIMS[resolution]:
        parts.append("-".join(map(str, dims)))
    if not modulation:
        parts.append("nomod")
    return "-".join(parts)


def discriminator_id(kind: str = "lada", resolution: int = 32) -> str:
    """Name of a discriminator by its attention, or `conv` for the one without: `d32-lada`, `d64-conv`."""
    return f"d{resolution}-{kind}"


def is_rival(network: str) -> bool:
    """Whether a name is neither a generator's nor a discriminator's of the paper's family."""
    return re.match(r"[gd]\d+-", network) is None
