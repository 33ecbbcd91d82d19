"""Latency and peak memory of every attention mechanism against the number of tokens: `python -m pipelines.benches.attention`.

Writes results/bench/<device>/attention.{csv,json,png,svg}. `--train` times training steps instead (pipelines.benches.train).
"""

import argparse
import csv
import json
import os
import sys
import time
from dataclasses import asdict, fields
from pathlib import Path

from tqdm import tqdm

from baselines.attention import ATTENTIONS
from harness.cost.probe import CLOCKS, FORWARD, MODES, Worker
from harness.cost.scaling import Bounds, Point, measure_grid
from harness.cost.scaling_figure import draw_curves, read_points
from harness.device import check_device, default_device
from harness.errors import HarnessError, run_command, unknown_choice
from harness.files import atomic_path, write_json
from harness.progress import is_quiet, tracked
from harness.records.environment import device_slug, environment
from pipelines.benches.attention_summary import COMPARED_AT, COMPARED_DIM, FAST, RIVALS, summarise

STAGES = ((1024, 4), (256, 4), (64, 4))  # (dim, heads) of the three blocks in the paper's generators
GRIDS = (8, 16, 32, 64, 128, 256)
PASSES_PER_LADDER = 3  # average time of one curve, in passes of its largest allowed size


def main() -> None:
    if "--train" in sys.argv:
        from pipelines.benches.train import main as bench_train

        return bench_train([argument for argument in sys.argv[1:] if argument != "--train"])
    arguments = _parse(sys.argv[1:])
    if arguments.redraw:
        return redraw(arguments.redraw)
    folder = bench(arguments)
    print(f"{folder}/attention.csv, .json, .png and .svg")


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ladabench bench attention", description=__doc__)
    parser.add_argument("--redraw", type=Path, metavar="DIR", help="only draw the figure of DIR/attention.csv again")
    parser.add_argument("--mechanisms", default=",".join(ATTENTIONS), help="names of the registry, by commas (default: all)")
    parser.add_argument("--max-tokens", type=int, default=GRIDS[-1] ** 2, help="largest N, tokens (default: 65,536)")
    parser.add_argument("--seconds", type=float, default=220.0, help="seconds to spend, roughly (default: 220)")
    parser.add_argument("--pass-seconds", type=float, help="most seconds of one pass (default: what --seconds leaves each curve)")
    parser.add_argument("--memory-gib", type=float, default=2.0, help="most GiB of one pass (default: 2)")
    parser.add_argument(
        "--device", type=check_device, default=default_device(), help="cpu, cuda or cuda:NUMBER (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="CPU threads; more disturb the other mechanisms' processes (default: 1)"
    )
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="process: CPU time, for a machine under other load (default: %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("results/bench"), help="folder of the devices' folders (default: %(default)s)"
    )
    return parser.parse_args(argv)


def bench(arguments: argparse.Namespace) -> Path:
    """Checks, measures, summarises and writes. Returns the device's folder. HarnessError for a bad argument or a failed check."""
    names = list(dict.fromkeys(arguments.mechanisms.split(",")))
    for name in names:
        if name not in ATTENTIONS:
            raise unknown_choice("mechanism", name, ATTENTIONS)
    grids = [grid for grid in GRIDS if grid**2 <= arguments.max_tokens]
    if not grids or min(arguments.seconds, arguments.memory_gib, arguments.threads, arguments.pass_seconds or 1) <= 0:
        raise HarnessError(f"given --max-tokens {arguments.max_tokens} or a limit of 0 or less; expected N >= {GRIDS[0] ** 2}")
    if arguments.clock == "process" and arguments.device != "cpu":
        raise HarnessError("given --clock process with an accelerator, whose work it does not see; use --clock wall")
    start = time.perf_counter()
    points, failures, bounds = measure(names, grids, arguments)
    device = environment()["device"]
    folder = arguments.out / device_slug(device)
    result = {
        "device": device,
        "cores": os.cpu_count(),
        "threads": arguments.threads,
        "clock": arguments.clock,
        "load_average": os.getloadavg()[1] if hasattr(os, "getloadavg") else None,
        "torch_device": arguments.device,
        "wall_seconds": round(time.perf_counter() - start, 1),
        "bounds": {"run_seconds": arguments.seconds, "pass_seconds": bounds.seconds, "memory_gib": bounds.memory_gib},
        "failed_checks": failures,
        **summarise(points),
        "versions": environment()["versions"],
        "git": environment()["git"],
    }
    write(folder, points, result)
    report(result)
    if failures:
        raise HarnessError(f"no timing for {', '.join(failures)}: {'; '.join(failures.values())}; correct it or its reference()")
    return folder


