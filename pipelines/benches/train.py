"""Images per second of training and inference against the authors' step: `python -m pipelines.benches.attention --train`.

All contenders alternate in one process on one machine; one that fails its comparison with the reference is not timed.
Writes results/bench/<device>/train.json and infer.json.
"""

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from harness.cost.memory import PeakMemory
from harness.device import check_device, default_device
from harness.errors import run_command, unknown_choice
from harness.files import write_json
from harness.progress import is_quiet
from harness.records.environment import device_slug, environment
from pipelines.benches.contenders import PRECISIONS, Contender, inference, training
from pipelines.benches.traffic import copy_rate, matmul_rate

CONTENDERS = tuple(f"{who}/{precision}" for who in ("authors", "eager", "compiled") for precision in PRECISIONS)


def main(argv: list[str] | None = None) -> None:
    """Measures, writes and prints; what cannot run here is said on stderr and left out."""
    args = _parse(argv)
    torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    clock = clock_of(args.clock, device)
    device_name = environment()["device"]
    machine = {"device": device_name, "torch": torch.__version__, "threads": args.threads, "clock": args.clock}
    rates = {precision: matmul_rate(device, precision, clock) for precision in ("fp32", "bf16")}
    machine |= {"matmul_macs_per_s": rates, "copy_bytes_per_s": copy_rate(device, clock)}
    out = args.out / device_slug(device_name)
    for name in args.tasks:
        prepare, batches = {"train": (training, [args.batch]), "infer": (inference, [1, args.batch])}[name]
        rows = []
        for resolution, batch in itertools.product(args.resolutions, batches):
            contenders = race(args, prepare, resolution, batch, device, clock)
            rows += [row(contender, contenders[0], resolution, batch, machine) for contender in contenders]
        write_json(out / f"{name}.json", {**machine, "environment": environment(), "rows": rows})
        for values in rows:
            print(LINE.format(task=name, **values))
    print(f"{' and '.join(args.tasks)} written to {out}")


LINE = (
    "{task:5} {engine:8} {precision:4} {resolution:3} px, batch {batch:3}: {images_per_s:9.2f} images/s, "
    "{ratio_to_authors:.2f}x the authors' ({ratio_low:.2f} to {ratio_high:.2f}), peak {peak_bytes:,} bytes, "
    "{share_of_matmul_peak} of the matrix product's MACs/s, {share_of_copy_peak} of the copy's bytes/s"
)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ladabench bench attention --train", description=__doc__)
    parser.add_argument(
        "--contenders",
        type=lambda text: text.split(","),
        default=list(CONTENDERS),
        help="names, by commas; the first is the yardstick (default: all)",
    )
    parser.add_argument(
        "--tasks", nargs="+", choices=("train", "infer"), default=["train", "infer"], help="what is timed (default: both)"
    )
    parser.add_argument(
        "--resolutions",
        type=lambda text: [int(word) for word in text.split(",")],
        default=[32, 64],
        help="pixels a side, by commas (default: 32,64)",
    )
    parser.add_argument("--batch", type=int, default=16, help="images a step (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="timed steps of each contender (default: %(default)s)")
    parser.add_argument(
        "--device", type=check_device, default=default_device(), help="cpu, cuda or cuda:NUMBER (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=1, help="of the CPU (default: %(default)s)")
    parser.add_argument(
        "--clock",
        choices=("wall", "process"),
        default="wall",
        help="process: CPU time, on a machine under load (default: %(default)s)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("results/bench"), help="folder of the devices' folders (default: %(default)s)"
    )
    args = parser.parse_args(argv)
    for name in args.contenders:
        if name not in CONTENDERS:
            raise unknown_choice("contender", name, CONTENDERS)
    return args


def race(
    args: argparse.Namespace, prepare: Callable, resolution: int, batch: int, device: torch.device, clock: Callable[[], float]
) -> list[Contender]:
    """Every contender warmed up, then all of them in turn, args.rounds times."""
    contenders = []
    for name in args.contenders:
        try:
            contender = prepare(*name.split("/"), resolution, batch, device)
            contender.step()
            contender.peak_bytes = peak_of(contender.step, device)
        except Exception as error:  # compilers fail in many ways; the others can still be measured
            if name == args.contenders[0]:
                raise
            print(f"{name} at {resolution}: not measured ({' '.join(str(error).split())[:200]})", file=sys.stderr, flush=True)
        else:
            contenders.append(contender)
            if not is_quiet():
                print(f"{name} at {resolution}, batch {batch}: ready", file=sys.stderr, flush=True)
    for _ in range(args.rounds):
        for contender in contenders:
            start = clock()
            contender.step()
            contender.seconds.append(clock() - start)
    return contenders


def peak_of(step: Callable[[], object], device: torch.device) -> int:
    """Most bytes of tensors that one run of `step` needs on top of what lies in memory before it, by torch's allocator."""
    if device.type == "cuda":
        memory = PeakMemory(nn.Identity(), device)
        step()
        return memory.peak_bytes()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as profiler:
        step()
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    return max(itertools.accumulate(event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())), default=0)


def row(contender: Contender, authors: Contender, resolution: int, batch: int, machine: dict) -> dict:
    """Medians over the rounds; the ratio is the median of the rounds' ratios, from its lowest to its highest."""
    seconds = statistics.median(contender.seconds)
    ratios = [theirs / ours for theirs, ours in zip(authors.seconds, contender.seconds, strict=True)]
    peak = machine["matmul_macs_per_s"]["bf16" if contender.precision == "bf16" else "fp32"]
    traffic = contender.traffic
    return {
        "engine": contender.engine,
        "precision": contender.precision,
        "resolution": resolution,
        "batch": batch,
        "images_per_s": batch / seconds,
        "ratio_to_authors": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "peak_bytes": contender.peak_bytes,
        "share_of_matmul_peak": round(authors.traffic.macs / seconds / peak, 4) if authors.traffic else None,
        "share_of_copy_peak": round(traffic.moved_bytes / seconds / machine["copy_bytes_per_s"], 4) if traffic else None,
        "rounds": len(ratios),
    }


def clock_of(name: str, device: torch.device) -> Callable[[], float]:
    """Seconds, after the device has finished its work."""
    read = time.perf_counter if name == "wall" else time.process_time

    def clock() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        return read()

    return clock


if __name__ == "__main__":
    run_command(main)
