"""The printed tables of *Efficient generative adversarial networks using linear additive-attention Transformers*, as data.

Source: arXiv 2401.09596, Tables I to V. Empty entries are '-' in print. `errata.csv` lists what the published record says twice.
"""

import csv
from functools import cache
from pathlib import Path

from harness.errors import unknown_choice

TITLES = {
    1: "Attention mechanisms, convolution, MLP residual and modulation of the generator on CIFAR-10",
    2: "Convolutional and Ladaformer discriminators, with and without embedding expansion",
    3: "FID on CIFAR-10 with 100%, 20% and 10% of the training images",
    4: "FID of LadaGAN beside the state of the art",
    5: "Cost of LadaGAN beside the state of the art",
}
QUANTITIES = {
    1: ("g_gflops", "fid", "sfid", "is", "precision", "recall"),
    2: ("g_gflops", "d_gflops", "fid", "sfid", "is", "precision", "recall"),
    3: ("fid_50k", "fid_10k"),
    4: ("cifar10_32_50k", "celeba_64_19k", "celeba_64_50k", "ffhq_128_50k", "lsun_128_30k", "lsun_256_50k"),
    5: ("CT", "ADM-IP", "StyleGAN2", "ViTGAN", "LadaGAN"),
}
SOURCES = {
    "paper": "arXiv 2401.09596",
    "ref-4-42": "references 4 and 42 of arXiv 2401.09596 (ADM-IP)",
    "ref-11": "reference 11 of arXiv 2401.09596 (ViTGAN)",
    "ref-14": "reference 14 of arXiv 2401.09596 (TransGAN)",
    "ref-21": "reference 21 of arXiv 2401.09596 (GANformer)",
    "ref-29": "reference 29 of arXiv 2401.09596 (consistency models)",
    "ref-44": "reference 44 of arXiv 2401.09596 (differentiable augmentation)",
    "ref-46": "reference 46 of arXiv 2401.09596 (SS-GAN)",
}
NOT_PRINTED = "-"


@cache
def _read(name: str) -> tuple[dict[str, str], ...]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as handle:
        return tuple(csv.DictReader(handle))


def printed_table(number: int) -> list[dict[str, str]]:
    """Rows of Table `number` in print order, as text; what the paper does not print is '-'."""
    if number not in TITLES:
        raise unknown_choice("table", number, map(str, TITLES))
    return [{column: text or NOT_PRINTED for column, text in row.items()} for row in _read(f"table_{number}.csv")]


def errata(table: int, row: int, column: str) -> list[dict[str, str]]:
    """Entries of the errata ledger that touch one printed figure (row counted from 1)."""
    return [
        entry
        for entry in _read("errata.csv")
        if entry["table"] == str(table)
        and (entry["rows"] == "*" or str(row) in entry["rows"].split())
        and (entry["columns"] == "*" or column in entry["columns"].split())
    ]


def all_errata() -> list[dict[str, str]]:
    """The whole ledger: id, table, rows, columns, statement, source."""
    return [dict(entry) for entry in _read("errata.csv")]
