"""The checks by name, the most important first. What would stop a training leads; what takes longest is last."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch

Check = Callable[[torch.device], dict[str, Any]]


@dataclass(frozen=True)
class Entry:
    """A check and its time limit."""

    module: str  # in pipelines.gpu; imported only in the check's own process
    name: str  # of the function in that module
    seconds: float  # limit

    def load(self) -> Check:
        """The check's function."""
        found: Check = getattr(import_module(f"pipelines.gpu.{self.module}"), self.name)
        return found


CHECKS = {
    "machine": Entry("exact", "machine", 40),
    "kernel": Entry("exact", "kernel", 90),
    "engines": Entry("exact", "engines", 120),
    "graph": Entry("graphs", "graph", 90),
    "resume": Entry("graphs", "resume", 90),
    "fallback": Entry("surroundings", "fallback", 90),
    "nccl": Entry("surroundings", "nccl", 40),
    "cells": Entry("speed", "cells", 150),
    "authors": Entry("speed", "authors", 120),
    "inception": Entry("curves", "inception", 60),
    "scoring": Entry("curves", "scoring", 90),
    "compiled": Entry("speed", "compiled", 240),
    "energy": Entry("speed", "energy", 60),
    "attention": Entry("curves", "attention", 120),
}
