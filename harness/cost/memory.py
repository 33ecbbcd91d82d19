"""Peak memory of a network's forward passes: by torch's allocator on CUDA, by the process on the CPU.

On the CPU, measure in a fresh process. Otherwise the peak can come from earlier work.
"""

from pathlib import Path

import psutil
import torch
from torch import nn

from harness.device import peak_resident_bytes


class PeakMemory:
    """Measures the bytes of `network`, which is on `device`, and of what its forward passes allocate."""

    def __init__(self, network: nn.Module, device: torch.device | str) -> None:
        self.device = torch.device(device)
        tensors = [*network.parameters(), *network.buffers()]
        self.network_bytes = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        self.before = self._allocated()
        self.reset()

    def reset(self) -> None:
        """Resets the peak, on CUDA and Linux. Elsewhere a peak never falls, so measure smaller batches first."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            return
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:  # the file does not exist, or a container forbids writing
            return

    def peak_bytes(self) -> int:
        """Bytes of the network, plus the peak of what its passes allocated since the last reset."""
        peak = torch.cuda.max_memory_allocated(self.device) if self.device.type == "cuda" else _peak_resident()
        return self.network_bytes + max(peak - self.before, 0)

    def _allocated(self) -> int:
        return torch.cuda.memory_allocated(self.device) if self.device.type == "cuda" else psutil.Process().memory_info().rss


def _peak_resident() -> int:
    """Peak resident bytes of this process since the last reset."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return peak_resident_bytes()
