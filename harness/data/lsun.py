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

PUBLISHED = "https://github.com/fyu/lsun (bedroom, train; unpack the zip archive)"


@dataclass(frozen=True)
class LsunParams:
    """`path` is the lmdb folder or a folder of pictures. `fit` crop takes the central square, then resizes; shorten resizes the
    shorter side, then takes the central square, as the ADM evaluator's authors did (the same at 256, where LSUN's shorter side is
    256 already). `count` other than the published one is for a part of the data."""

    resolution: int
    name: Literal["lsun"] = "lsun"
    path: str = "data/bedroom_train_lmdb"
    fit: Fit = "crop"
    resample: Resample = "box"
    count: int = 3_033_042

    def __post_init__(self) -> None:
        check_range("resolution", self.resolution, 4, 256)
        check_range("count", self.count, 1, 100_000_000)


def prepare_lsun(params: dict[str, Any], out: Path) -> None:
    """Writes the split train, in the order of the database's keys or of the relative paths, to `out`."""
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
    prepare_images(out, "lsun", {"train": items}, source, recipe, {**asdict(config), "path": path.name}, file=path.name)
