"""Replays a compiled step as one CUDA graph: one launch instead of thousands."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._pytree import tree_map


class GraphedProgram:
    """Captures `program` at the first call and replays it at later calls.

    `program` changes the tensors of its first argument in place. If they have moved in memory, it is captured again.
    Images and draws are copied into the graph's own tensors.
    """

    def __init__(self, program: Callable) -> None:
        self.program = program
        self.captured: tuple[torch.cuda.CUDAGraph, Tensor] | None = None

    def __call__(self, tensors: dict, real_img: Tensor, draws: dict) -> Tensor:
        """Does what the program does. Returns a copy of the metrics, because the next replay overwrites the graph's own."""
        if self.captured is None or self.addresses != _addresses(tensors):
            self.captured = None  # first, because an earlier graph holds a step's memory in a pool of its own
            self.captured = self._capture(tensors, real_img, draws)
        tree_map(lambda own, given: own.copy_(given), self.inputs, (real_img, draws))
        graph, metrics = self.captured
        graph.replay()
        return metrics.clone()

    def _capture(self, tensors: dict, real_img: Tensor, draws: dict) -> tuple[torch.cuda.CUDAGraph, Tensor]:
        """Warms up, then records. A warm-up is a real training step, so it runs on copies. Recording executes nothing."""
        self.addresses, self.inputs = _addresses(tensors), tree_map(torch.clone, (real_img, draws))
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.program(tree_map(torch.clone, tensors), *self.inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            metrics = self.program(tensors, *self.inputs)
        return graph, metrics


def _addresses(tensors: dict) -> list[int]:
    return [value.data_ptr() for part in tensors.values() for value in part.values()]
