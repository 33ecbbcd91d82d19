"""Times our one-pass evaluation against torch-fidelity's FID alone: `python -m pipelines.bench_metrics --count 300`.

Both score the same random pictures with the same random Inception weights in one process, turn by turn; ours gives all five
scores. The scores of both are compared first: a timing of two different things is not printed. Peak memory is of our run alone,
in a process of its own. Prints one JSON object on stdout.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
import torch

from harness.cost.memory import PeakMemory
from harness.errors import HarnessError, run_command
from harness.metrics.extractors import load_extractor
from harness.metrics.features import features
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.scores import raw_scores

SEED = 0
SAME = 1e-3  # relative; torch-fidelity's root of a 2048 x 2048 product is not better than that where images are fewer


class Items(torch.utils.data.Dataset):
    """Images as torch-fidelity takes them: one uint8 (3, H, W) tensor per item."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.images[index])


def main(argv: list[str] | None = None) -> None:
    """Alternates the two and prints their times, or our peak memory alone."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench_metrics", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5000, help="generated, and reference, images (default: %(default)s)")
    parser.add_argument("--resolution", type=int, default=32, help="pixels (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="images per forward pass (default: %(default)s)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--memory-only", action="store_true", help="run ours once and print its peak memory in bytes")
    args = parser.parse_args(argv)
    if args.memory_only:
        print(peak_bytes(args))
        return
    print(json.dumps(compare(args), indent=1))


def pictures(count: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Generated and reference: smooth random pictures, uint8 (count, 3, resolution, resolution), of unlike brightness."""
    rng = np.random.default_rng(SEED)
    coarse = [rng.integers(0, top, (count, 3, 4, 4)) for top in (200, 256)]
    fine = [np.kron(part, np.ones((1, 1, resolution // 4, resolution // 4))) for part in coarse]
    return tuple(part.astype(np.uint8) for part in fine)


def ours(generated: np.ndarray, reference: np.ndarray, args: argparse.Namespace) -> tuple[dict[str, float], float, float]:
    """All five scores, total seconds, and the seconds among them that follow the two passes."""
    began = perf_counter()
    extractor = load_extractor("inception-v3", None, args.device, random_seed=SEED)
    seen = [features(images, extractor, args.batch, progress=False) for images in (generated, reference)]
    passed = perf_counter()
    values = raw_scores(*seen, PROTOCOLS["images-train"], args.device)
    ended = perf_counter()
    return values, ended - began, ended - passed


def theirs(generated: np.ndarray, reference: np.ndarray, args: argparse.Namespace, weights: Path) -> tuple[float, float]:
    """torch-fidelity's FID and its seconds."""
    from torch_fidelity import calculate_metrics

    began = perf_counter()
    found = calculate_metrics(
        input1=Items(generated),
        input2=Items(reference),
        fid=True,
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(weights),
        batch_size=args.batch,
        cuda=args.device != "cpu",
        cache=False,
        verbose=False,
    )
    return found["frechet_inception_distance"], perf_counter() - began


def compare(args: argparse.Namespace) -> dict[str, object]:
    """Median seconds of both, their ratio, and our peak memory."""
    from harness.metrics.inception import random_state

    generated, reference = pictures(args.count, args.resolution)
    turns = []
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "random.pth"
        torch.save(random_state(SEED), weights)
        for _ in range(args.repeats):
            cpu = [process_time()]
            values, seconds, scoring = ours(generated, reference, args)
            cpu.append(process_time())
            distance, other = theirs(generated, reference, args, weights)
            cpu.append(process_time())
            if abs(distance - values["fid"]) > SAME * abs(distance):
                raise HarnessError(f"ours is {values['fid']}, torch-fidelity's {distance}; expected one value; nothing is timed")
            turn = {"ours": seconds, "ours_after_the_passes": scoring, "torch_fidelity": other}
            turns.append({**turn, "ours_cpu": cpu[1] - cpu[0], "torch_fidelity_cpu": cpu[2] - cpu[1]})
            print(json.dumps(turns[-1]), file=sys.stderr)
    middle = {name: median(turn[name] for turn in turns) for name in turns[0]}
    return {
        "images": f"{args.count} generated + {args.count} reference, {args.resolution} pixels",
        "device": torch.cuda.get_device_name()
        if args.device != "cpu"
        else f"{platform.machine()}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "seconds": middle,
        "turns": turns,
        "ratio": middle["ours"] / middle["torch_fidelity"],
        "cpu_ratio": middle["ours_cpu"] / middle["torch_fidelity_cpu"],  # steadier on a busy machine
        "distance": {"ours": values["fid"], "torch_fidelity": distance},
        "our_peak_bytes": _peak_in_a_fresh_process(args),
    }


def _peak_in_a_fresh_process(args: argparse.Namespace) -> int:
    command = [sys.executable, "-m", "pipelines.bench_metrics", "--memory-only", "--count", str(args.count)]
    command += ["--resolution", str(args.resolution), "--batch", str(args.batch), "--device", args.device]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak_bytes(args: argparse.Namespace) -> int:
    """Most memory that our evaluation held on top of the imports and the pictures; the network counted."""
    generated, reference = pictures(args.count, args.resolution)
    peak = PeakMemory(torch.nn.Identity(), args.device)
    ours(generated, reference, args)
    return peak.peak_bytes()


if __name__ == "__main__":
    run_command(main)
