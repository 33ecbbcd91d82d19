"""The profile `published` at a size that two cores score in seconds: small checkpoints, pictures in the data sets' formats."""

import io
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from harness.config import load_params

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINTS = ROOT / "tests" / "checkpoints" / "published"
PER_FILE, FACES = 4, 9


def write_cifar10(path: Path) -> None:
    """CIFAR-10's binary archive with random pictures, 4 to train a file and 12 to test."""
    rng = np.random.default_rng(0)
    with tarfile.open(path, "w:gz") as archive:
        for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
            data = rng.integers(0, 256, (12 if name == "test_batch.bin" else PER_FILE, 3073), np.uint8)
            data[:, 0] %= 10
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = data.nbytes
            archive.addfile(info, io.BytesIO(data.tobytes()))


def write_ffhq(folder: Path) -> None:
    """FFHQ's folder of thumbnails with random pictures."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    for i in range(FACES):
        Image.fromarray(rng.integers(0, 256, (128, 128, 3), np.uint8)).save(folder / f"{i:05d}.png")


def write_profile(folder: Path, **changes: object) -> Path:
    """params.yaml in `folder`, with weights and pictures beside it; paths are relative to `folder`.

    The extractor is the small one of the digits, unless it is changed: Inception takes seconds to build."""
    shutil.copytree(CHECKPOINTS / "pixel32", folder / "weights" / "cifar10")
    shutil.copytree(CHECKPOINTS / "decoder128", folder / "weights" / "ffhq_128")
    write_cifar10(folder / "cifar.tar.gz")
    write_ffhq(folder / "ffhq" / "thumbnails128x128")
    params = load_params(ROOT / "pipelines" / "published" / "params.yaml")
    params["checkpoints"] = {
        "cifar10": params["checkpoints"]["cifar10"] | {"folder": "weights/cifar10", "url": None},
        "ffhq_128": params["checkpoints"]["ffhq_128"] | {"folder": "weights/ffhq_128", "url": None},
    }
    counts = {"checksum": None, "train_count": 5 * PER_FILE, "test_count": 12}
    params["data"] = {
        "cifar10": {"name": "cifar10", "path": "cifar.tar.gz", **counts},
        "ffhq-128": {"name": "ffhq", "path": "ffhq", "resolution": 128, "count": FACES},
    }
    params["features"] = {"extractor": "digits-cnn"}
    params["evaluate"] = {
        "cifar10": {"protocols": ["cifar10-50k", "cifar10-10k"], "batch": 8, "seeds": [1, 2], "reduced": 8},
        "ffhq-128": {"protocols": ["ffhq-50k"], "batch": 8, "seeds": [1], "reduced": 8},
    }
    params["threads"] = 1
    params["cost"] = {"networks": ["g32-lada-conv"], "repeats": 1, "pass_seconds": 0.01}
    return save(folder / "params.yaml", params | changes)


def save(path: Path, params: dict) -> Path:
    """Writes the parameters; returns their path."""
    with path.open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)
    return path


def change(path: Path, **changes: object) -> None:
    """Writes the parameters in `path` again with some sections changed."""
    save(path, load_params(path) | changes)


@contextmanager
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Inside, nothing can be reached: every request goes to a port of this machine where nobody listens."""
    with monkeypatch.context() as patch:
        for name in ("http_proxy", "https_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")
        patch.delenv("no_proxy", raising=False)
        patch.delenv("NO_PROXY", raising=False)
        yield
