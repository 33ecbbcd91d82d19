"""Made tests/checkpoints/published/ from two checkpoints that TensorFlow 2.13.1 wrote (random weights, small widths).

`python tests/checkpoints/reduce.py FROM` takes the folder that holds pixel32 and decoder128 with all that TensorFlow computed of
them. Only what the tests need is kept, so that it stays small: of pixel32 no raw generator and no discriminator, of decoder128 no
moments of Adam and no object graph, of the expected values some images and rows. Every kept tensor is held to the CRC-32C
that TensorFlow itself stored, so the values are TensorFlow's; the files around them are bundle_writer's.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
from bundle_writer import write_bundle

from harness.checkpoints.bundle import bundle_files, read_bundle
from harness.checkpoints.table import read_table
from harness.checkpoints.wire import fields

HERE = Path(__file__).parent
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
LEFT_OUT = {"pixel32": ("generator/", "discriminator/"), "decoder128": ("g_optimizer/_var", "d_optimizer/_var", GRAPH)}
ROWS = [*range(4), *range(62, 66), *range(124, 128)]  # of decoder128's images: the edges, and where decoder rows meet
EXPECTED = {
    "pixel32": {"z": slice(6), "out": slice(2), "out_uint8": slice(6), "maps": slice(2)},
    "decoder128": {"z": slice(6), "out": (slice(2), ROWS), "out_uint8": (slice(6), ROWS), "out_generator": (slice(2), ROWS)}
    | {"maps": slice(1), "d_x": slice(1), "d_out": slice(1)},
}


def main(source: Path) -> None:
    """Writes both folders again."""
    for name in EXPECTED:
        out = HERE / "published" / name
        shutil.rmtree(out, ignore_errors=True)
        reduce_bundle(name, next(source.glob(f"{name}/*/ckpt-*.index")).with_suffix(""), out / "best-training-checkpoints")
        shutil.copyfile(source / name / "config.json", out / "config.json")
        np.savez(out / "expected.npz", **expected(name, source / name))
    shutil.copyfile(next(source.glob("pixel32/*/ckpt-*.index")), HERE / "published" / "pixel32-as-written.index")


def reduce_bundle(name: str, prefix: Path, out: Path) -> None:
    """The checkpoint `prefix` without what is left out."""
    index, data = bundle_files(prefix)
    tensors = dict(read_bundle(prefix))
    graph = fields(read_table(index.read_bytes())[GRAPH.encode()])
    start, size = graph[4][0], graph[5][0]
    tensors[GRAPH] = data.read_bytes()[start : start + size][7:]  # after 3 bytes of length and 4 of its CRC
    kept = {key: tensor for key, tensor in tensors.items() if not key.startswith(LEFT_OUT[name])}
    write_bundle(out / prefix.name, kept)
    shutil.copyfile(prefix.parent / "checkpoint", out / "checkpoint")
    before, after = (read_table(bundle_files(path)[0].read_bytes()) for path in (prefix, out / prefix.name))
    for key in after:
        if {**fields(before[key]), 4: 0} != {**fields(after[key]), 4: 0}:  # all but the place in the file
            sys.exit(f"error: {key!r} is no longer what TensorFlow wrote")


def expected(name: str, folder: Path) -> dict[str, np.ndarray]:
    """What TensorFlow computed: z and images as (B, H, W, 3), the maps (B, heads, N), the discriminator's input and output."""
    maps = np.load(folder / "maps.npz")
    arrays = {path.stem: np.load(path) for path in folder.glob("*.npy")} | {key: maps[key] for key in maps}
    wanted = EXPECTED[name]
    picked = {key: wanted.get("maps" if key.startswith("map") else key) for key in arrays}
    return {key: arrays[key][part] for key, part in picked.items() if part is not None}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
