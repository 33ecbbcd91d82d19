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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from harness.cost.memory import PeakMemory
from harness.device import check_device, default_device
from harness.errors import HarnessError, run_command, unknown_choice
from harness.files import write_json
from harness.records.environment import device_slug, environment
from harness.training.config import TrainConfig
from harness.training.engines import ENGINES
from harness.training.engines.inference import fast_generator
from harness.training.engines.verify import verify_engine
from harness.training.randomness import draw_step, move_draws
from lada.accelerate import use_fused_attention
from lada.configs import PAPER_DISCRIMINATORS, PAPER_GENERATORS
from lada.discriminator import Discriminator
from lada.generator import Generator
from pipelines.benches.authors_step import authors_step, build_authors
from pipelines.benches.traffic import Traffic, copy_rate, count_traffic, matmul_rate

CONTENDERS = ("authors/fp32", "authors/tf32", "authors/bf16", "eager/fp32", "eager/bf16", "compiled/fp32", "compiled/bf16")
NOISE_DIM = 128
INFERENCE_BOUNDS = {"fp32": 1e-4, "tf32": 1e-2, "bf16": 5e-2}  # on |images - plain| / |plain|


@dataclass
class Contender:
    """step: one training step or one inference; seconds: of each timed run."""

    engine: str
    precision: str
    step: Callable[[], object]
    traffic: Traffic | None = None
    peak_bytes: int = 0
    seconds: list[float] = field(default_factory=list)


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
    parser = argparse.ArgumentParser(prog="python -m pipelines.benches.attention --train", description=__doc__)
    parser.add_argument(
        "--contenders", type=lambda text: text.split(","), default=list(CONTENDERS), help="the first is the yardstick"
    )
    parser.add_argument("--tasks", nargs="+", choices=("train", "infer"), default=["train", "infer"])
    parser.add_argument("--resolutions", type=lambda text: [int(word) for word in text.split(",")], default=[32, 64])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5, help="timed steps of each contender")
    parser.add_argument("--device", type=check_device, default=default_device())
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=("wall", "process"), default="wall", help="process: CPU time, on a machine under load")
    parser.add_argument("--out", type=Path, default=Path("results/bench"))
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
            print(f"{name} at {resolution}, batch {batch}: ready", file=sys.stderr, flush=True)
    for _ in range(args.rounds):
        for contender in contenders:
            start = clock()
            contender.step()
            contender.seconds.append(clock() - start)
    return contenders


def training(engine: str, precision: str, resolution: int, batch: int, device: torch.device) -> Contender:
    """A training step without bCR, R1 every step, convolutional discriminator; HarnessError if it differs from the reference."""
    config = TrainConfig(nimg=batch, batch=batch, precision="bf16" if precision == "bf16" else "fp32")
    real_img = torch.rand(batch, 3, resolution, resolution, device=device) * 2 - 1
    draws = move_draws(draw_step(config, NOISE_DIM, resolution, 0), real_img)
    generator, discriminator = networks(resolution, device)
    if engine == "authors":
        authors = build_authors(generator, discriminator, config)
        step = in_precision(lambda: authors_step(authors, real_img, draws, config), precision, device)
        return Contender(engine, precision, step, count_traffic(step))
    chosen = ENGINES[engine]
    _, programs = verify_engine(chosen, (generator, discriminator), config, NOISE_DIM, resolution, use_fused_attention)
    state = chosen.build(generator, discriminator, config, use_fused_attention)
    state.programs.update(programs)
    step = in_precision(lambda: chosen.step(state, real_img, draws, config, 1.0), "fp32", device)
    return Contender(engine, precision, step, count_traffic(step) if engine == "eager" else None)


def inference(engine: str, precision: str, resolution: int, batch: int, device: torch.device) -> Contender:
    """Latents to images; HarnessError if they differ from the plain generator's by more than INFERENCE_BOUNDS."""
    plain, _ = networks(resolution, device)
    z = torch.randn(batch, NOISE_DIM, device=device)
    generator: Callable[[torch.Tensor], torch.Tensor] = plain.eval()
    if engine != "authors":
        generator = fast_generator(plain, use_fused_attention, precision, compiled=engine == "compiled")

    def step() -> torch.Tensor:
        with torch.no_grad():  # inference mode hides the operations inside an einsum from the counter and from autocast
            return generator(z)

    with torch.no_grad():
        expected = networks(resolution, device)[0].eval()(z)
    timed = in_precision(step, precision if engine == "authors" else "fp32", device)
    error = float((timed().float() - expected).norm() / expected.norm())
    if not error <= INFERENCE_BOUNDS[precision]:
        raise HarnessError(
            f"images differ from the plain generator's by {error:.2g}; expected at most {INFERENCE_BOUNDS[precision]}"
        )
    return Contender(engine, precision, timed, None if engine == "compiled" else count_traffic(timed))


def networks(resolution: int, device: torch.device) -> tuple[nn.Module, nn.Module]:
    """The paper's generator and convolutional discriminator for `resolution`, always the same weights."""
    torch.manual_seed(0)
    generator, discriminator = PAPER_GENERATORS[str(resolution)], PAPER_DISCRIMINATORS[f"{resolution}-conv"]
    return Generator(generator).to(device), Discriminator(discriminator).to(device)


def in_precision(step: Callable[[], Any], precision: str, device: torch.device) -> Callable[[], Any]:
    """`step` with TensorFloat-32 or bf16 autocast; HarnessError where the device has no TensorFloat-32."""
    if precision == "tf32" and device.type != "cuda":
        raise HarnessError(f"TF32 is for CUDA; given device {device}")

    def run() -> Any:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            return step()

    return run


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
