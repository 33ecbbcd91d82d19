"""Importing this pins the CPU kernels that torch and numpy choose, so that a score has the same bits on every x86-64 with AVX2.

The libraries read these variables once, when they are loaded: import this module first, before torch and numpy. It costs about
3% of the speed of training. Whatever times the machine must not import it.
"""

import os
import platform
import sys

PINS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's elementwise kernels and reductions
    "DNNL_MAX_CPU_ISA": "AVX2",  # convolutions
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "COMPATIBLE",  # products and QR; AVX2 would still take another path on a CPU that is not Intel's
    "OPENBLAS_CORETYPE": "Haswell",  # numpy's and scipy's linear algebra
    "OPENBLAS_NUM_THREADS": "1",  # the order of its sums
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # numpy's exp and log
}


def _pin() -> bool:
    """Whether the pins were set in time: here, or by the process that started this one."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    if all(os.environ.get(name) == value for name, value in PINS.items()):
        return True
    if "torch" in sys.modules or "numpy" in sys.modules:
        return False
    os.environ.update(PINS)
    return True


IN_TIME = _pin()
