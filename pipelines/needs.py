"""Checks, before a cell's first step, everything that it needs until it is scored. Nothing may fail after hours of training.

`lacks` lists what is missing for the cells of a dataset. `check_ready` refuses a cell for which something is missing.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.data import read_manifest
from harness.data.arrays import open_split
from harness.data.manifest import MANIFEST
from harness.device import memory_bytes
from harness.errors import HarnessError, unknown_choice
from harness.files import sha256_file
from harness.gpus import why_no_gpu, why_unsupported
from harness.metrics.adm import STATISTICS
from harness.metrics.classifier import SHA256, WEIGHTS
from harness.metrics.npz import array_names
from harness.metrics.protocol import Protocol
from harness.training.engines import LONG_RUN
from harness.training.memory import step_bytes
from lada.layers import quick_draws
from pipelines.compose import Cell
from pipelines.profile import Profile

GIB = 2**30
SMALL = 32  # pixels
# md5 of the first picture's bytes, row by row, RGB. FFHQ is published at 128 pixels too: no filter has to be guessed.
FIRST_PICTURES = {"ffhq-50k": "38d7e93eb9a796d0e65f8c64de8ba161"}
CERTAIN = 1.25  # times the memory: estimates can be wrong by a few per cent, and a refusal must be right


def check_ready(profile: Profile, cell: Cell, device: str, ranks: int = 1) -> None:
    """HarnessError for the first thing that is missing for the cell."""
    found = lacks(profile, cell.params.data)
    if found:
        raise HarnessError(found[0])
    check_prepared(profile, cell.params.data)
    check_batch(profile, cell)
    check_device(cell, device)
    check_memory(cell, device, ranks)


def check_device(cell: Cell, device: str) -> None:
    """HarnessError where a long run would fall to a processor that nobody chose, or to a GPU for which torch has no kernels."""
    if device != "cpu":
        problem = why_unsupported(torch.cuda.get_device_capability(device), torch.cuda.get_arch_list())
        if problem:
            raise HarnessError(f"{device}: {problem}")
    elif cell.train.steps >= LONG_RUN and not os.environ.get("HARNESS_DEVICE"):
        raise HarnessError(
            f"cells.{cell.name}: its {cell.train.steps:,} steps would be trained on the CPU, because {why_no_gpu()}; expected a "
            "GPU; set HARNESS_DEVICE=cpu in the environment to train there all the same"
        )


def lacks(profile: Profile, key: str) -> list[str]:
    """What is missing for the cells of dataset `key`, one line each. Changes nothing."""
    checks: list[tuple[Callable[..., None], tuple]] = [(_check_extractor, (profile,)), (check_data, (profile, key))]
    checks += [(_check_statistics, (profile, key, protocol)) for protocol in _protocols(profile, key) if protocol.statistics_file]
    found = []
    for check, arguments in checks:
        try:
            check(*arguments)
        except HarnessError as error:
            found.append(str(error))
    return found


def _protocols(profile: Profile, key: str) -> list[Protocol]:
    return profile.evaluate[key].resolved()


def _check_extractor(profile: Profile) -> None:
    """HarnessError unless the extractor is in its folder, or the file to copy there is the right one."""
    features = profile.features
    if (
        features is None
        or features.random_seed is not None
        or any((profile.results / "extractor").glob(f"{features.extractor}.*"))
    ):
        return
    if features.extractor == "digits-cnn":
        if not WEIGHTS.is_file() or sha256_file(WEIGHTS) != SHA256:
            raise HarnessError(f"{WEIGHTS} is not the committed extractor; expected sha256 {SHA256}; restore it from Git")
    elif features.weights is not None:
        from harness.metrics.inception import published_weights  # torch-fidelity takes seconds to import

        published_weights(Path(features.weights))


def check_prepared(profile: Profile, key: str) -> None:
    """HarnessError unless the dataset has been prepared. It says how, in a line that can be pasted."""
    root = profile.results / "data" / key
    if not (root / MANIFEST).is_file():
        stage = f"{profile.name}/dvc.yaml:prepare@{key}"
        raise HarnessError(f"no prepared images at {root}; expected those of data.{key}; run `dvc repro pipelines/{stage}` first")


def check_data(profile: Profile, key: str) -> None:
    """HarnessError unless the dataset can be prepared, or has been prepared as the parameters and its protocols ask."""
    root, entry = profile.results / "data" / key, profile.data[key]
    if not (root / MANIFEST).is_file():
        path = getattr(entry, "path", None)
        if path is not None and not Path(path).exists() and not getattr(entry, "download", False):
            raise HarnessError(f"data.{key}.path: given {path}, which is not there; put it there or correct the path")
        return
    manifest = read_manifest(root)
    side = manifest["image_shape"][-1]
    if side != entry.resolution:
        raise HarnessError(
            f"{root} holds pictures of {side} pixels; expected {entry.resolution} as in data.{key}; prepare it again"
        )
    for protocol in _protocols(profile, key):
        if protocol.statistics_file is None:
            _check_prepared(manifest, protocol, root)


def _check_prepared(manifest: dict[str, Any], protocol: Protocol, root: Path) -> None:
    """HarnessError unless the prepared images are a protocol's reference, and there are enough."""
    protocol.check_manifest(manifest, root)
    if protocol.reference_split not in manifest["splits"]:
        raise unknown_choice(f"split of {root}", protocol.reference_split, manifest["splits"])
    count = manifest["splits"][protocol.reference_split]["count"]
    protocol.check_counts(protocol.generated_count(count), count)
    expected = FIRST_PICTURES.get(protocol.name) if protocol.preparation else None  # a dry run's pictures may be any
    if expected:
        first = open_split(root, protocol.reference_split)[0].transpose(1, 2, 0)
        if hashlib.md5(np.ascontiguousarray(first).data, usedforsecurity=False).hexdigest() != expected:
            raise HarnessError(
                f"{root}: its first picture is not the published one, so they were shrunk by another filter; expected those of "
                f"{protocol.name}; prepare it from thumbnails128x128"
            )


