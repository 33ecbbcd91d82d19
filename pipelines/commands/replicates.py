"""Makes the params.yaml of profiles that repeat another's cells with more seeds, for `pipelines.commands.stages`."""

import json
from collections.abc import Iterable
from pathlib import Path

from harness.config import load_params

REPLICATED = {"digits-full": ("digits", 4)}  # {profile: (profile whose cells it repeats, number of further seeds)}
HEAD = """\
# Made by `python -m pipelines.commands.stages` from {base}: change that, not this.
# Every cell of the profile {name} with the seeds 1 to {seeds}. Its tables take seed 0 from {name} itself.
profile: {profile}
adds_to: {name}
"""


def replicated_params() -> dict[Path, str]:
    """{path of params.yaml: its text} of every such profile whose base exists."""
    folder = Path("pipelines")
    return {
        folder / profile / "params.yaml": replicated(profile, folder / base / "params.yaml", seeds)
        for profile, (base, seeds) in REPLICATED.items()
        if (folder / base / "params.yaml").is_file()
    }


def replicated(profile: str, base: Path, seeds: int) -> str:
    """The text for `profile`: the sections of `base`, and its cells and rows once for each seed from 1 to `seeds`.

    Cells that are replicates themselves are left out.
    """
    params = load_params(base)
    cells = {name: cell for name, cell in params["cells"].items() if "seed" not in cell}
    head = HEAD.format(base=base.as_posix(), name=params["profile"], profile=profile, seeds=seeds)
    body = {key: value for key, value in params.items() if key not in ("profile", "cost", "rows", "cells")}
    rows = {f"{name}-seed{seed}": params["rows"][name] for name in cells for seed in range(1, seeds + 1)}
    repeated = {f"{name}-seed{seed}": {**cell, "seed": seed} for name, cell in cells.items() for seed in range(1, seeds + 1)}
    sections = [_section(key, value) for key, value in {**body, "rows": rows, "cells": repeated}.items()]
    return head + "".join("\n" + section for section in sections)


def _section(key: str, value: object) -> str:
    return "\n".join(_lines(key, value)) + "\n"


def _lines(key: str, value: object) -> Iterable[str]:
    """Lines of YAML. A mapping has one line per entry; deeper values are JSON, which is YAML's flow style."""
    if not isinstance(value, dict):
        return [f"{key}: {json.dumps(value)}"]
    return [f"{key}:", *(f"  {name}: {json.dumps(entry)}" for name, entry in value.items())]
