"""Importing this module pins the CPU kernels of torch and numpy. Scores then have the same bits on every x86-64 with AVX2.

The libraries read these variables once, when they are loaded, so import this module before torch and numpy. Training becomes
about 3% slower. Code that measures speed must not import it.
"""

import os
import platform
import sys

PINS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's elementwise kernels and reductions
    "DNNL_MAX_CPU_ISA": "AVX2",  # convolutions
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "COMPATIBLE",  # matrix products and QR; with AVX2, MKL would still differ between Intel's and other CPUs
    "OPENBLAS_CORETYPE": "Haswell",  # numpy's and scipy's linear algebra
    "OPENBLAS_NUM_THREADS": "1",  # the order of its sums
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # numpy's exp and log
}


def _pin() -> bool:
    """Sets the pins. Returns whether they were set in time, here or by the parent process."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    if all(os.environ.get(name) == value for name, value in PINS.items()):
        return True
    if "torch" in sys.modules or "numpy" in sys.modules:
        return False
    os.environ.update(PINS)
    return True


IN_TIME = _pin()
