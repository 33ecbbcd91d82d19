"""Runs whose record is not what params.yaml asks for now: another length, another setting. They never stand unmarked."""

from pathlib import Path
from typing import Any

from harness.config import load_params
from harness.paper.configuration import flatten, merge
from harness.records.models import ScoreRecord
from harness.records.store import Store

MARK = "‡"
NOTE = f"{MARK} this run is not what params.yaml asks for now (column not_as_asked of the CSV file); rerun it."
PARAMS = Path("pipelines")


def stale_runs(store: Store) -> dict[str, str]:
    """{cell: "train.nimg is 7680, params.yaml asks for 20480"}; empty where the profile has no params.yaml here."""
    path = PARAMS / store.profile / "params.yaml"
    if not path.is_file():
        return {}
    params = load_params(path)
    found = {cell: _difference(record, params) for cell, record in store.scores.items()}
    return {cell: difference for cell, difference in found.items() if difference}


def _difference(record: ScoreRecord, params: dict[str, Any]) -> str:
    cell = (params.get("cells") or {}).get(record.cell)
    if cell is None:
        return "params.yaml has no such cell"
    recorded = flatten(record.config)
    asked = flatten(stated(params, cell))
    wrong = [
        f"{key} is {recorded.get(key)}, params.yaml asks for {value}"
        for key, value in asked.items()
        if recorded.get(key) != value
    ]
    return "; ".join(wrong)


def stated(params: dict[str, Any], cell: dict[str, Any]) -> dict[str, Any]:
    """What params.yaml states of a cell, in the form of a record's `config`; defaults of the networks are not stated."""
    names = {"generator": "generator", "discriminator": "discriminator_options", "train": "train"}
    config = {part: merge(params.get(part) or {}, cell.get(name) or {}) for part, name in names.items()}
    if cell.get("seed") is not None:
        config["train"] |= {"seed": cell["seed"]}
    config |= {"attention": cell["attention"], "discriminator_attention": cell["discriminator"]}
    return config | {"data": cell["data"], "fraction": cell.get("fraction", 1.0)}
