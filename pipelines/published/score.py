"""Stage: score published weights. `python -m pipelines.published.score --params PARAMS --checkpoint cifar10`.

Writes results/<profile>/records/<checkpoint>.json. What is missing (weights, pictures, the Inception network) is said in a line
each and written down in the record, which then has no scores; the stage ends well, so that everything else is still reported.
Features are kept in parts under .ckpt/features: a killed run goes on where it stopped.
"""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, stdev
from time import time
from typing import Any

import torch

from harness.arithmetic import arithmetic
from harness.closure import code_digest
from harness.data import read_manifest
from harness.device import default_device, use_threads
from harness.errors import run_command
from harness.files import digest, sha256_file
from harness.locks import output_lock
from harness.metrics.parts import Work
from harness.metrics.protocol import LEVELS
from harness.records.environment import versions
from harness.records.measured import Measurement
from harness.records.models import PublishedRecord
from harness.records.parts import Comparability, Networks
from harness.records.record import make, read_as, write_record
from lada.names import discriminator_id, generator_id
from pipelines.profile import Profile, load_profile
from pipelines.published.belonging import mismatches
from pipelines.published.convert import MODEL
from pipelines.published.draws import Draws
from pipelines.published.fetch import checkpoint, checkpoint_arguments, weights_path
from pipelines.published.ready import Ready, prepare
from pipelines.published.samples import PublishedSamples, draw_samples
from pipelines.published.workers import Workers, workers
from pipelines.scoring import summarised

CODE = ("lada.generator", "harness.metrics.sampling")  # what decides a published network's images


def main(argv: list[str] | None = None) -> None:
    """Scores one checkpoint, or says what is missing."""
    args = checkpoint_arguments(__doc__, argv)
    profile = load_profile(args.params)
    use_threads(profile.written.threads)
    with output_lock(record_path(profile, args.checkpoint)):
        score(profile, args.checkpoint, shlex.join(["python", "-m", "pipelines.published.score", *(argv or sys.argv[1:])]))


def record_path(profile: Profile, key: str) -> Path:
    """The checkpoint's record."""
    return profile.results / "records" / f"{key}.json"


def score(profile: Profile, key: str, command: str) -> None:
    """Writes the checkpoint's record, measurement and picture, unless they already exist as asked for."""
    began, device = time(), default_device()
    ready, missing = prepare(profile, key, device)
    config = asked(profile, key, ready)
    if ready is not None and is_done(record_path(profile, key), config):
        print(f"{key}: scored before, as it is asked for now")
        return
    fields = {**common(profile, key, device), "command": command, "config": config}
    taking_part = workers(profile.name, key, digest(config), device, began)
    if ready is None:
        for line in missing:
            print(f"lacking, {key}: {line}", file=sys.stderr)
        level = Comparability(level="none", reasons=["nothing was scored"])
        record = make(PublishedRecord, **fields, comparability=level, lacking=missing)
    else:
        record = make(PublishedRecord, **fields, **measure(profile, key, ready, taking_part))
    write_record(record_path(profile, key), record)
    parts = {"cell": key, "profile": profile.name, "record_digest": record.digest, "processes": taking_part.processes()}
    write_record(profile.results / "measured" / f"{key}.json", make(Measurement, **parts))
    taking_part.forget()
    print(f"{key}: {summary(record)}")


def asked(profile: Profile, key: str, ready: Ready | None) -> dict[str, Any]:
    """Everything that decides the scores, as plain JSON values."""
    params = checkpoint(profile, key)
    wanted = {"data": params.data, "evaluate": profile.written.evaluate[params.data], "features": profile.written.features}
    if ready is None:
        return wanted
    splits = read_manifest(ready.root)["splits"]
    found = wanted | {
        "attention": "lada",
        "generator": asdict(ready.generator.config),
        "weights": ready.facts["sha256"],
        "rows": list(params.rows),
        "splits": {name: split["sha256"] for name, split in splits.items()},
        "extractor": ready.extractor.sha256,
        "code": code_digest("pipelines.published.score"),
    }
    return json.loads(json.dumps(found))


def is_done(path: Path, config: dict[str, Any]) -> bool:
    """Whether the record in `path` has scores of exactly this."""
    if not path.is_file():
        return False
    record = read_as(PublishedRecord, path)
    return bool(record.metrics) and record.config == config and all(Path(file).is_file() for file in record.artefacts)


def common(profile: Profile, key: str, device: str) -> dict[str, Any]:
    """The record's fields that do not depend on scores."""
    params, threads = checkpoint(profile, key), torch.get_num_threads()
    many = f", {threads} threads" if device == "cpu" and threads > 1 else ""  # sums depend on how they are split
    return {
        "cell": key,
        "profile": profile.name,
        "versions": versions(),
        "arithmetic": f"{arithmetic(device)}{many}",
        "rows": list(params.rows),
        "data": params.data,
    }


def measure(profile: Profile, key: str, ready: Ready, taking_part: Workers) -> dict[str, Any]:
    """The record's fields that are measured."""
    params, generator, device = checkpoint(profile, key), ready.generator, taking_part.device
    scoring, weights = profile.evaluate[params.data], weights_path(profile, key)
    sha256 = sha256_file(weights / MODEL)
    draws = Draws(
        samples=lambda count, seed: PublishedSamples(generator, count, seed, scoring.batch, device),
        weights_sha256=sha256,
        code=code_digest(*CODE),
        root=ready.root,
        protocols=scoring.resolved(),
        seeds=scoring.seeds,
        work=Work(ready.extractor, scoring.batch, say=taking_part.say),
        device=device,
    )
    samples = draw_samples(generator, profile.results / "samples" / f"{key}.png", device)
    runs, levels = zip(*draws.run(), strict=True)
    scores = [run.metrics for run in runs]
    extractor = ready.extractor
    config, images_seen = generator.config, ready.facts["n_images"]
    return {
        "checkpoint": ready.facts["checkpoint"],
        "images_seen": images_seen,
        "files": ready.facts["sha256"],
        "weights_sha256": sha256,
        "data_sha256": {name: split["sha256"] for name, split in read_manifest(ready.root)["splits"].items()},
        "networks": Networks(
            generator=generator_id("lada", config.resolution, config.dims),
            discriminator=discriminator_id("lada", config.resolution),
        ),
        "extractor": {"name": extractor.name, "label": extractor.label, "sha256": extractor.sha256},
        "comparability": max(levels, key=lambda level: LEVELS.index(level.level)),
        "counts": draws.counts(),
        "runs": list(runs),
        "metrics": summarised(scores, fmean),
        "generation_sd": summarised(scores, stdev) if len(scores) > 1 else {},
        "mismatch": mismatches(params.rows, config, images_seen, params.images_row),
        "samples": samples,
    }


def summary(record: PublishedRecord) -> str:
    """A record in one line: the first score under every protocol, or why there is none."""
    if record.lacking:
        return f"not scored, {len(record.lacking)} of what it needs is missing"
    firsts = {protocol: next(iter(scores.items())) for protocol, scores in record.metrics.items()}
    said = ", ".join(f"{label} {value:.4f} ({protocol})" for protocol, (label, value) in firsts.items())
    return f"{said}; {record.comparability.level}{''.join(f'; {line}' for line in record.mismatch)}"


if __name__ == "__main__":
    run_command(main)
