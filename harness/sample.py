"""`python -m harness.sample WEIGHTS --seeds 0-63 --grid FILE.png`: pictures of a trained generator.

The harness knows no architecture, so the command stands in pipelines/commands/sample.py. This runs it by its name.
"""

import harness.pinned  # noqa: F401, I001  first: torch and numpy choose their kernels when they are loaded

import runpy

if __name__ == "__main__":
    runpy.run_module("pipelines.commands.sample", run_name="__main__", alter_sys=True)
