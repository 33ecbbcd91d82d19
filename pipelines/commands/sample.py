"""Pictures of a trained generator: `python -m harness.sample WEIGHTS --seeds 0-63 --grid FILE.png`.

WEIGHTS is a cell that was trained here, a folder of weights (a cell's run, what harness.publish made, the authors' own), or a
.safetensors file of one. One thread in pinned arithmetic: a seed gives the same picture on every x86-64 machine with AVX2,
whatever other seeds are asked for. Every output says how it was made, under the name `made_by`.
"""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from harness.arithmetic import arithmetic
from harness.device import use_threads
from harness.errors import HarnessError, run_command
from harness.files import atomic_path
from harness.frames import frame, write_gif
from harness.images import image_grid, write_png
from harness.metrics.adm import write_samples
from harness.progress import tracked
from harness.seeds import parse_seeds, seeds_text
from pipelines.seeded import LEAST_TRUNCATION, SeededPictures
from pipelines.weights import Weights, open_weights

PINNED = "x86-64-avx2"
GRID_MOST, FRAMES_MOST = 4096, 2000
MEMORY = 2**29  # bytes of pictures that are kept for a second output
SUFFIXES = {"grid": ".png", "npz": ".npz", "interpolation": ".gif"}
FOLDER_NAMES = "seed-*.png"  # all that --force removes of a folder


def main(argv: list[str] | None = None) -> None:
    """Makes the outputs, each whole or not at all."""
    args = parse(argv)
    seeds = parse_seeds(args.seeds)
    outputs = {name: path for name in (*SUFFIXES, "folder") if (path := getattr(args, name))}
    check_outputs(outputs, args.force)
    check_counts(outputs, len(seeds), args)
    weights = open_weights(args.weights, args.profile)
    use_threads(1)
    pictures = SeededPictures(weights.generator, seeds, args.truncation)
    if arithmetic() != PINNED:
        print(f"note: computed in {arithmetic()}; only {PINNED} gives the same bits on every machine", file=sys.stderr)
    made_by = facts(weights, args.truncation)
    write(pictures, outputs, args.steps, made_by)
    print(f"{weights.label}, sha256 {weights.sha256[:12]}: seeds {seeds_text(seeds)} in {', '.join(map(str, outputs.values()))}")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command's arguments."""
    description, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="python -m harness.sample", description=description, epilog=more)
    parser.add_argument("weights", metavar="WEIGHTS", help="a cell, or a folder or file of weights")
    parser.add_argument("--profile", help="of the cell, where several profiles trained one of this name")
    parser.add_argument("--seeds", required=True, help="one picture each: 0-63, or 1,5,9-12")
    parser.add_argument("--grid", type=Path, metavar="FILE.png", help="one PNG, eight pictures a row")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="a PNG a seed")
    parser.add_argument("--npz", type=Path, metavar="FILE.npz", help="for ADM's evaluator: arr_0, uint8 (N, H, W, 3)")
    help_gif = "from each seed to the next, with the attention maps of every block (column) and head (row)"
    parser.add_argument("--interpolation", type=Path, metavar="FILE.gif", help=help_gif)
    parser.add_argument("--steps", type=int, default=16, help="frames from one seed to the next (default: %(default)s)")
    parser.add_argument("--truncation", type=float, metavar="T", help="draw again what lies beyond T in a latent (default: none)")
    parser.add_argument("--force", action="store_true", help="replace outputs that exist")
    return parser.parse_args(argv)


