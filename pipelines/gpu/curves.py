"""Measures evaluation and attention on the device: Inception, scores of 50,000 images, curves over the number of tokens."""

import io
import time
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import torch

from harness.cost.scaling import Bounds, measure_grid
from harness.metrics.frechet import frechet_distance, statistics
from harness.metrics.precision_recall import precision_recall

IMAGES, FEATURES = 50_000, 2048


def inception(device: torch.device, count: int = 4096, batch: int = 256) -> dict[str, Any]:
    """Images per second of Inception-v3 with random weights."""
    from harness.metrics.extractors import load_extractor
    from harness.metrics.features import features

    extractor = load_extractor("inception-v3", None, str(device), random_seed=0)
    images = np.random.default_rng(0).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
    features(images[:batch], extractor, batch, progress=False)
    began = time.perf_counter()
    features(images, extractor, batch, progress=False)
    rate = count / (time.perf_counter() - began)
    return {"images_per_s": round(rate, 1), "summary": f"{rate:,.0f} images/s; {IMAGES:,} in {IMAGES / rate:.0f} s"}


def scoring(device: torch.device, count: int = IMAGES, width: int = FEATURES) -> dict[str, Any]:
    """Times precision, recall and the Frechet distance on as many random features as a protocol has."""
    draw = np.random.default_rng(0)
    x, y = (draw.standard_normal((count, width), dtype=np.float32) for _ in range(2))
    began = time.perf_counter()
    precision_recall(x, y, 3, device=str(device))
    neighbours = time.perf_counter() - began
    began = time.perf_counter()
    frechet_distance(statistics(x), statistics(y))
    frechet = time.perf_counter() - began
    said = f"precision and recall {neighbours:.1f} s, Frechet distance {frechet:.1f} s (CPU)"
    return {"precision_recall_s": neighbours, "frechet_s": frechet, "summary": said}


def attention(device: torch.device, seconds: float = 90.0) -> dict[str, Any]:
    """Seconds and memory of the attention mechanisms up to 65,536 tokens. Shows where the rivals run out of memory."""
    from baselines.attention import ATTENTIONS
    from harness.cost.probe import Probe
    from lada.fused import try_kernel
    from pipelines.benches.attention import FAST, GRIDS, RIVALS, STAGES

    try_kernel(device)
    names = (FAST, *RIVALS, "dot-product")
    free = torch.cuda.mem_get_info(device)[0] / 2**30 if device.type == "cuda" else 1.0
    probes = {name: Probe(ATTENTIONS[name], str(device)) for name in names if name in ATTENTIONS}
    bounds = Bounds(seconds / 20, free, time.monotonic() + seconds)
    with redirect_stdout(io.StringIO()):
        points = measure_grid(probes, ATTENTIONS, STAGES[2:], GRIDS, bounds)
    kept = ("mechanism", "mode", "num_tokens", "seconds", "peak_bytes", "skipped")
    rows = [{name: getattr(point, name) for name in kept} for point in points]
    ends = [f"{p.mechanism} ({p.mode}) at {p.num_tokens:,} tokens" for p in points if p.skipped and "memory" in p.skipped]
    return {"points": rows, "summary": f"{len(rows)} points; memory ends {', '.join(ends[:4]) or 'none'}"}
