"""`python -m harness.publish CELL --to DIR`: a trained cell as a model folder of the Hugging Face hub.

The harness knows no architecture, so the command stands in pipelines/commands/publish.py. This runs it by its name.
"""

import harness.pinned  # noqa: F401, I001  first: torch and numpy choose their kernels when they are loaded

import runpy

if __name__ == "__main__":
    runpy.run_module("pipelines.commands.publish", run_name="__main__", alter_sys=True)
