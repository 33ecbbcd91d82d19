"""Estimates how long the published profile takes here, from batches timed on this machine, and lists what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch

from harness.device import default_device, use_threads
from harness.errors import HarnessError
from harness.metrics.extractors import Extractor, load_extractor
from harness.metrics.features import features
from harness.metrics.precision_recall import precision_recall
from harness.metrics.protocol import Protocol
from harness.records.environment import device_name
from lada.configs import PAPER_GENERATORS
from lada.generator import Generator
from lada.layers import quick_draws
from pipelines.needs import check_data
from pipelines.profile import Profile
from pipelines.published.convert import MODEL, load_generator
from pipelines.published.fetch import checkpoint, weights_path
from pipelines.published.samples import PublishedSamples

WARM_UP, TIMED, BATCH = 1, 2, 16  # batches, and images in each
BLOCK = 2048  # features on either side of the timed distances


@dataclass(frozen=True)
class Rates:
    """Seconds on this machine to make an image, to extract its features, and to compute one distance."""

    make: float
    look: float
    distance: float


@dataclass(frozen=True)
class Amounts:
    """Amounts of work for a checkpoint's scores: images to make, images to extract features from, distances."""

    made: int
    looked_at: int
    distances: int

    def hours(self, rates: Rates) -> float:
        """Estimated hours at these rates."""
        return (self.made * rates.make + self.looked_at * rates.look + self.distances * rates.distance) / 3600


def show_plan(profile: Profile, keys: list[str], batch: int | None, untimed: bool) -> None:
    """Prints the checkpoints, their images and hours, and what is missing. batch: images in a timed batch, None for 16."""
    batch = batch or BATCH
    found = {key: amounts(profile, key) for key in keys}
    rates = {} if untimed else measured_rates(profile, keys, batch)
    rows = [
        {
            "checkpoint": key,
            "protocols": " ".join(profile.evaluate[checkpoint(profile, key).data].protocols),
            "draws": len(profile.evaluate[checkpoint(profile, key).data].seeds),
            "images made": f"{needed.made:,}",
            "images looked at": f"{needed.looked_at:,}",
            "images/s made": f"{1 / rates[key].make:,.1f}" if rates else "not measured",
            "looked at": f"{1 / rates[key].look:,.1f}" if rates else "not measured",
            "hours here": f"{needed.hours(rates[key]):,.1f}" if rates else "not measured",
        }
        for key, needed in found.items()
    ]
    print(pd.DataFrame(rows).to_string(index=False))
    total = f"{sum(needed.looked_at for needed in found.values()):,} images looked at for {len(keys)} checkpoints"
    if rates:
        hours = sum(needed.hours(rates[key]) for key, needed in found.items())
        total += f"; about {hours:,.1f} hours on {device_name(default_device())}, from {TIMED} batches of {batch} images"
    print(f"{total}. A killed run goes on where it stopped. Nothing was written.")
    for key in keys:
        for line in lacking(profile, key):
            print(f"lacking, {key}: {line}")


def amounts(profile: Profile, key: str) -> Amounts:
    """The work of scoring one checkpoint. A reference that is a whole split is used once, a part of one again for every draw."""
    data = checkpoint(profile, key).data
    scoring, entry = profile.evaluate[data], profile.data[data]
    made = distances = 0
    whole: dict[str, int] = {}
    parts: dict[str, int] = {}  # the largest of each split, of which the smaller are parts
    for protocol in scoring.resolved():
        count, drawn = reference_count(protocol, entry)
        generated = protocol.generated_count(count)
        made = max(made, generated)
        distances += len(scoring.seeds) * (generated * count + generated**2 + count**2)
        found = parts if drawn else whole
        found[protocol.reference_split] = max(count, found.get(protocol.reference_split, 0))
    made *= len(scoring.seeds)
    return Amounts(made, made + sum(whole.values()) + len(scoring.seeds) * sum(parts.values()), distances)


