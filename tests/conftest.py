"""The suite runs in pinned arithmetic, so that its gold values hold on every x86-64 with AVX2."""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded
