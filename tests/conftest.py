"""Settings of the whole suite."""

import harness.pinned  # noqa: F401 - first: gold values hold on every x86-64 with AVX2 only in pinned arithmetic

# isort: split
from hypothesis import settings

settings.register_profile("harness", deadline=None)  # a busy machine may take its time
settings.load_profile("harness")
