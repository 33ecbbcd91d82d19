"""CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html), from the binary archive, because the other one needs unpickling.

The archive has five training files and one test file. A record is one label byte and 3,072 pixel bytes, (3, 32, 32).
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.config import from_mapping
from harness.data.archives import read_tar_files
from harness.data.checks import check_range
from harness.data.download import require_file
from harness.data.fractions import fraction_indices
from harness.data.npy import write_npy
from harness.data.published_files import check_published, fetch_alone
from harness.data.writer import ArrayWriter
from harness.errors import HarnessError
from harness.files import atomic_path, sha256_file

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SHA256 = "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9dddda3db29a59bca1dd"  # md5 c32a1d4ab5d03f1284b67883e8d87530
TRAIN_FILES = [f"data_batch_{i}.bin" for i in range(1, 6)]
TEST_FILE = "test_batch.bin"
RECORD = 1 + 3 * 32 * 32
MAX_ARCHIVE = 180_000_000  # bytes; the archive has 170 MB
MAX_TOTAL = 1 << 30  # bytes; the archive unpacks to 184 MB


@dataclass(frozen=True)
class Cifar10Params:
    """An entry of `data` for CIFAR-10. Set `checksum` to null and change the counts only for archives of another origin."""

    name: Literal["cifar10"] = "cifar10"
    path: str = "data/cifar-10-binary.tar.gz"  # the archive
    download: bool = True  # whether to download the archive if it is missing
    resolution: Literal[32] = 32  # side of the images, in pixels
    checksum: str | None = SHA256  # of the archive
    train_count: int = 50_000  # images
    test_count: int = 10_000  # images
    fractions: tuple[float, ...] = (0.2, 0.1)  # shares of the training images whose indices are written
    fraction_seed: int = 0  # of the draw of these shares

    def __post_init__(self) -> None:
        check_range("train_count", self.train_count, 5, 50_000)
        check_range("test_count", self.test_count, 1, 10_000)
        check_range("fraction_seed", self.fraction_seed, 0, 2**32 - 1)
        if self.train_count % len(TRAIN_FILES):
            raise ValueError(
                f"train_count: given {self.train_count}; expected a multiple of {len(TRAIN_FILES)}, the number of files"
            )


def prepare_cifar10(params: dict[str, Any], out: Path) -> None:
    """Writes the splits train and test with labels, and the index lists train-fraction-<share>.npy, to `out`."""
    config = from_mapping(Cifar10Params, params, "data")
    archive = Path(config.path)
    if config.download and not archive.exists():
        fetch_alone(URL, archive, config.checksum or SHA256, MAX_ARCHIVE)
    check_published(require_file(archive, URL), config.checksum)
    sizes = dict.fromkeys(TRAIN_FILES, config.train_count // len(TRAIN_FILES) * RECORD) | {TEST_FILE: config.test_count * RECORD}
    batches = {name: _decode(data, f"{archive}: {name}") for name, data in read_tar_files(archive, sizes, MAX_TOTAL)}
    with atomic_path(out) as root:
        writer = ArrayWriter(root, "cifar10", 32)
        for split, names in (("train", TRAIN_FILES), ("test", [TEST_FILE])):
            for name in names:
                writer.add(split, batches[name][0])
            writer.add_labels(split, np.concatenate([batches[name][1] for name in names]))
        drawn = [_record_fraction(root, share, config) for share in config.fractions]
        source = {"kind": "tar", "file": archive.name, "sha256": sha256_file(archive)}
        writer.finish(source, {**asdict(config), "path": archive.name}, fractions=drawn)


def _decode(data: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n, 3, 32, 32) and labels (n,)."""
    records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0]
    if (wrong := np.flatnonzero(labels > 9)).size:
        raise HarnessError(f"{name}: record {wrong[0]} has label {labels[wrong[0]]}; expected 0 to 9; download the archive again")
    return records[:, 1:].reshape(-1, 3, 32, 32), labels.astype(np.int64)


def _record_fraction(root: Path, share: float, config: Cifar10Params) -> dict:
    """Writes the indices of one share of the training images. Returns the manifest's entry."""
    indices = fraction_indices(config.train_count, share, config.fraction_seed)
    file = f"train-fraction-{share:g}.npy"
    sha256 = write_npy(root / file, indices)
    return {
        "fraction": share,
        "seed": config.fraction_seed,
        "count": len(indices),
        "file": file,
        "sha256": sha256,
    }
