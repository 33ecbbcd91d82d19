"""The paper's own configuration of a printed row, and what a record's configuration changes of it."""

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from harness.paper.table import Configuration, printed_tables

ABSENT = "absent"
OTHERWISE = "*"  # any word that is not named


@cache
def _facts() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "configurations.json").read_text(encoding="utf-8"))


def paper_configuration(row: str) -> dict[str, Any] | None:
    """The configuration of row "1:16", "2:3", "3:4" ... in the form of a record's `config`; None if the paper states none."""
    number, index = (int(part) for part in row.split(":"))
    table = printed_tables().get(number)
    if table is None or table.configuration is None or not 1 <= index <= len(table.rows):
        return None
    printed = table.rows[index - 1]
    if any(printed[column] != word for column, word in table.configuration.only.items()):
        return None
    return merge(_configured(table.configuration, printed), table.exception(index).configuration)


def _configured(stated: Configuration, printed: dict[str, str]) -> dict[str, Any]:
    facts = _facts()
    config = merge(facts["common"], facts["datasets"][stated.dataset.format_map(printed)])
    config = merge(config, _filled(stated.values, printed))
    for column, changes in stated.words.items():
        config = merge(config, changes.get(printed[column], changes.get(OTHERWISE, {})))
    return config


def _filled(value: Any, printed: dict[str, str]) -> Any:
    """Texts with the printed words of other columns in place of their names in braces."""
    if isinstance(value, dict):
        return {key: _filled(entry, printed) for key, entry in value.items()}
    return value.format_map(printed) if isinstance(value, str) else value


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with the entries of `changes`, mappings merged level by level."""
    merged = deepcopy(base)
    for key, value in changes.items():
        merged[key] = merge(merged.get(key, {}), value) if isinstance(value, dict) else value
    return merged


def differences(config: dict[str, Any], rows: list[str]) -> list[tuple[str, str, str]] | None:
    """[(dotted key, the paper's value, the record's)] against the first row the paper configures; None if there is none."""
    paper = next((found for row in rows if (found := paper_configuration(row))), None)
    if paper is None:
        return None
    theirs, ours = flatten(paper), flatten(config)
    pairs = [(key, value, ours.get(key, ABSENT)) for key, value in theirs.items()]
    return [(key, str(value), str(other)) for key, value, other in pairs if value != other]


def flatten(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"train.lr_g": 0.0002, ...}: nested mappings as dotted names."""
    flat: dict[str, Any] = {}
    for key, entry in value.items():
        name = f"{prefix}{key}"
        flat |= flatten(entry, f"{name}.") if isinstance(entry, dict) and entry else {name: entry}
    return flat
