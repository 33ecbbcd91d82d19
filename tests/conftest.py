"""Settings of the whole suite."""

import harness.pinned  # noqa: F401 - first: gold values hold on every x86-64 with AVX2 only in pinned arithmetic

# isort: split
import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("harness", deadline=None)  # a busy machine may take its time
settings.load_profile("harness")


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    """A test that runs a stage in this process must not keep all that was imported from being freed at the end."""
    yield
    gc.unfreeze()