def check_outputs(outputs: dict[str, Path], force: bool) -> None:
    """HarnessError unless the outputs have names of their kind and may be written."""
    if not outputs:
        raise HarnessError("no output is asked for; expected at least one of --grid, --folder, --npz, --interpolation")
    for name, path in outputs.items():
        if name == "interpolation" and path.suffix.lower() == ".mp4":
            raise HarnessError(f"--interpolation: given {path}; no library in requirements.lock writes MP4; name a .gif")
        if name in SUFFIXES and path.suffix.lower() != SUFFIXES[name]:
            raise HarnessError(f"--{name}: given {path}; expected a name that ends in {SUFFIXES[name]}")
        if path.is_dir() and (name != "folder" or any(not entry.match(FOLDER_NAMES) for entry in path.iterdir())):
            raise HarnessError(f"--{name}: {path} is a folder that this command did not make; name another place")
        if name == "folder" and path.is_file():
            raise HarnessError(f"--folder: {path} is a file; name another place")
        if path.exists() and not force:
            raise HarnessError(f"--{name}: {path} exists; name another place, or replace it with --force")
    places = {path.resolve() for path in outputs.values()}
    if len(places) < len(outputs) or any(parent in places for place in places for parent in place.parents):
        raise HarnessError(f"given {', '.join(map(str, outputs.values()))}; expected outputs that do not lie in each other")


def check_counts(outputs: dict[str, Path], count: int, args: argparse.Namespace) -> None:
    """HarnessError for numbers that an output cannot have."""
    if "grid" in outputs and count > GRID_MOST:
        raise HarnessError(f"--grid: given {count:,} seeds; expected at most {GRID_MOST:,}; use --folder or --npz")
    if "interpolation" in outputs and not (count > 1 and args.steps > 0 and (count - 1) * args.steps < FRAMES_MOST):
        raise HarnessError(
            f"--interpolation: given {count:,} seeds, --steps {args.steps}; expected at least 2 seeds and 1 step, "
            f"and at most {FRAMES_MOST:,} frames"
        )
    if args.truncation is not None and not args.truncation >= LEAST_TRUNCATION:
        raise HarnessError(f"--truncation: given {args.truncation}; expected at least {LEAST_TRUNCATION}")


def facts(weights: Weights, truncation: float | None) -> Callable[[Sequence[int]], str]:
    """Facts about an output, as JSON. They do not depend on the path of the weights."""
    fixed = {
        "weights_sha256": weights.sha256,
        "truncation": truncation,
        "arithmetic": arithmetic(),
        "torch": torch.__version__.partition("+")[0],
    }
    return lambda seeds: json.dumps({"seeds": seeds_text(seeds), **fixed}, allow_nan=False)


def write(pictures: SeededPictures, outputs: dict[str, Path], steps: int, made_by: Callable[[Sequence[int]], str]) -> None:
    """Writes the outputs. What several of them show is computed once."""
    stills = outputs.keys() - {"interpolation"}
    images: SeededPictures | np.ndarray = pictures
    if len(stills) > 1:
        if np.prod(pictures.shape) > MEMORY:
            raise HarnessError(f"given {len(pictures):,} pictures and {len(stills)} outputs; expected one output for so many")
        images = pictures[:]
    text = made_by(pictures.seeds)
    if "grid" in outputs:
        image_grid(images[:], outputs["grid"], scale=max(1, 32 // pictures.shape[-1]), text={"made_by": text})
    if "npz" in outputs:
        write_samples(outputs["npz"], images, text={"made_by": text})
    if "folder" in outputs:
        write_folder(images, pictures.seeds, outputs["folder"], made_by)
    if "interpolation" in outputs:
        frames = [frame(image, maps) for image, maps in pictures.between(steps)]
        write_gif(frames, outputs["interpolation"], json.dumps({"made_by": json.loads(text), "steps": steps}))


def write_folder(
    images: SeededPictures | np.ndarray, seeds: Sequence[int], folder: Path, made_by: Callable[[Sequence[int]], str]
) -> None:
    """Writes one PNG per seed. Each depends only on its own seed."""
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        for number, seed in enumerate(tracked(seeds, folder.name, "img")):
            picture = images[number : number + 1][0].transpose(1, 2, 0)  # (H, W, 3)
            write_png(picture, temporary / f"seed-{seed:06d}.png", {"made_by": made_by([seed])})


if __name__ == "__main__":
    run_command(main)
