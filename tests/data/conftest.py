import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the helpers in pictures.py and preparing.py


@pytest.fixture
def folder(tmp_path):
    """Twenty pictures in two folders."""
    from pictures import picture

    for i in range(20):
        path = tmp_path / "in" / f"{i % 2}" / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(seed=i))
    return tmp_path / "in"


@pytest.fixture
def small_shards(monkeypatch):
    from harness.data import parallel

    monkeypatch.setattr(parallel, "MIN_SHARD", 3)
