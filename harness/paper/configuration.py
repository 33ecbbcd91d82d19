"""The paper's configuration of a printed row, and how a record's configuration differs from it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from harness.nested import flatten, merge
from harness.paper.table import Configuration, printed_tables

ABSENT = "absent"
OTHERWISE = "*"  # stands for every word that has no entry


@cache
def _facts() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "configurations.json").read_text(encoding="utf-8"))


def paper_configuration(row: str) -> dict[str, Any] | None:
    """The paper's configuration of a row such as "1:16", in the form of a record's `config`. None if the paper states none."""
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
    """Replaces column names in braces, in every text inside `value`, by the row's printed words."""
    if isinstance(value, dict):
        return {key: _filled(entry, printed) for key, entry in value.items()}
    return value.format_map(printed) if isinstance(value, str) else value


def differences(config: dict[str, Any], rows: list[str]) -> list[tuple[str, str, str]] | None:
    """[(dotted key, the paper's value, the record's value)] for the first row that the paper configures. None if it has none."""
    paper = next((found for row in rows if (found := paper_configuration(row))), None)
    if paper is None:
        return None
    theirs, ours = flatten(paper), flatten(config)
    pairs = [(key, value, ours.get(key, ABSENT)) for key, value in theirs.items()]
    return [(key, str(value), str(other)) for key, value, other in pairs if value != other]
