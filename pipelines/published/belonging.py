"""Compares a published checkpoint with the network whose figures the paper prints."""

import math
from collections.abc import Sequence
from dataclasses import asdict

from harness.paper import printed_table
from harness.paper.configuration import flatten, paper_configuration
from lada.configs import GeneratorConfig

SILENT = ("framework",)  # the paper's code base, which our configuration of either names


def mismatches(rows: Sequence[str], config: GeneratorConfig, images_seen: int, images_row: str | None) -> list[str]:
    """Differences between the checkpoint and the paper's rows: images seen, as Table V prints them, and the generator."""
    found = []
    if images_row is not None:
        printed, where = printed_images(images_row)
        if printed.isdigit() and math.floor(images_seen / 1e6) != int(printed):  # the paper cuts, it does not round
            found.append(f"the checkpoint saw {images_seen / 1e6:.2f} million images, {where} prints {printed}; see the errata")
    for row in rows:
        stated = (paper_configuration(row) or {}).get("generator", {})
        ours = flatten({key: list(value) if isinstance(value, tuple) else value for key, value in asdict(config).items()})
        wrong = [key for key, value in flatten(stated).items() if key not in SILENT and ours.get(key) != value]
        found += [f"the checkpoint's {key} is {ours.get(key)}, that of row {row} is {stated[key]}" for key in wrong]
    return list(dict.fromkeys(found))


def printed_images(row: str) -> tuple[str, str]:
    """Millions of images that a row of Table V, "5:11", prints for LadaGAN, and the row's name."""
    number, _, index = row.partition(":")
    table = printed_table(int(number))
    return table.rows[int(index) - 1]["LadaGAN"], f"{table.label}, row {index}"
