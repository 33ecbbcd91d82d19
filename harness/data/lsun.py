"""LSUN bedroom, training part (https://github.com/fyu/lsun): the lmdb export, or a folder of pictures."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from harness.config import from_mapping
from harness.data.checks import check_count, check_range
from harness.data.download import require_file
from harness.data.images import Fit, Recipe, Resample
from harness.data.parallel import prepare_images
from harness.data.sources import FolderSource, LmdbSource

TOLERATED = 1 / 10_000  # share of pictures that may be left out because they cannot be decoded: 303 of three million
PUBLISHED = "https://github.com/fyu/lsun (bedroom, train; unpack the zip archive)"


@dataclass(frozen=True)
class LsunParams:
    """An entry of `data` for LSUN bedroom."""

    resolution: int  # side of the prepared images, in pixels
    name: Literal["lsun"] = "lsun"
    path: str = "data/bedroom_train_lmdb"  # the lmdb folder, or a folder of pictures
    fit: Fit = "crop"  # see images.Recipe; at 256 crop and shorten are the same, because LSUN's shorter side is 256
    resample: Resample = "box"  # filter of the resize
    count: int = 3_033_042  # pictures; change it only for a part of the data

    def __post_init__(self) -> None:
        check_range("resolution", self.resolution, 4, 256)
        check_range("count", self.count, 1, 100_000_000)


def prepare_lsun(params: dict[str, Any], out: Path) -> None:
    """Writes the split train to `out`, in the order of the database's keys or of the relative paths."""
    config = from_mapping(LsunParams, params, "data")
    path = require_file(Path(config.path), PUBLISHED)
    database = path / "data.mdb"
    source: LmdbSource | FolderSource = FolderSource(path)
    if database.is_file():
        status = database.stat()
        source = LmdbSource(path, (status.st_size, status.st_mtime_ns))
    items = source.items()
    check_count(len(items), config.count, "pictures", path)
    recipe = Recipe(config.resolution, config.fit, config.resample)
    spare = int(TOLERATED * len(items))
    prepare_images(out, "lsun", {"train": items}, source, recipe, {**asdict(config), "path": path.name}, spare, file=path.name)
