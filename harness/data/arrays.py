"""Prepared images on disk: a directory of uint8 shards and a manifest that says where they came from.

    <root>/manifest.json          name, source, preparation, versions, splits
    <root>/<split>-00000.npy      uint8 (n, 3, H, W), as many shards as needed, in order
    <root>/<split>-labels.npy     int64 (N,), only for labelled data

A split's sha256 covers the raw image bytes in order (no headers), so it does not depend on how they were sharded.
"""

import hashlib
import json
import platform
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL
from PIL import features

from harness.errors import HarnessError, unknown_choice
from harness.files import write_json

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
OPEN_SHARDS = 512  # every map holds a file descriptor, of which a process often has only 1024


class ImageArray:
    """One split, memory-mapped: uint8 (N, 3, H, W). `array[i]` gives (3, H, W); a slice or an int array gives (n, 3, H, W)."""

    def __init__(self, files: list[Path], counts: list[int], image_shape: tuple[int, int, int], sha256: str, labels=None):
        self.starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self.shape = (int(self.starts[-1]), *image_shape)
        self.dtype = np.dtype(np.uint8)
        self.sha256 = sha256
        self.labels = labels  # int64 (N,) or None
        self._files = files
        self._maps: OrderedDict[int, np.ndarray] = OrderedDict()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index) -> np.ndarray:
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
        shards = np.searchsorted(self.starts, index, side="right") - 1
        for shard in np.unique(shards):
            where = shards == shard
            out[where] = self._map(int(shard))[index[where] - self.starts[shard]]
        return out

    def _map(self, shard: int) -> np.ndarray:
        if shard not in self._maps:
            if len(self._maps) >= OPEN_SHARDS:
                self._maps.popitem(last=False)
            self._maps[shard] = np.load(self._files[shard], mmap_mode="r", allow_pickle=False)
        self._maps.move_to_end(shard)
        return self._maps[shard]

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_maps": OrderedDict()}  # a map pickles as a copy of its shard


def open_split(root: Path | str, split: str) -> ImageArray:
    """The images of `split` under `root`. Raises HarnessError where the manifest or a shard is missing or does not fit."""
    root = Path(root)
    manifest = read_manifest(root)
    if split not in manifest["splits"]:
        raise unknown_choice(f"split of {root}", split, manifest["splits"])
    entry, image_shape = manifest["splits"][split], tuple(manifest["image_shape"])
    files = [root / shard["file"] for shard in entry["shards"]]
    counts = [shard["count"] for shard in entry["shards"]]
    for file, count in zip(files, counts, strict=True):
        _check_shard(file, (count, *image_shape))
    labels = np.load(root / entry["labels"], allow_pickle=False) if entry["labels"] else None
    return ImageArray(files, counts, image_shape, entry["sha256"], labels)


def read_manifest(root: Path | str) -> dict:
    """The manifest under `root`, or HarnessError."""
    path = Path(root) / MANIFEST
    if not path.is_file():
        raise HarnessError(f"no prepared images at {root}; expected {MANIFEST} there; run `python -m pipelines.prepare` first")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version, _, _ = manifest["schema_version"], manifest["image_shape"], manifest["splits"]
    except (ValueError, KeyError, TypeError) as error:
        raise HarnessError(f"{path} is not a manifest ({error!r}); delete {root} and prepare again") from error
    if version != SCHEMA_VERSION:
        raise HarnessError(f"{path} has schema version {version}; expected {SCHEMA_VERSION}; delete {root} and prepare again")
    return manifest


def _check_shard(file: Path, shape: tuple[int, ...]) -> None:
    try:
        found = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise HarnessError(f"{file} cannot be read ({error}); delete {file.parent} and prepare again") from error
    if found.shape != shape or found.dtype != np.uint8:
        given = f"{found.dtype} {found.shape}"
        raise HarnessError(f"{file} holds {given}; its manifest says uint8 {shape}; delete {file.parent} and prepare again")