def reference_count(protocol: Protocol, entry: Any) -> tuple[int, bool]:
    """Number of images in a protocol's reference, and whether they are only a part of their split."""
    split = getattr(entry, f"{protocol.reference_split}_count", None) or getattr(entry, "count", None)
    count = protocol.reference or split
    if count is None:
        raise HarnessError(f"protocol {protocol.name}: no count is known before the pictures are prepared; prepare them first")
    return count, split is not None and count < split


def measured_rates(profile: Profile, keys: list[str], batch: int) -> dict[str, Rates]:
    """{checkpoint: rates}, timed on a few batches of its own generator."""
    use_threads(profile.written.threads)
    device = default_device()
    distance, look = time_distance(device), 0.0
    rates: dict[str, Rates] = {}
    for key in keys:
        make, images = time_making(_generator(profile, key).to(device), batch, device)
        look = look or time_looking(images, _extractor(profile, device), batch)  # the same for all: it resizes every picture
        rates[key] = Rates(make, look, distance)
    return rates


def time_making(generator: Generator, batch: int, device: str) -> tuple[float, np.ndarray]:
    """Median seconds to make one image, and the images made."""
    samples = PublishedSamples(generator, batch * (WARM_UP + TIMED), 0, batch, device)
    seconds, images = [], []
    for start in range(0, len(samples), batch):
        began = perf_counter()
        images.append(samples[start : start + batch])
        seconds.append(perf_counter() - began)
    return median(seconds[WARM_UP:]) / batch, np.concatenate(images)


def time_looking(images: np.ndarray, extractor: Extractor, batch: int) -> float:
    """Median seconds to extract the features of one image."""
    seconds = []
    for start in range(0, len(images), batch):
        began = perf_counter()
        features(images[start : start + batch], extractor, batch, progress=False)
        seconds.append(perf_counter() - began)
    return median(seconds[WARM_UP:]) / batch


def time_distance(device: str) -> float:
    """Seconds for one distance between two features of 2,048 numbers, of the three sets of them that a score needs."""
    x, y = (np.random.default_rng(seed).standard_normal((BLOCK, 2048), dtype=np.float32) for seed in (0, 1))
    began = perf_counter()
    precision_recall(x, y, device=device)
    return (perf_counter() - began) / (3 * BLOCK**2)


def _extractor(profile: Profile, device: str) -> Extractor:
    """The profile's extractor. If its weights are missing, random ones, which take as long."""
    features_ = profile.features
    if features_ is None or features_.extractor != "inception-v3":
        return load_extractor(features_.extractor if features_ else "inception-v3", None, device)
    return load_extractor("inception-v3", None, device, random_seed=0)


def _generator(profile: Profile, key: str) -> Generator:
    """The checkpoint's generator. If it is missing, one of the paper's size, which takes as long."""
    weights = weights_path(profile, key)
    if (weights / MODEL).is_file():
        return load_generator(weights)
    side = str(profile.data[checkpoint(profile, key).data].resolution)
    with torch.random.fork_rng(devices=[]), quick_draws():
        return Generator(PAPER_GENERATORS[side]).eval().requires_grad_(False)


def lacking(profile: Profile, key: str) -> Iterator[str]:
    """What is missing for a checkpoint, one line each, with the address where it is published."""
    params, features_ = checkpoint(profile, key), profile.features
    if not (weights_path(profile, key) / MODEL).is_file() and not Path(params.folder).is_dir():
        where = f"downloaded there from {params.url} on the first run" if params.url else "put them there, or set url"
        yield f"no weights at {params.folder}; {where}"
    try:
        check_data(profile, params.data)
    except HarnessError as error:
        yield str(error)
    weights = features_.weights if features_ and features_.random_seed is None else None
    if weights and not Path(weights).is_file():
        yield f"no Inception weights at {weights}; downloaded there on the first run"
