"""Prepared images on disk: a directory of uint8 shards, and a manifest that says where they came from.

    <root>/manifest.json          see harness/data/manifest.py
    <root>/<split>-00000.npy      uint8 (n, 3, H, W), as many shards as needed, in order
    <root>/<split>-labels.npy     int64 (N,), only for labelled data

A split's sha256 covers the raw image bytes in order, without headers, so it does not depend on the sharding. Each shard also has
its own sha256, which is checked before any of its images is used.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.manifest import MANIFEST, read_manifest
from harness.data.npy import check_sha256, read_header, read_npy
from harness.errors import HarnessError, unknown_choice

OPEN_SHARDS = 512  # at a time: each needs a file descriptor, and a process often has only 1024


@dataclass(frozen=True)
class ShardFile:
    """One file of images."""

    file: Path
    count: int  # images in the file
    sha256: str  # of the whole file


class ImageArray:
    """One split, memory-mapped: uint8 (N, 3, H, W). `array[i]` gives (3, H, W). A slice or an int array gives (n, 3, H, W).

    HarnessError on access to a shard whose sha256 is wrong.
    """

    def __init__(
        self, shards: Sequence[ShardFile], image_shape: Sequence[int], sha256: str, labels: np.ndarray | None = None
    ) -> None:
        self.starts = np.concatenate([[0], np.cumsum([shard.count for shard in shards], dtype=np.int64)])
        self.shape: tuple[int, ...] = (int(self.starts[-1]), *image_shape)
        self.dtype = np.dtype(np.uint8)
        self.sha256 = sha256
        self.labels = labels  # int64 (N,) or None
        self.shards = list(shards)
        self._maps: OrderedDict[int, np.ndarray] = OrderedDict()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        if isinstance(index, int | np.integer):
            return self[np.array([index])][0]
        if isinstance(index, slice):
            index = np.arange(*index.indices(len(self)))
        index = np.asarray(index)
        if index.dtype == bool or (index.size and index.dtype.kind not in "iu") or index.ndim != 1:
            raise TypeError(f"given an index of dtype {index.dtype} and {index.ndim} axes; expected a list of whole numbers")
        return self._gather(index.astype(np.int64))

    def _gather(self, index: np.ndarray) -> np.ndarray:
        if index.size and (index.min() < -len(self) or index.max() >= len(self)):
            raise IndexError(f"index out of range for {len(self)} images")
        index = np.where(index < 0, index + len(self), index)
        out = np.empty((len(index), *self.shape[1:]), np.uint8)
        order = np.argsort(index, kind="stable")  # as they lie on the disk, so that it reads forward
        shards = np.searchsorted(self.starts, index[order], side="right") - 1
        for shard in np.unique(shards):
            where = order[shards == shard]
            out[where] = self._map(int(shard))[index[where] - self.starts[shard]]
        return out

    def _map(self, number: int) -> np.ndarray:
        if number not in self._maps:
            if len(self._maps) >= OPEN_SHARDS:
                self._maps.popitem(last=False)
            shard = self.shards[number]
            self._maps[number] = read_npy(shard.file, shard.sha256, _again(shard.file))
        self._maps.move_to_end(number)
        return self._maps[number]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": OrderedDict()}  # pickling a map would copy its shard


def open_split(root: Path | str, split: str) -> ImageArray:
    """The images of `split` under `root`. HarnessError if the manifest or a file is missing, or they do not fit together."""
    root = Path(root)
    manifest = read_manifest(root)
    if split not in manifest["splits"]:
        raise unknown_choice(f"split of {root}", split, manifest["splits"])
    entry, image_shape = manifest["splits"][split], tuple(manifest["image_shape"])
    shards = [ShardFile(root / shard["file"], shard["count"], shard["sha256"]) for shard in entry["shards"]]
    for shard in shards:
        _check_shard(shard.file, (shard.count, *image_shape))
    labels = None
    if entry["labels"]:
        file = root / entry["labels"]
        labels = np.array(read_npy(file, entry["labels_sha256"], _again(file)))
    return ImageArray(shards, image_shape, entry["sha256"], labels)


def damaged_files(root: Path | str) -> Iterator[str]:
    """Hashes every file under `root`. Yields one line for each file that differs from the manifest."""
    root, manifest = Path(root), read_manifest(root)
    for split in manifest["splits"].values():
        files = {shard["file"]: shard["sha256"] for shard in split["shards"]}
        if split["labels"]:
            files[split["labels"]] = split["labels_sha256"]
        for name, sha256 in files.items():
            try:
                check_sha256(root / name, sha256, _again(root / name))
            except (HarnessError, OSError) as error:
                yield str(error)


def _check_shard(file: Path, shape: tuple[int, ...]) -> None:
    """Compares the shard's header and length with the manifest, so that a missing or short file is found early."""
    try:
        with file.open("rb") as handle:
            found, dtype = read_header(handle)
            whole = file.stat().st_size - handle.tell() == int(np.prod(found)) * dtype.itemsize
        if not whole:
            raise ValueError("its length is not what its header says")
    except (FileNotFoundError, ValueError) as error:
        raise HarnessError(f"{file} cannot be read ({error}); {_again(file)}") from error
    if found != shape or dtype != np.uint8:
        raise HarnessError(f"{file} holds {dtype} {found}; its manifest says uint8 {shape}; {_again(file)}")


def _again(file: Path) -> str:
    return f"delete {file.parent} and prepare again"


def content_sha256(array: ImageArray, on_images: Callable[[int], None] | None = None) -> str:
    """Recomputes a split's content hash from its shards. Calls `on_images(n)` after reading n more images."""
    found = hashlib.sha256()
    for start in range(0, len(array), 256):
        piece = array[start : start + 256]
        found.update(piece.data)
        if on_images:
            on_images(len(piece))
    return found.hexdigest()


__all__ = ["MANIFEST", "ImageArray", "ShardFile", "content_sha256", "damaged_files", "open_split", "read_manifest"]