class ArrayWriter:
    """Collects shards and labels in the directory `root`, then writes the manifest. `root` itself is made whole by the caller."""

    def __init__(self, root: Path, name: str, resolution: int):
        self.root, self.name = root, name
        self.image_shape = (3, resolution, resolution)
        self.splits: dict[str, dict] = {}
        self._hashes: dict[str, hashlib._Hash] = {}
        root.mkdir(parents=True, exist_ok=True)

    def add(self, split: str, images: np.ndarray) -> None:
        """Writes `images` uint8 (n, 3, H, W) as the split's next shard."""
        path = self.shard_path(split)
        np.save(path, np.ascontiguousarray(images), allow_pickle=False)
        self.add_written(split)

    def shard_path(self, split: str) -> Path:
        """Where the split's next shard belongs."""
        return self.root / f"{split}-{len(self._entry(split)['shards']):05d}.npy"

    def add_written(self, split: str) -> None:
        """Takes the file already lying at `shard_path(split)` as the split's next shard."""
        path, entry = self.shard_path(split), self._entry(split)
        with path.open("rb") as file:  # read, not mapped: a map keeps in memory what it has shown
            shape, dtype = _read_header(file)
            if dtype != np.uint8 or shape[1:] != self.image_shape:
                raise ValueError(f"given images {dtype} {shape}; expected uint8 (n, {self.image_shape})")
            while piece := file.read(1 << 20):
                self._hashes[split].update(piece)
        entry["shards"].append({"file": path.name, "count": shape[0]})
        entry["count"] += shape[0]
        entry["sha256"] = self._hashes[split].hexdigest()

    def add_labels(self, split: str, labels: np.ndarray) -> None:
        """Writes the split's labels (N,) as int64."""
        entry, labels = self._entry(split), np.ascontiguousarray(labels, np.int64)
        entry["labels"] = f"{split}-labels.npy"
        entry["labels_sha256"] = hashlib.sha256(labels).hexdigest()
        np.save(self.root / entry["labels"], labels, allow_pickle=False)

    def finish(self, source: dict, preparation: dict, versions: dict | None = None, **extra: object) -> None:
        """Writes the manifest: `source` (what was read, with its hash), `preparation` (every parameter that shaped a pixel)."""
        for split, entry in self.splits.items():
            if entry["labels"] and len(np.load(self.root / entry["labels"], mmap_mode="r")) != entry["count"]:
                raise ValueError(f"{split} has {entry['count']} images and another number of labels")
        manifest = {"schema_version": SCHEMA_VERSION, "name": self.name, "image_shape": self.image_shape, "source": source}
        manifest |= {"preparation": preparation, "versions": {**library_versions(), **(versions or {})}, **extra}
        write_json(self.root / MANIFEST, {**manifest, "splits": self.splits})

    def _entry(self, split: str) -> dict:
        self._hashes.setdefault(split, hashlib.sha256())
        fresh = {"count": 0, "sha256": hashlib.sha256().hexdigest(), "shards": [], "labels": None, "labels_sha256": None}
        return self.splits.setdefault(split, fresh)


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype of an .npy file in C order; the file is left at its first element."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if fortran:
        raise ValueError("given an array in Fortran order; expected C order")
    return shape, dtype


def library_versions() -> dict[str, str | None]:
    """Versions of what decodes, resizes and stores the images."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "libjpeg_turbo": features.version("libjpeg_turbo"),
        "webp": features.version("webp"),
    }


def content_sha256(array: ImageArray, on_images: Callable[[int], None] | None = None) -> str:
    """Recomputes a split's content hash from the shards; `on_images(n)` is called as images are read."""
    found = hashlib.sha256()
    for start in range(0, len(array), 256):
        piece = array[start : start + 256]
        found.update(piece)
        if on_images:
            on_images(len(piece))
    return found.hexdigest()
