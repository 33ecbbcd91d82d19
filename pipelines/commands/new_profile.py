"""Writes a working profile for a folder of pictures: networks that fit the resolution, and an explanation of every number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.data.finding import find_pictures
from harness.errors import HarnessError
from harness.files import write_text
from harness.names import check_name
from pipelines.commands.stages import profile_pipeline
from pipelines.profile import load_profile

RESOLUTIONS = (16, 32, 64, 128, 256, 512)
FEWEST = 100  # pictures: below that neither split says anything
WEIGHTS = "data/weights-inception-2015-12-05-6726825d.pth"
SIZES = {"paper": 1, "small": 8}  # by what the paper's widths are divided
TRAINING: dict[str, dict[str, Any]] = {
    "paper": {"nimg": 1_024_000, "batch": 64, "lr_g": "2.0e-4", "lr_d": "2.0e-4", "r1_weight": "1.0e-4", "ema_decay": 0.999},
    "small": {"nimg": 20_480, "batch": 32, "lr_g": "3.0e-3", "lr_d": "5.0e-4", "r1_weight": 0.05, "ema_decay": 0.98},
}
TEMPLATE = """\
# Your own pictures: {count:,} under {path}, made by `ladabench new profile`. Change what you like; `ladabench plan` checks it.
profile: {name}

data:
  {name}: {{name: image-folder, path: {path}, resolution: {resolution}, fit: crop}}  # a fifth is for testing

features:
  extractor: {extractor}{weights}

evaluate:
  {name}: {{protocols: [images-train, images-test], batch: 64, seeds: [1]}}

threads: null  # as many as torch takes

train:
  nimg: {nimg}            # images seen, each picture {epochs:.1f} times: an assumption; raise it until scores settle
  batch: {batch}
  lr_g: {lr_g}         # {rates}
  lr_d: {lr_d}
  r1_weight: {r1_weight}
  bcr_weight: {bcr}      # the paper: 1.0 at 32 pixels, none at 64
  augment: [color, translation, cutout]
  ema_decay: {ema_decay}     # of the averaged generator, a step
  seed: 0
  snapshots: 8        # scored and shown on the way
  checkpoint_nimg: {checkpoint}
  log_nimg: {log}

generator:  # {widths}
  resolution: {resolution}
  base: {base}
  dims: {dims}
  output: {output}{decoder}
  noise_dim: {noise}
  mlp_dim: {mlp}

discriminator:
  resolution: {resolution}
  base: {base}
  encoder_dims: {encoder}
  head_dims: {head}
  mlp_dim: {mlp}

cost:
  memory_gib: 3
  networks: [g32-lada-conv, d32-lada]  # the paper's, for the page; costs never depend on the pictures

rows:  # of the paper's tables that a cell fills: none
  {name}-lada: []

cells:
  {name}-lada: {{data: {name}, attention: lada, discriminator: lada}}
"""


@dataclass(frozen=True)
class Shape:
    """Networks for one resolution: blocks of base, 2 base and 4 base tokens a side as in the paper, then a decoder if need be."""

    base: int
    output: str
    dims: Sequence[int]
    decoder: Sequence[int]
    encoder: Sequence[int]


def shape(resolution: int, share: int) -> Shape:
    """Networks with the paper's widths divided by `share`. HarnessError for a resolution not in RESOLUTIONS."""
    if resolution not in RESOLUTIONS:
        raise HarnessError(f"--resolution: given {resolution}; expected one of {', '.join(map(str, RESOLUTIONS))} pixels")
    base = min(8, resolution // 4)
    doublings = (resolution // (4 * base)).bit_length() - 1  # after the last block
    widths = (1024, 256, 64) if doublings < 2 else (1024, 512, 256)
    decoder = [128 // 2**stage for stage in range(doublings)] if doublings > 1 else []
    stages = (resolution // (2 * base)).bit_length()
    encoder = [256 // 2**stage for stage in reversed(range(stages))]
    output = ("pixel", "patch")[doublings] if doublings < 2 else "conv"
    divided = [[max(4, width // share) for width in widths] for widths in (widths, decoder, encoder)]
    return Shape(base, output, *divided)


def new_profile(name: str, images: Path, resolution: int, size: str = "small", extractor: str = "inception-v3") -> list[Path]:
    """Writes pipelines/<name>/params.yaml and its dvc.yaml. Returns their paths. After HarnessError nothing has changed."""
    folder = Path("pipelines") / check_name("profile", name)
    if folder.exists():
        raise HarnessError(f"{folder} exists already; choose another name")
    text = profile_text(name, images, resolution, size, extractor)
    with TemporaryDirectory() as scratch:  # whatever is wrong with it is said before anything is written
        write_text(Path(scratch) / "params.yaml", text)
        load_profile(Path(scratch) / "params.yaml")
    write_text(folder / "params.yaml", text)
    write_text(folder / "dvc.yaml", profile_pipeline(folder))
    return [folder / "params.yaml", folder / "dvc.yaml"]


def profile_text(name: str, images: Path, resolution: int, size: str, extractor: str) -> str:
    """The text of params.yaml. HarnessError for a folder with no or too few pictures."""
    if not re.fullmatch(r"[\w ./+-]+", str(images.resolve())):
        raise HarnessError(f"--images: given {str(images)!r}; expected letters, digits, blanks and . / + - _ in it; rename it")
    count = len(find_pictures(images))
    if count < FEWEST:
        raise HarnessError(f"--images: {images} holds {count} pictures; expected at least {FEWEST}; add some")
    share, found, training = SIZES[size], shape(resolution, SIZES[size]), TRAINING[size]
    inside = images.resolve().is_relative_to(Path.cwd())
    nimg = int(str(training["nimg"]))
    return TEMPLATE.format(
        **training,
        name=name,
        count=count,
        path=(images.resolve().relative_to(Path.cwd()) if inside else images.resolve()).as_posix(),
        resolution=resolution,
        extractor=extractor,
        weights=f"\n  weights: {WEIGHTS}  # `ladabench plan` says where it is published" if extractor == "inception-v3" else "",
        epochs=nimg / (0.8 * count),
        rates="the paper's" if size == "paper" else "of the digits profile, for a short run",
        bcr="1.0" if resolution <= 32 else "0.0",
        checkpoint=max(1280, nimg // 32),
        log=max(320, nimg // 64),
        widths="the paper's widths" if share == 1 else f"the paper's widths divided by {share}",
        base=found.base,
        dims=list(found.dims),
        output=found.output,
        decoder=f"\n  decoder_dims: {list(found.decoder)}" if found.decoder else "",
        encoder=list(found.encoder),
        head=[512 // share, 1024 // share],
        noise=128 if share == 1 else 32,
        mlp=512 // share,
    )
