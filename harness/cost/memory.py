"""Peak memory of a network's forward passes: of this process (CPU; fresh, or the peak is not its own) or of torch's allocator."""

from pathlib import Path

import psutil
import torch
from torch import nn

from harness.device import peak_resident_bytes


class PeakMemory:
    """The bytes of `network`, which lies on `device`, and of whatever its forward passes need on top of it."""

    def __init__(self, network: nn.Module, device: torch.device | str) -> None:
        self.device = torch.device(device)
        tensors = [*network.parameters(), *network.buffers()]
        self.network_bytes = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        self.before = self._allocated()
        self.reset()

    def reset(self) -> None:
        """Forgets earlier peaks (CUDA and Linux; elsewhere peaks only grow, so smaller batches come first)."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            return
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:  # no such file, or a container that forbids it
            return

    def peak_bytes(self) -> int:
        """The network and the peak, since the last reset, of what its passes allocated."""
        peak = torch.cuda.max_memory_allocated(self.device) if self.device.type == "cuda" else _peak_resident()
        return self.network_bytes + max(peak - self.before, 0)

    def _allocated(self) -> int:
        return torch.cuda.memory_allocated(self.device) if self.device.type == "cuda" else psutil.Process().memory_info().rss


def _peak_resident() -> int:
    """Most bytes that this process had in memory at once."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return peak_resident_bytes()
