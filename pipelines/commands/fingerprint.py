"""Checks whether this machine computes the bits of the committed results: `python -m pipelines.commands.fingerprint`

Three training steps of two tiny cells and one pass of the digits extractor, each as a sha256 beside the committed one. On every
x86-64 with AVX2 they must be equal; exit status 1 where one is not. It needs no data and takes seconds.
"""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
import hashlib
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from baselines.attention import ATTENTIONS
from harness.arithmetic import arithmetic
from harness.device import use_threads
from harness.errors import run_command
from harness.metrics.extractors import load_extractor
from harness.metrics.features import features
from harness.training.config import TrainConfig
from harness.training.loop import fit
from lada.accelerate import use_fused_attention
from lada.configs import DiscriminatorConfig, GeneratorConfig
from lada.discriminator import Discriminator
from lada.generator import Generator

REPEATS_IN = "x86-64-avx2"
COMMITTED = {
    "three steps, Lada discriminator": "c09123af5104771c",
    "three steps, convolutional discriminator": "aeed7d123040989e",
    "digits-cnn, one pass": "9712dfe059a60c62",
}


def main(argv: list[str] | None = None) -> None:
    """Prints each fingerprint with its verdict."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(argv)
    print(f"arithmetic: {arithmetic()}; the committed results: {REPEATS_IN}")
    differ = 0
    for name, found in fingerprints().items():
        equal = found == COMMITTED[name]
        differ += not equal
        print(f"{name}: {found} {'as committed' if equal else f'differs from the committed {COMMITTED[name]}'}", flush=True)
    sys.exit(1 if differ else 0)


def fingerprints() -> dict[str, str]:
    """{name: sha256 of the computed bits}."""
    use_threads(1)  # the order of sums depends on the number of threads
    images = np.random.default_rng(0).integers(0, 256, (48, 3, 16, 16), dtype=np.uint8)
    found = {f"three steps, {title} discriminator": trained(kind, images) for kind, title in DISCRIMINATORS.items()}
    seen = features(images, load_extractor("digits-cnn"), batch_size=32, progress=False)
    return found | {"digits-cnn, one pass": digest(value for value in vars(seen).values() if isinstance(value, np.ndarray))}


DISCRIMINATORS = {"lada": "Lada", "conv": "convolutional"}


def trained(kind: str, images: np.ndarray) -> str:
    """Digest of the averaged generator and of the curves after three steps, with R1, bCR and augmentation."""
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(resolution=16, base=4, noise_dim=16, dims=(64, 32, 16), mlp_dim=32), ATTENTIONS["lada"])
    config = DiscriminatorConfig(resolution=16, base=4, kind=kind, encoder_dims=(16, 32), head_dims=(32, 32), mlp_dim=32)
    discriminator = Discriminator(config, ATTENTIONS["lada"])
    train = TrainConfig(nimg=48, batch=16, bcr_weight=0.1, r1_weight=0.1, lr_decay=0.5, snapshots=0)
    with tempfile.TemporaryDirectory() as scratch:
        run = fit(
            generator,
            discriminator,
            images,
            train,
            Path(scratch),
            "fingerprint",
            noise_dim=16,
            accelerate=use_fused_attention,
            label="fingerprint",
        )
    weights = [value.numpy() for _, value in sorted(run.g_ema.items())]
    return digest([*weights, *(np.array(list(row.values()), dtype=np.float64) for row in run.curves)])


def digest(arrays: Iterable[np.ndarray]) -> str:
    """The first 16 digits of the sha256 of the arrays' shapes and bytes."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()[:16]


if __name__ == "__main__":
    run_command(main)