def bounds_for(arguments: argparse.Namespace, mechanisms: int) -> Bounds:
    """The time bound that shares `--seconds` among all curves. The comparison with the fused Lada has no bound."""
    share = arguments.seconds / (mechanisms * len(STAGES) * len(MODES) * PASSES_PER_LADDER)
    exempt = {(name, FORWARD, n, COMPARED_DIM) for name in (FAST, *RIVALS) for n in COMPARED_AT}
    deadline = time.monotonic() + arguments.seconds
    return Bounds(arguments.pass_seconds or share, arguments.memory_gib, deadline, frozenset(exempt))


def measure(names: list[str], grids: list[int], arguments: argparse.Namespace) -> tuple[list[Point], dict[str, str], Bounds]:
    """Points of the mechanisms that pass their check, {name: what differs} of the others, and the bounds."""
    workers: dict[str, Worker] = {}
    failures: dict[str, str] = {}
    try:
        for name in tracked(names, "checks against reference()", "mechanisms"):
            worker = Worker(ATTENTIONS[name], arguments.device, arguments.threads, arguments.clock)
            failure = worker.check()
            if failure:
                failures[name] = failure
                worker.close()
            else:
                workers[name] = worker
        with tqdm(total=len(STAGES) * len(grids) * len(MODES), desc="timing", disable=is_quiet() or None) as bar:

            def step(text: str) -> None:
                bar.set_postfix_str(text)
                bar.update()

            bounds = bounds_for(arguments, max(1, len(workers)))
            return measure_grid(workers, ATTENTIONS, STAGES, grids, bounds, step), failures, bounds
    finally:
        for worker in workers.values():
            worker.close()


def write(folder: Path, points: list[Point], result: dict) -> None:
    """Writes the curves as CSV, the summary as JSON, and the figure as PNG and SVG."""
    columns = [f.name for f in fields(Point) if f.name != "samples"]
    with atomic_path(folder / "attention.csv") as path, path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(p) | {"skipped": f"skipped: {p.skipped}" if p.skipped else None} for p in points)
    write_json(folder / "attention.json", result)
    if points:
        draw(folder, points, result)


def redraw(folder: Path) -> None:
    """Draws the figure again from the curves in `folder`; HarnessError where there are none."""
    if not (folder / "attention.csv").is_file() or not (folder / "attention.json").is_file():
        raise HarnessError(f"--redraw: no attention.csv and attention.json in {folder}; expected results/bench/DEVICE")
    result = json.loads((folder / "attention.json").read_text(encoding="utf-8"))
    draw(folder, read_points(folder / "attention.csv"), result)


def draw(folder: Path, points: list[Point], result: dict) -> None:
    """Writes attention.png and attention.svg."""
    titles = {name: ATTENTIONS[name].title for name in dict.fromkeys(p.mechanism for p in points) if name in ATTENTIONS}
    paths = [folder / f"attention.{suffix}" for suffix in ("png", "svg")]
    draw_curves(points, titles, f"{result['device']}, {result['threads']} threads", paths)


def report(result: dict) -> None:
    """Prints the exponents at the compared width, and the speed-ups."""
    for row in result["exponents"]:
        if row["dim"] == COMPARED_DIM and row["mode"] == FORWARD and row["seconds"]:
            slopes = f"seconds ~ N^{row['seconds']:.2f}, MACs ~ N^{row['macs']:.2f}"
            print(f"{row['mechanism']:>18}  {slopes}  (forward, d = {row['dim']}, N >= 1024)")
    for row in result["speedups"]:
        interval = f"{row['low']:.2f} to {row['high']:.2f}"
        print(f"{row['of']} is {row['ratio']:.2f} times as fast as {row['over']} at N = {row['num_tokens']:,} ({interval})")


if __name__ == "__main__":
    run_command(main)
