import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for the helpers in bundle_writer.py and tf_graph.py


@pytest.fixture
def published(tmp_path):
    """Copies a published folder, pixel32 or decoder128, to where a test may change it."""
    return lambda name: shutil.copytree(HERE / "published" / name, tmp_path / name)
