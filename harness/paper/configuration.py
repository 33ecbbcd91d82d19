"""The paper's own configuration of a printed row, and what a record's configuration changes of it."""

import json
from copy import deepcopy
from functools import cache
from pathlib import Path

from harness.paper import printed_table

ABSENT = "absent"


@cache
def _facts() -> dict:
    return json.loads((Path(__file__).parent / "configurations.json").read_text(encoding="utf-8"))


def paper_configuration(row: str) -> dict | None:
    """The configuration of row "1:16", "2:3", "3:4" ... in the form of a record's `config`; None if it trains none."""
    number, index = (int(part) for part in row.split(":"))
    if number not in MAKERS or index > len(printed_table(number)):
        return None
    return MAKERS[number](printed_table(number)[index - 1])


def _start(dataset: str, attention: str, discriminator: str, lr_d: float) -> dict:
    facts = _facts()
    config = merge(facts["common"], facts["datasets"][dataset])
    config |= {"attention": attention, "discriminator_attention": discriminator}
    config["discriminator"]["kind"] = "conv" if discriminator == "conv" else "lada"
    config["train"]["lr_d"] = lr_d
    config["generator"] |= {"dims": [1024, 256, 64], "lee_conv": True, "mlp_residual": False, "modulation": True}
    return config


def _table_1(row: dict[str, str]) -> dict:
    config = _start("cifar10", row["attention"], row["discriminator"], 4e-4 if row["discriminator"] == "conv" else 2e-4)
    flags = {"lee_conv": "convolution", "mlp_residual": "residual_mlp", "modulation": "modulation"}
    config["generator"] |= {key: row[column] == "yes" for key, column in flags.items()}
    return config


def _table_2(row: dict[str, str]) -> dict:
    config = _start(row["dataset"], "lada", row["discriminator"], float(row["d_lr"]))
    config["generator"]["dims"] = [int(dim) for dim in row["g_dims"].split("-")]
    if row["g_dims"] == "1024-256-64" and row["resolution"] == "128":
        config["generator"]["decoder_dims"] = [32, 16]  # the only decoder whose cost truncates to the printed 0.9 GMAC
    return config


def _table_3(row: dict[str, str]) -> dict | None:
    if row["method"] != "ladagan":
        return None
    config = _start("cifar10", "lada", "lada", 2e-4)
    config["fraction"] = float(row["fraction"])
    config["train"]["bcr_weight"] = 1.0 if row["bcr"] == "yes" else 0.0
    return config


MAKERS = {1: _table_1, 2: _table_2, 3: _table_3}


def merge(base: dict, changes: dict) -> dict:
    """`base` with the entries of `changes`, mappings merged level by level."""
    merged = deepcopy(base)
    for key, value in changes.items():
        merged[key] = merge(merged.get(key, {}), value) if isinstance(value, dict) else value
    return merged


def differences(config: dict, rows: list[str]) -> list[tuple[str, str, str]] | None:
    """[(dotted key, the paper's value, the record's)] against the first row the paper configures; None if there is none."""
    paper = next((found for row in rows if (found := paper_configuration(row))), None)
    if paper is None:
        return None
    theirs, ours = flatten(paper), flatten(config)
    pairs = [(key, value, ours.get(key, ABSENT)) for key, value in theirs.items()]
    return [(key, str(value), str(other)) for key, value, other in pairs if value != other]


def flatten(value: dict, prefix: str = "") -> dict[str, object]:
    """{"train.lr_g": 0.0002, ...}: nested mappings as dotted names."""
    flat = {}
    for key, entry in value.items():
        name = f"{prefix}{key}"
        flat |= flatten(entry, f"{name}.") if isinstance(entry, dict) and entry else {name: entry}
    return flat