def _check_statistics(profile: Profile, key: str, protocol: Protocol) -> None:
    """HarnessError unless the statistics file of a protocol exists and has the right arrays."""
    where, path = f"evaluate.{key}.statistics", Path(profile.evaluate[key].statistics or "")
    if not path.is_file():
        raise HarnessError(f"{where}: given {path}, which is no file; put {protocol.statistics_file} there or correct the path")
    protocol.check_statistics(path)
    missing = sorted(set(STATISTICS) - array_names(path))
    if missing:
        raise HarnessError(f"{where}: {path} lacks {', '.join(missing)}; expected an ADM-format .npz of statistics")


def check_batch(profile: Profile, cell: Cell) -> None:
    """HarnessError if a batch is larger than the cell's share of the prepared training images."""
    root = profile.results / "data" / cell.params.data
    if not (root / MANIFEST).is_file():
        return
    whole = read_manifest(root)["splits"]["train"]["count"]
    count = max(1, round(whole * cell.params.fraction))
    if cell.train.batch > count:
        raise HarnessError(
            f"cells.{cell.name}: train.batch is {cell.train.batch}, its training images are {count}; expected no larger batch"
        )


def check_memory(cell: Cell, device: str, ranks: int = 1) -> None:
    """HarnessError if a step cannot fit into the device's memory. A warning if it may not."""
    needed, whole = memory_needed(cell, ranks), memory_bytes(device)
    if needed > whole:
        sizes = f"a step of {cell.train.batch // ranks} images needs about {needed / GIB:.1f} GiB, {device} has {whole / GIB:.1f}"
        if needed > CERTAIN * whole:
            raise HarnessError(f"cells.{cell.name}: {sizes}; expected a smaller train.batch, or more ranks")
        print(f"warning: cells.{cell.name}: {sizes}; it may be killed", file=sys.stderr, flush=True)


def memory_needed(cell: Cell, ranks: int = 1) -> int:
    """Estimated bytes of a step in one process."""
    # Nothing is computed on the meta device, but it imports torch's compiler, which takes longer than to run a small network.
    device = "cpu" if cell.generator.resolution <= SMALL else "meta"
    with torch.random.fork_rng(devices=[]), torch.device(device), quick_draws():
        generator, discriminator = cell.build()
    batch = max(1, cell.train.batch // ranks)
    return step_bytes(generator, discriminator, cell.train, cell.generator.noise_dim, cell.generator.resolution, batch)


def lacking_lines(profile: Profile, cells: list[Cell]) -> Iterator[str]:
    """What is missing for the datasets of `cells`, one line each."""
    for key in dict.fromkeys(cell.params.data for cell in cells):
        yield from (f"{key}: {lack}" for lack in lacks(profile, key))
