"""The contenders of `pipelines.benches.train`: the authors' step and our engines, in several precisions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn

from harness.errors import HarnessError
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
from pipelines.benches.traffic import Traffic, count_traffic

NOISE_DIM = 128
PRECISIONS: dict[str, Literal["fp32", "tf32", "bf16"]] = {"fp32": "fp32", "tf32": "tf32", "bf16": "bf16"}
INFERENCE_BOUNDS = {"fp32": 1e-4, "tf32": 1e-2, "bf16": 5e-2}  # on |images - plain| / |plain|


@dataclass
class Contender:
    """One way to train or to sample, under the stopwatch."""

    engine: str
    precision: str
    step: Callable[[], object]  # makes one training step or one inference
    traffic: Traffic | None = None  # of one step
    peak_bytes: int = 0  # of one step
    seconds: list[float] = field(default_factory=list)  # of each timed run


def training(engine: str, precision: str, resolution: int, batch: int, device: torch.device) -> Contender:
    """A training step without bCR, R1 every step, convolutional discriminator; HarnessError if it differs from the reference."""
    config = TrainConfig(nimg=batch, batch=batch, precision=PRECISIONS[precision])
    real_img = torch.rand(batch, 3, resolution, resolution, device=device) * 2 - 1
    draws = move_draws(draw_step(config, NOISE_DIM, resolution, 0), real_img)
    generator, discriminator = networks(resolution, device)
    if engine == "authors":
        authors = build_authors(generator, discriminator, config)
        published = in_precision(lambda: authors_step(authors, real_img, draws, config), precision, device)
        return Contender(engine, precision, published, count_traffic(published))
    in_precision(bool, precision, device)  # refuses TF32 on a processor
    chosen = ENGINES[engine]
    _, programs = verify_engine(chosen, (generator, discriminator), config, NOISE_DIM, resolution, use_fused_attention)
    state = chosen.build(generator, discriminator, config, use_fused_attention)
    state.programs.update(programs)

    def step() -> torch.Tensor:
        return chosen.step(state, real_img, draws, config, 1.0)  # which sets its own precision

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
    outside = "fp32" if engine != "authors" and precision == "bf16" else precision  # our generator converts to bf16 itself
    timed = in_precision(step, outside, device)
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
