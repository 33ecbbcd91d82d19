"""CelebA, aligned and cropped faces of 178x218 pixels (https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html)."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from harness.config import from_mapping
from harness.data.checks import check_count, check_range, name_some
from harness.data.download import require_file
from harness.data.images import Fit, Recipe, Resample
from harness.data.parallel import prepare_images
from harness.data.published_files import check_published
from harness.data.sources import ZipSource
from harness.errors import HarnessError
from harness.files import sha256_file

PUBLISHED = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
SPLITS = ("train", "validation", "test")  # partitions 0, 1 and 2
ALIGNED = (178, 218)


@dataclass(frozen=True)
class CelebaParams:
    """An entry of `data` for CelebA. `fit` and `resample` default to those of the authors' training code.

    Set the checksums to null and change the counts only for archives other than the published ones.
    """

    name: Literal["celeba"] = "celeba"
    path: str = "data/img_align_celeba.zip"  # archive of pictures
    partition: str | None = None  # path of list_eval_partition.txt; None for the one beside `path`
    resolution: int = 64  # side of the prepared images, in pixels
    fit: Fit = "squash"  # see images.Recipe
    resample: Resample = "bilinear-aliased"  # filter of the resize; this one is TensorFlow's default
    checksum: str | None = "md5:00d2c5bc6d35e252742224ab0c1e8fcb"  # of the archive, as published
    partition_checksum: str | None = "md5:d32c9cbf5e040fd4025c592c306e6668"  # of the partition file, as published
    train_count: int = 162_770  # pictures
    validation_count: int = 19_867  # pictures
    test_count: int = 19_962  # pictures

    def __post_init__(self) -> None:
        check_range("resolution", self.resolution, 4, 512)
        for split in SPLITS:
            check_range(f"{split}_count", getattr(self, f"{split}_count"), 1, 1_000_000)


def prepare_celeba(params: dict[str, Any], out: Path) -> None:
    """Writes the splits train, validation and test to `out`, each in the order of the partition file."""
    config = from_mapping(CelebaParams, params, "data")
    archive = require_file(Path(config.path), PUBLISHED)
    partition = Path(config.partition) if config.partition else archive.with_name("list_eval_partition.txt")
    require_file(partition, PUBLISHED, "data.partition")
    check_published(partition, config.partition_checksum, "partition_checksum")
    parts = read_partition(partition)
    counts = Counter(parts.values())
    for number, split in enumerate(SPLITS):
        check_count(counts[number], getattr(config, f"{split}_count"), f"{split} pictures", partition)
    check_published(archive, config.checksum)
    source = ZipSource(archive)
    items = _by_file_name(source.items(), parts, archive)
    splits = {split: [items[name] for name, part in parts.items() if part == number] for number, split in enumerate(SPLITS)}
    recipe = Recipe(config.resolution, config.fit, config.resample, (ALIGNED,))
    preparation = {**asdict(config), "path": archive.name, "partition": partition.name}
    prepare_images(out, "celeba", splits, source, recipe, preparation, file=archive.name, partition_sha256=sha256_file(partition))


def read_partition(path: Path) -> dict[str, int]:
    """{file name: partition 0, 1 or 2}, in the file's order. HarnessError names the first line that is something else."""
    parts = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        fields = line.split()
        if len(fields) != 2 or fields[1] not in ("0", "1", "2") or fields[0] in parts:
            raise HarnessError(
                f"{path}, line {number}: given {line!r}; expected a new file name and 0, 1 or 2; download it again"
            )
        parts[fields[0]] = int(fields[1])
    return parts


def _by_file_name(items: list[tuple], parts: dict[str, int], archive: Path) -> dict[str, tuple]:
    """The archive's items by base name. HarnessError unless the names are exactly those in the partition file."""
    found = {PurePosixPath(name).name: (PurePosixPath(name).name, name, locator) for name, locator in items}
    if len(found) < len(items):
        raise HarnessError(f"{archive} holds {len(items) - len(found)} file names in more than one folder; download it again")
    if parts.keys() - found.keys():
        raise HarnessError(
            f"{archive} lacks pictures of the partition file: {name_some(parts.keys() - found.keys())}; download it again"
        )
    if found.keys() - parts.keys():
        raise HarnessError(f"{archive} has pictures that the partition file lacks: {name_some(found.keys() - parts.keys())}")
    return {base: (name, locator) for base, name, locator in found.values()}
