"""Data that is read back: how to make sound ones, and how to read them to the last value."""

import dataclasses
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from harness.data.archives import list_zip, read_member, read_tar_files
from harness.data.arrays import open_split
from harness.data.images import Recipe
from harness.data.manifest import read_manifest
from harness.data.shards import Work, fill_shard
from harness.data.sources import FolderSource
from harness.data.writer import ArrayWriter
from harness.metrics.adm import read_statistics
from harness.metrics.cache import cached_features
from harness.metrics.features import Features
from harness.metrics.pictures import open_pictures
from harness.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, save_tensors

KEY = "a" * 64


def images(count: int = 12, side: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, side, side), dtype=np.uint8)


def features(count: int = 20) -> Features:
    rng = np.random.default_rng(0)
    parts = (rng.standard_normal((count, size)).astype(np.float32) for size in (5, 6, 4))
    return Features(*parts, "label", image_shape=(3, 8, 8))


def make_data(root: Path) -> None:
    writer = ArrayWriter(root, "own", 8)
    writer.add("train", images()[:5])
    writer.add("train", images()[5:])
    writer.add_labels("train", np.arange(12))
    writer.finish({"kind": "test"}, {"resolution": 8})


def read_data(root: Path) -> Any:
    split = open_split(root, "train")
    return read_manifest(root), split[:], split.labels, split.sha256


def make_cache(root: Path) -> None:
    cached_features(root, {"made": "here"}, "label", features)


def read_cache(root: Path) -> Any:
    found = cached_features(root, {"made": "here"}, "label", features)
    parts = [np.asarray(getattr(found, name)) for name in ("pool", "spatial", "logits")]
    return [*parts, found.statistics("pool").covariance, found.statistics("spatial").mean, found.image_shape, found.label]


def make_checkpoints(root: Path) -> None:
    snapshot = save_tensors(root / "s.safetensors", {"w": torch.ones(4)})
    for step in (1, 2):
        tensors = {"w": torch.full((9,), float(step))}
        save_checkpoint(root, KEY, Checkpoint(step, tensors, {"rows": [0.5 * step]}), {"s.safetensors": snapshot})


def read_checkpoints(root: Path) -> Any:
    """True: a resumed run ends the same from any sound checkpoint, so any sound one will do, and none."""
    found = load_checkpoint(root, KEY)
    return found is None or (found.state == {"rows": [0.5 * found.step]} and bool((found.tensors["w"] == found.step).all()))


def make_zip(root: Path) -> None:
    with zipfile.ZipFile(root / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.png", png(number))


def read_zip(root: Path) -> Any:
    with (root / "a.zip").open("rb") as handle:
        found = list_zip(root / "a.zip", (".png",))
        return [(name, read_member(handle, member, name)) for name, member in found]


def make_tar(root: Path) -> None:
    with tarfile.open(root / "a.tgz", "w:gz") as archive:
        for name, size in SIZES.items():
            info = tarfile.TarInfo(name)
            info.size = size
            archive.addfile(info, io.BytesIO(bytes(range(100)) * (size // 100)))


SIZES = {"a.bin": 500, "b.bin": 800}


def read_tar(root: Path) -> Any:
    return sorted(read_tar_files(root / "a.tgz", SIZES, 10_000))


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (9, 7, 3), np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def make_pictures(root: Path) -> None:
    for number in range(3):
        (root / f"{number}.png").write_bytes(png(number))


def read_statistics_file(root: Path) -> Any:
    found = read_statistics(root / "s.npz", "label")
    return found.count, found.statistics("pool").mean, found.statistics("pool").covariance, found.statistics("spatial").covariance


def read_pictures(root: Path) -> Any:
    return open_pictures(root, "")[:]


def make_scratch(root: Path) -> None:
    """What a killed preparation leaves: finished shards, beside pictures."""
    (root / "in").mkdir()
    make_pictures(root / "in")
    work = _work(root)
    work.done.parent.mkdir(parents=True)
    fill_shard(work)


def _work(root: Path) -> Work:
    source = FolderSource(root / "in")
    locators = [(name, (name, 0, 0)) for name, _ in source.items()]
    return Work("train", root / "shards/0.npy", root / "done/0.json", source, Recipe(8, "squash", "box"), locators)


def read_scratch(root: Path) -> Any:
    work = _work(root)
    failures, finished = fill_shard(work)
    return failures, dataclasses.asdict(finished), np.load(work.path)
