"""Which cost records are of rivals: the paper's own networks are named by what they are and their resolution, `g32-`, `d64-`."""

import re


def is_rival(network: str) -> bool:
    """Whether a name is neither a generator's nor a discriminator's of the paper's family."""
    return re.match(r"[gd]\d+-", network) is None
