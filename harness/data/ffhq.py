"""FFHQ, 70,000 faces (https://github.com/NVlabs/ffhq-dataset): 1024x1024 pictures, or the publishers' own 128x128 thumbnails."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from harness.config import from_mapping
from harness.data.checks import check_range, name_some
from harness.data.download import require_file
from harness.data.images import Recipe, Resample
from harness.data.parallel import prepare_images
from harness.data.published_files import check_published
from harness.data.sources import FolderSource, ZipSource
from harness.errors import HarnessError

PUBLISHED = "https://github.com/NVlabs/ffhq-dataset"
Item = tuple[str, Any]
FOLDERS = ("images1024x1024", "thumbnails128x128")  # tried in this order below `path`


@dataclass(frozen=True)
class FfhqParams:
    """An entry of `data` for FFHQ."""

    name: Literal["ffhq"] = "ffhq"
    path: str = "data/ffhq"  # a zip archive or a folder; images1024x1024 or thumbnails128x128, or a folder that contains it
    resolution: int = 128  # side of the prepared images, in pixels
    resample: Resample = "box"  # filter of the resize; box is the mean over a pixel's area, as in the published thumbnails
    checksum: str | None = None  # of the archive
    count: int = 70_000  # pictures; change it only for a part of the data

    def __post_init__(self) -> None:
        check_range("resolution", self.resolution, 4, 1024)
        check_range("count", self.count, 1, 100_000)
        if self.checksum and not self.path.lower().endswith(".zip"):
            raise ValueError(f"checksum: given for {self.path}; expected only with a .zip archive")


def prepare_ffhq(params: dict[str, Any], out: Path) -> None:
    """Writes the split train to `out`, in the order of the pictures' numbers."""
    config = from_mapping(FfhqParams, params, "data")
    path = require_file(Path(config.path), PUBLISHED)
    source: ZipSource | FolderSource = ZipSource(path)
    if path.is_file():
        check_published(path, config.checksum)
    else:
        source = FolderSource(next((path / name for name in FOLDERS if (path / name).is_dir()), path))
    items = numbered(source.items(), config.count, path)
    recipe = Recipe(config.resolution, "squash", config.resample, ((1024, 1024), (128, 128)))
    prepare_images(out, "ffhq", {"train": items}, source, recipe, {**asdict(config), "path": path.name}, file=path.name)


def numbered(items: Sequence[Item], count: int, path: Path) -> list[Item]:
    """The items 00000.png, 00001.png, ... in order. HarnessError if one is missing or given twice, or if there are others."""
    wanted = {f"{i:05d}.png" for i in range(count)}
    found: dict[str, Item] = {}
    for item in items:
        name = PurePosixPath(item[0]).name
        if name in found:
            raise HarnessError(f"{path} holds {name} twice, as {found[name][0]} and {item[0]}; keep one set of pictures")
        found[name] = item
    if wanted - found.keys():
        raise HarnessError(f"{path} lacks {len(wanted - found.keys())} of {count} pictures: {name_some(wanted - found.keys())}")
    if found.keys() - wanted:
        raise HarnessError(f"{path} holds pictures that are not of FFHQ's first {count}: {name_some(found.keys() - wanted)}")
    return [found[name] for name in sorted(wanted)]
