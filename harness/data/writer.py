"""Writes prepared images: first shards and labels, then the manifest."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.manifest import library_versions, write_manifest
from harness.data.npy import read_header, write_npy
from harness.errors import HarnessError

BLOCK = 1 << 20  # bytes read at a time


class ArrayWriter:
    """Collects shards and labels in the directory `root`, then writes the manifest. The caller renames `root` at the end."""

    def __init__(self, root: Path, name: str, resolution: int) -> None:
        self.root, self.name = root, name
        self.image_shape = [3, resolution, resolution]
        self.splits: dict[str, dict[str, Any]] = {}
        self._hashes: dict[str, Any] = {}  # of each split's image bytes so far
        root.mkdir(parents=True, exist_ok=True)

    def add(self, split: str, images: np.ndarray) -> None:
        """Writes `images` uint8 (n, 3, H, W) as the split's next shard."""
        self.add_written(split, write_npy(self.shard_path(split), images))

    def shard_path(self, split: str) -> Path:
        """Path of the split's next shard."""
        return self.root / f"{split}-{len(self._entry(split)['shards']):05d}.npy"

    def add_written(self, split: str, sha256: str) -> None:
        """Adds the file at `shard_path(split)` as the split's next shard. `sha256` is the hash with which it was written.

        HarnessError if its hash is different: then the disk has not kept what was written.
        """
        path, entry = self.shard_path(split), self._entry(split)
        images, whole = self._hashes[split].copy(), hashlib.sha256()
        with path.open("rb") as file:  # read, not mapped, because a map stays in memory
            shape, dtype = read_header(file)
            if dtype != np.uint8 or list(shape[1:]) != self.image_shape:
                raise ValueError(f"given images {dtype} {shape}; expected uint8 (n, {tuple(self.image_shape)})")
            start = file.tell()
            file.seek(0)
            whole.update(file.read(start))
            while piece := file.read(BLOCK):
                images.update(piece)
                whole.update(piece)
        if whole.hexdigest() != sha256:
            raise HarnessError(f"{path} is damaged: its sha256 is not the one it was written with; delete it and run again")
        self._hashes[split] = images
        entry["shards"].append({"file": path.name, "count": shape[0], "sha256": sha256})
        entry["count"] += shape[0]
        entry["sha256"] = images.hexdigest()

    def add_labels(self, split: str, labels: np.ndarray) -> None:
        """Writes the split's labels (N,) as int64."""
        entry, labels = self._entry(split), np.ascontiguousarray(labels, np.int64)
        entry["labels"] = f"{split}-labels.npy"
        entry["labels_count"] = len(labels)
        entry["labels_sha256"] = write_npy(self.root / entry["labels"], labels)

    def finish(
        self, source: dict[str, Any], preparation: dict[str, Any], versions: dict[str, str] | None = None, **extra: object
    ) -> None:
        """Writes the manifest. source: what was read, with its hash. preparation: every parameter that affects a pixel."""
        for split, entry in self.splits.items():
            if entry["labels"] and entry["labels_count"] != entry["count"]:
                raise ValueError(f"{split} has {entry['count']} images and another number of labels")
        manifest = {"name": self.name, "image_shape": self.image_shape, "source": source, "preparation": preparation}
        write_manifest(
            self.root, {**manifest, "versions": {**library_versions(), **(versions or {})}, **extra, "splits": self.splits}
        )

    def _entry(self, split: str) -> dict[str, Any]:
        self._hashes.setdefault(split, hashlib.sha256())
        fresh = {"count": 0, "sha256": hashlib.sha256().hexdigest(), "shards": [], "labels": None}
        return self.splits.setdefault(split, fresh)
