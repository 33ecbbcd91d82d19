"""Speed and memory of the data preparation against a plain Pillow loop: `python -m pipelines.benches.data [--images 200000]`.

Both read the same archive of 178x218 JPEGs on the same cores. The plain loop decodes and resizes, and that is all; the
preparation also checks, hashes, shards and publishes. They alternate, and their pixels are compared. What is left is the result,
results/bench/<device>/data.json."""

import argparse
import io
import multiprocessing
import statistics
import tempfile
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from harness.data.archives import read_member
from harness.data.arrays import open_split
from harness.data.images import Recipe
from harness.data.manifest import library_versions
from harness.data.parallel import prepare_images
from harness.data.pool import available_cores
from harness.data.sources import ZipSource
from harness.errors import HarnessError, run_command
from harness.files import write_json
from harness.records.environment import device_slug, environment
from pipelines.benches.usage import measured

SIZE = (178, 218)
RESOLUTION = 64
DISTINCT = 64  # pictures made; the archive repeats them under other names
CHUNK = 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="ladabench bench data", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=200_000, help="pictures in the archive (default: 200,000)")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each (default: 2)")
    parser.add_argument("--scratch", type=Path, help="folder for the archive and the output (default: the system's)")
    arguments = parser.parse_args()
    if arguments.images < DISTINCT or arguments.repeats < 1:
        raise HarnessError(f"given {arguments.images} images, {arguments.repeats} repeats; expected at least {DISTINCT} and 1")
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
        archive = Path(folder) / "pictures.zip"
        make_archive(archive, arguments.images)
        result = compare(archive, Path(folder) / "prepared", arguments.repeats)
    device = environment()["device"]
    path = Path("results/bench") / device_slug(device) / "data.json"
    write_json(path, {"device": device, **result, "versions": library_versions(), "git": environment()["git"]})
    ours, plain = result["preparation"]["images_per_second"], result["plain_pillow"]["images_per_second"]
    ratios = f"ratio {result['ratio']:.3f} (processor time {result['cpu_ratio']:.3f})"
    print(f"preparation {ours:.0f} images/s, plain Pillow {plain:.0f} images/s, {ratios} -> {path}")


def make_archive(path: Path, count: int) -> None:
    """A zip of `count` JPEGs of about the size of CelebA's (7 kB): smooth colours under a little grain."""
    generator = np.random.default_rng(0)
    pictures = []
    for _ in range(DISTINCT):
        smooth = Image.fromarray(generator.integers(0, 256, (12, 10, 3), np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
        grain = generator.normal(0, 4, (SIZE[1], SIZE[0], 1))
        buffer = io.BytesIO()
        Image.fromarray(np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=80)
        pictures.append(buffer.getvalue())
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(count):
            archive.writestr(f"img_align_celeba/{i + 1:06d}.jpg", pictures[i % DISTINCT])


def compare(archive: Path, out: Path, repeats: int) -> dict:
    """Images/s (median) and peak memory of both, and the ratios of their speeds by the clock and by processor time.

    On a machine with other work only the latter means much."""
    prepared, plain = [], []
    for run in range(repeats):
        prepared.append(measured(lambda: prepare(archive, out)))
        if run == 0:
            check_pixels(archive, out)
        plain.append(measured(lambda: plain_pillow(archive)))
    images = len(open_split(out, "train"))
    return {
        "images": images,
        "source": f"{SIZE[0]}x{SIZE[1]} JPEG, {archive.stat().st_size // images} bytes each",
        "resolution": RESOLUTION,
        "processes": available_cores(),
        "repeats": repeats,
        "preparation": _summary(prepared, images),
        "plain_pillow": _summary(plain, images),
        "ratio": _ratio(prepared, plain, "seconds"),
        "cpu_ratio": _ratio(prepared, plain, "cpu_seconds"),
    }


def _ratio(prepared: list[dict], plain: list[dict], clock: str) -> float:
    """Median over pairs of neighbouring runs; 1 is as fast as the plain loop."""
    return statistics.median(other[clock] / ours[clock] for ours, other in zip(prepared, plain, strict=True))


def _summary(runs: list[dict], images: int) -> dict:
    rates = [images / run["seconds"] for run in runs]
    peak = max(run["peak_bytes"] for run in runs)
    cpu = [run["cpu_seconds"] for run in runs]
    return {"images_per_second": statistics.median(rates), "runs": rates, "cpu_seconds": cpu, "peak_bytes": peak}


def prepare(archive: Path, out: Path) -> None:
    """The preparation under test, from the archive's directory to the published output."""
    source = ZipSource(archive)
    recipe = Recipe(RESOLUTION, "squash", "bilinear", (SIZE,))
    prepare_images(out, "bench", {"train": source.items()}, source, recipe, {})


def plain_pillow(archive: Path) -> None:
    """Decodes and resizes every picture; the pixels are dropped."""
    items = ZipSource(archive).items()
    chunks = [(archive, items[start : start + CHUNK]) for start in range(0, len(items), CHUNK)]
    with ProcessPoolExecutor(available_cores(), mp_context=multiprocessing.get_context("spawn")) as executor:
        list(executor.map(_plain_chunk, chunks))


def _plain_chunk(chunk: tuple) -> None:
    archive, items = chunk
    with archive.open("rb") as file:
        for name, member in items:
            plain_picture(read_member(file, member, name))


def plain_picture(data: bytes) -> Image.Image:
    """The loop's body."""
    return Image.open(io.BytesIO(data)).convert("RGB").resize((RESOLUTION, RESOLUTION), Image.Resampling.BILINEAR)


def check_pixels(archive: Path, out: Path) -> None:
    """HarnessError unless the prepared pixels are the plain loop's; a time for wrong pixels would be worth nothing."""
    images, items = open_split(out, "train"), ZipSource(archive).items()
    with archive.open("rb") as file:
        for i in range(0, len(items), max(1, len(items) // 200)):
            name, member = items[i]
            expected = np.asarray(plain_picture(read_member(file, member, name))).transpose(2, 0, 1)
            if not np.array_equal(images[i], expected):
                raise HarnessError(f"the preparation of {name} differs from plain Pillow's; no time is reported")


if __name__ == "__main__":
    run_command(main)
