import sys
from pathlib import Path

import grimp
import pytest

from harness.closure import PACKAGES

sys.path.insert(0, str(Path(__file__).parent))  # for the helpers in closures.py, tiny_project.py and slurm_node.py


@pytest.fixture(scope="session")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)
