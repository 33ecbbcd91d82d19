"""The feature network of the digits profile: a small classifier of handwritten digits.

It replaces Inception-v3 where pretrained weights are not available. Its scores compare cells with each other. They are never FID.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from harness.errors import HarnessError
from harness.files import atomic_path

RESOLUTION = 16
CLASSES = 10
EPOCHS = 24
BATCH = 64
LEARNING_RATE = 6e-3
WEIGHTS = Path(__file__).with_name("digits_cnn.safetensors")  # made by `python -m pipelines.extractor --remake`
SHA256 = "1fc0414fff553e79552c4dd09ea22f7a74fe21b49df1869b1f61a3dbd9d2eef0"


class DigitsClassifier(nn.Module):
    """Images (B, 3, 16, 16) in [-1, 1] -> middle maps (B, 32, 8, 8), pool features (B, 64), logits (B, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.fc = nn.Linear(64, CLASSES)

    def forward(self, img: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x = F.silu(self.conv1(img))  # (B, 16, 16, 16)
        middle = F.silu(self.conv2(x))  # (B, 32, 8, 8)
        pool = F.silu(self.conv3(middle)).mean(dim=(2, 3))  # (B, 64)
        return middle, pool, self.fc(pool)


def to_input(images: torch.Tensor) -> torch.Tensor:
    """Converts uint8 images to float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


def train_digits_classifier(
    images: np.ndarray,
    labels: np.ndarray,
    seed: int,
    out: Path,
    *,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    data_sha256: str | None = None,
) -> dict[str, object]:
    """Trains on uint8 images (N, 3, 16, 16) and int labels (N,), writes `out` (safetensors) and returns its metadata.

    test: images and labels on which to measure the accuracy. data_sha256: hash of the training data. The accuracy and this hash
    go into the metadata. With pinned arithmetic, the same seed gives the same file.
    """
    _check_digits(images, labels)
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _fit(DigitsClassifier(), torch.from_numpy(np.array(images)), torch.from_numpy(np.array(labels)))
        accuracy = None if test is None else _accuracy(model, *test)
    facts: dict[str, object] = {
        "accuracy": accuracy,
        "data_sha256": data_sha256,
        "seed": seed,
        "epochs": EPOCHS,
        "train_count": len(images),
    }
    with atomic_path(out) as temporary:
        # A single metadata entry, because safetensors writes several in a random order, which would change the hash.
        save_file(model.state_dict(), temporary, metadata={"digits-cnn": json.dumps(facts, sort_keys=True)})
    return facts


def _fit(model: DigitsClassifier, images: torch.Tensor, labels: torch.Tensor) -> DigitsClassifier:
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    steps = EPOCHS * math.ceil(len(images) / BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        for picked in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            logits = model(to_input(images[picked]))[2]
            F.cross_entropy(logits, labels[picked]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.inference_mode()
def _accuracy(model: DigitsClassifier, images: np.ndarray, labels: np.ndarray) -> float:
    predicted = model(to_input(torch.from_numpy(np.array(images))))[2].argmax(dim=1).numpy()
    return float((predicted == np.array(labels)).mean())


def _check_digits(images: np.ndarray, labels: np.ndarray) -> None:
    if images.dtype != np.uint8 or images.shape[1:] != (3, RESOLUTION, RESOLUTION) or len(images) != len(labels):
        given = f"{images.dtype} images {tuple(images.shape)} and {len(labels)} labels"
        raise HarnessError(f"given {given}; expected uint8 (N, 3, {RESOLUTION}, {RESOLUTION}) and N labels")


@contextmanager
def _one_thread() -> Iterator[None]:
    """Uses one thread, so that the order of sums does not depend on the machine's cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
