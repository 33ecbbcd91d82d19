"""Names the arithmetic that a result was computed in. Results with the same name agree to the last bit."""

import platform
import sys


def arithmetic(device: str = "cpu") -> str:
    """ "x86-64-avx2" for pinned kernels (harness.pinned), "cuda sm_90" on a GPU, else the machine and the kernels torch chose."""
    import torch  # here, because the report imports this file and does not need torch

    if str(device).startswith("cuda"):
        major, minor = torch.cuda.get_device_capability()
        return f"cuda sm_{major}{minor}"
    capability = torch.backends.cpu.get_cpu_capability()
    pinned = sys.modules.get("harness.pinned")
    if pinned is not None and pinned.IN_TIME and capability == "AVX2":
        return "x86-64-avx2"
    return f"{platform.machine()} {capability}".replace("x86_64", "x86-64 unpinned,")
