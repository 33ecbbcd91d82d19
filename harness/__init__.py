"""Whatever must be identical for every contender; knows no architecture.

`from harness import score` gives the function that scores two folders of pictures."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """`score`, by name: torch is loaded when it is asked for, and no stage depends on it."""
    if name == "score":
        return import_module("harness.metrics.folders").score
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
