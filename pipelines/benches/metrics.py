"""Times our one-pass evaluation against torch-fidelity's FID alone: `python -m pipelines.benches.metrics --count 300`.

Both score the same random pictures with the same random Inception weights in one process, turn by turn; ours gives all five
scores. A timing of two different things is not printed: torch-fidelity's own distance is compared with ours, and our formulas
must find the same distance, precision and recall in its features. Peak memory is of our first run, which comes before any of
theirs. What is left is the result, results/bench/<device>/metrics.json.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from harness.cost.memory import PeakMemory
from harness.errors import HarnessError, run_command
from harness.metrics.extractors import Extractor
from harness.metrics.features import Features, features
from harness.metrics.protocol import PROTOCOLS
from harness.metrics.scores import raw_scores
from harness.progress import is_quiet
from harness.records.environment import environment
from pipelines.benches.fidelity import Pair, kept_pools, torch_fidelitys_fid
from pipelines.benches.places import add_places, write_result

State = dict[str, torch.Tensor]
SEED = 0
SAME = 1e-3  # relative; for fewer images than 2048, torch-fidelity's matrix root is no more precise
SAME_FEATURES = 1e-5  # relative distance of FID by one formula in the features of both; precision and recall are equal


def main(argv: list[str] | None = None) -> None:
    """Alternates the two. Writes their times, ratios and our peak memory, and prints the ratio."""
    parser = argparse.ArgumentParser(prog="ladabench bench metrics", description=main.__doc__)
    parser.add_argument("--count", type=int, default=5000, help="generated, and reference, images (default: %(default)s)")
    parser.add_argument("--resolution", type=int, default=32, help="pixels a side (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="images per forward pass (default: %(default)s)")
    add_places(parser)
    args = parser.parse_args(argv)
    provenance = environment()  # read first, because the tree may change during a long run
    result = compare(args)
    path = write_result(args.out, "metrics", result, provenance)
    ratio, peak = result["ratio"], result["our_peak_bytes"]
    shares = f"{ratio['seconds']['whole']:.3f} of the time, {ratio['cpu_seconds']['whole']:.3f} of the processor time"
    print(f"all five scores take {shares} of torch-fidelity's FID alone, peak {peak / 2**20:,.0f} MiB -> {path}")


def pictures(count: int, resolution: int) -> Pair:
    """Generated and reference images: smooth random pictures of unequal brightness, uint8 (count, 3, resolution, resolution)."""
    rng = np.random.default_rng(SEED)
    coarse = [rng.integers(0, top, (count, 3, 4, 4)) for top in (200, 256)]
    fine = [np.kron(part, np.ones((1, 1, resolution // 4, resolution // 4))) for part in coarse]
    generated, reference = (part.astype(np.uint8) for part in fine)
    return generated, reference


def ours(images: Pair, state: State, args: argparse.Namespace) -> tuple[dict[str, float], list[Features], list[np.ndarray]]:
    """All five scores, the features, and the clocks at the start, after the passes and at the end."""
    from harness.metrics.inception import from_state

    times = [clocks()]
    extractor = Extractor("inception-v3", "inception-v3-random", "", from_state(state).to(args.device))
    seen = [features(part, extractor, args.batch, progress=False) for part in images]
    times.append(clocks())
    values = raw_scores(seen[0], seen[1], PROTOCOLS["images-train"], args.device)
    return values, seen, [*times, clocks()]


def turn(images: Pair, state: State, weights: Path, args: argparse.Namespace) -> dict[str, float]:
    """Times of one run of each. HarnessError if their scores differ, because then the times are not comparable."""
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    memory = PeakMemory(torch.nn.Identity(), args.device)
    values, seen, (began, passed, ended) = ours(images, state, args)
    peak = memory.peak_bytes()
    with tempfile.TemporaryDirectory() as cache:
        times = [clocks()]
        distance = torch_fidelitys_fid(images, weights, args.batch, args.device, Path(cache))
        times.append(clocks())
        pools = kept_pools(Path(cache))
    further = compare_scores(values, [replace(part, pool=pool) for part, pool in zip(seen, pools, strict=True)], args)
    fitted = (fid_features_to_statistics(torch.from_numpy(part.pool)) for part in seen)
    fid_statistics_to_metric(*fitted, verbose=False)
    times.append(clocks())
    if abs(distance - values["fid"]) > SAME * abs(distance):
        raise HarnessError(f"ours is {values['fid']}, torch-fidelity's {distance}; expected one value; nothing is timed")
    spans = {"ours": ended - began, "ours_after_the_passes": ended - passed}
    spans |= {"theirs": times[1] - times[0], "theirs_after_the_passes": times[2] - times[1]}
    found = {"our_distance": values["fid"], "their_distance": distance}
    found |= {"relative_in_their_features": further, "our_peak_bytes": peak}
    for number, clock in enumerate(("seconds", "cpu_seconds")):
        found |= {f"{name}_{clock}": float(span[number]) for name, span in spans.items()}
    return found


def compare_scores(values: dict[str, float], their_features: list[Features], args: argparse.Namespace) -> float:
    """Relative distance of our FID from that of the same formula in torch-fidelity's features.

    HarnessError if it is more than SAME_FEATURES, or if precision or recall differ at all."""
    expected = raw_scores(their_features[0], their_features[1], PROTOCOLS["images-train"], args.device)
    further = abs(values["fid"] - expected["fid"]) / expected["fid"]
    same = all(values[name] == expected[name] for name in ("precision", "recall"))
    if further > SAME_FEATURES or not same:
        named = [{name: found[name] for name in ("fid", "precision", "recall")} for found in (values, expected)]
        raise HarnessError(f"our features give {named[0]}, torch-fidelity's {named[1]}; expected one result; nothing is timed")
    return further


def clocks() -> np.ndarray:
    """Wall-clock and CPU seconds (2,). CPU seconds vary less on a busy machine."""
    return np.array([perf_counter(), process_time()])


def compare(args: argparse.Namespace) -> dict[str, Any]:
    """Median times of both, their ratios, and our peak memory beyond imports, pictures and weights."""
    from harness.metrics.inception import random_state

    images, state, turns = pictures(args.count, args.resolution), random_state(SEED), []
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "random.pth"
        torch.save(state, weights)
        for _ in range(args.repeats):
            turns.append(turn(images, state, weights, args))
            if not is_quiet():
                print(json.dumps(turns[-1]), file=sys.stderr)
    middle = {name: median(one[name] for one in turns) for name in turns[0] if name != "our_peak_bytes"}
    return {
        "images": f"{args.count} generated + {args.count} reference, {args.resolution} pixels",
        "threads": torch.get_num_threads(),
        "batch": args.batch,
        "turns": turns,
        "median": middle,
        "ratio": {clock: ratios(middle, clock) for clock in ("seconds", "cpu_seconds")},
        "our_peak_bytes": turns[0]["our_peak_bytes"],
    }


def ratios(middle: dict[str, float], clock: str) -> dict[str, float]:
    """Our time over theirs, for the whole run, and for the passes over the images alone."""
    whole, scoring = ([middle[f"{side}{part}_{clock}"] for side in ("ours", "theirs")] for part in ("", "_after_the_passes"))
    ours_passes, their_passes = (total - last for total, last in zip(whole, scoring, strict=True))
    return {"whole": whole[0] / whole[1], "passes": ours_passes / their_passes}


if __name__ == "__main__":
    run_command(main)
