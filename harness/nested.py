"""Nested mappings: flattens them to dotted names, and merges them."""

from copy import deepcopy
from typing import Any


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of `base` with the entries of `changes`. Nested mappings are merged too."""
    merged = deepcopy(base)
    for key, value in changes.items():
        merged[key] = merge(merged.get(key, {}), value) if isinstance(value, dict) else value
    return merged


def flatten(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flattens nested mappings to dotted names: {"train.lr_g": 0.0002, ...}."""
    flat: dict[str, Any] = {}
    for key, entry in value.items():
        name = f"{prefix}{key}"
        flat |= flatten(entry, f"{name}.") if isinstance(entry, dict) and entry else {name: entry}
    return flat
