"""Tells rivals from the paper's own networks, whose names start with their kind and resolution: `g32-`, `d64-`."""

import re


def is_rival(network: str) -> bool:
    """Whether a name belongs to neither a generator nor a discriminator of the paper's family."""
    return re.match(r"[gd]\d+-", network) is None
