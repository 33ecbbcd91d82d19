"""Checks a run's surroundings on the device: a machine without a compiler, and NCCL."""

import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import torch
import torch.distributed as dist

from harness.errors import HarnessError
from harness.training.distributed import Ranks, RankSum
from pipelines.gpu.graphs import SMALL

WITHOUT_COMPILER = """
import torch
from harness.training.engines import ENGINES
from harness.training.engines.verify import verify_engine
from lada.accelerate import use_fused_attention
from lada.fused import try_kernel
from pipelines.profile import load_cell
cell = load_cell(*{small!r})
device = torch.device({device!r})
networks = tuple(network.to(device) for network in cell.build())
verify_engine(ENGINES["eager"], networks, cell.train, cell.generator.noise_dim, cell.generator.resolution, use_fused_attention)
print(try_kernel(device))
"""


def fallback(device: torch.device) -> dict[str, Any]:
    """Without a C compiler, as in images that only run programs, the eager engine works with one warning."""
    with tempfile.TemporaryDirectory() as empty:
        variables = {"PATH": empty, "CC": "", "CXX": "", "TRITON_CACHE_DIR": empty, "TORCHINDUCTOR_CACHE_DIR": empty}
        script = WITHOUT_COMPILER.format(small=SMALL, device=str(device))
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HarnessError(f"without a compiler: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning:")]
    expected = 1 if done.stdout.strip() == "False" else 0
    failures = [] if len(warnings) == expected else [f"{len(warnings)} warnings; expected {expected}"]
    said = warnings[0] if warnings else "the kernel was compiled all the same"
    return {"warnings": warnings, "summary": said[:200], "failures": failures}


def nccl(device: torch.device) -> dict[str, Any]:
    """One rank: an all-reduce, its double backward, and the averaging of gradients as large as the paper's."""
    with tempfile.TemporaryDirectory() as folder:
        dist.init_process_group("nccl", init_method=f"file://{folder}/meet", rank=0, world_size=1)
        x = torch.ones(3, device=device, requires_grad=True)
        (slope,) = torch.autograd.grad(RankSum.apply(x).pow(3).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(slope.sum(), x)
        gradients = torch.ones(27_000_000, device=device)
        dist.all_reduce(gradients)
        torch.cuda.synchronize()
        began = time.perf_counter()
        dist.all_reduce(gradients)
        torch.cuda.synchronize()
        seconds = time.perf_counter() - began
        dist.destroy_process_group()
    right = torch.equal(second.cpu(), torch.full((3,), 6.0)) and Ranks().size == 1
    failures = [] if right else [f"the second gradient of x^3 at 1 is {second.tolist()}; expected 6"]
    return {"all_reduce_s": seconds, "summary": f"27 million gradients in {1e3 * seconds:.1f} ms", "failures": failures}
