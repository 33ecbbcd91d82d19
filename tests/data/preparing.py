"""Preparations of a small folder, in one process or several."""

from pathlib import Path

from harness.data import parallel
from harness.data.images import Recipe

RECIPE = Recipe(8, "squash", "box")
ROOT = Path(__file__).parents[2]


def prepare(source, out, recipe=RECIPE, cores=1, splits=None):
    items = source.items()
    before, parallel.available_cores = parallel.available_cores, lambda: cores
    splits = splits or {"train": items[:15], "test": items[15:]}
    try:
        parallel.prepare_images(out, "example", splits, source, recipe, {"resolution": 8})
    finally:
        parallel.available_cores = before


def contents(root):
    return {path.name: path.read_bytes() for path in root.iterdir()}


def count_decoded(monkeypatch):
    decoded, decode = [], Recipe.__call__
    monkeypatch.setattr(Recipe, "__call__", lambda self, data, name: decoded.append(name) or decode(self, data, name))
    return decoded
