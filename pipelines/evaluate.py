"""Stage: score one trained cell. `python -m pipelines.evaluate --params pipelines/digits/params.yaml --cell table1-16`.

Under torchrun the ranks share sampling and feature extraction. Only rank 0 computes scores and writes files.
"""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import math
import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from statistics import fmean, stdev
from time import time
from typing import Any

from harness.arithmetic import arithmetic
from harness.device import default_device, prepare_long_work, use_threads
from harness.errors import run_command
from harness.locks import output_lock
from harness.metrics.metric import METRICS
from harness.progress import tracked
from harness.records.environment import this_process, versions
from harness.records.measured import Measurement, Training
from harness.records.models import Networks, Run, ScoreRecord, Snapshot, TrainingData
from harness.records.parts import Process
from harness.records.record import make, write_record
from harness.training.distributed import Ranks, join_ranks
from lada.names import full_size_names
from pipelines.arguments import cell_arguments
from pipelines.compose import Cell
from pipelines.neighbours import draw_neighbours
from pipelines.profile import Profile, load_profile
from pipelines.results import measured_path, record_path, run_path
from pipelines.sampler import Sampler, write_pictures
from pipelines.scoring import Scorer, Scores, load_scorer, summarised
from pipelines.trained import read_run


def main(argv: list[str] | None = None) -> None:
    """Scores the cell's untrained generator, its snapshots and its last weights. Writes its record and its pictures."""
    args, ranks = cell_arguments(__doc__, argv), join_ranks()
    profile = load_profile(args.params)
    cell = profile.cell(args.cell, args.set)
    use_threads(cell.threads)
    prepare_long_work()
    with nullcontext() if ranks.rank else output_lock(record_path(cell)):
        evaluate(profile, cell, shlex.join(["python", "-m", "pipelines.evaluate", *(argv or sys.argv[1:])]), ranks)


def evaluate(profile: Profile, cell: Cell, command: str, ranks: Ranks) -> None:
    """Scores the cell. Rank 0 writes its record."""
    began, (run, training) = time(), read_run(cell)
    scorer = load_scorer(profile, cell.params.data, default_device(), ranks)
    sampler = Sampler(cell, scorer.params.batch, scorer.device)
    measured = measure(run, run_path(cell), sampler, scorer)
    if ranks.rank:
        return
    scored = scorer.identity(sampler(1, seed=0).shape[1:])
    pictures = write_pictures(sampler, run_path(cell)) | draw_neighbours(cell, sampler, scorer)
    fields = {**identity(cell, run), **scored, **measured, **pictures}
    versions_here = {"versions": versions(), "arithmetic": arithmetic(scorer.device)}
    record = make(ScoreRecord, cell=cell.name, profile=cell.results.name, command=command, **versions_here, **fields)
    write_record(record_path(cell), record)
    processes = [*training.processes, this_process("evaluate", began, time() - began, scorer.device)]
    write_record(measured_path(cell), measurement(record, training, processes))
    print(*said(record), sep="\n", flush=True)


def said(record: ScoreRecord) -> list[str]:
    """What was found, a line for each protocol, or how the run ended."""
    lines = [
        f"{record.cell}, {protocol}: {', '.join(f'{label} {value:.4g}' for label, value in scores.items())}"
        for protocol, scores in record.metrics.items()
    ]
    return lines or [f"{record.cell}: {record.status} at step {record.diverged_step}, no score"]


def identity(cell: Cell, run: Run) -> dict[str, Any]:
    """The record's fields that come from the training."""
    images, indices = cell.images()
    config = cell.params
    return {
        "config": cell.config(),
        "rows": list(cell.rows),
        "seed": cell.train.seed,
        "status": run.status,
        "images_seen": run.images_seen,
        "diverged_step": run.diverged_step,
        "engine": run.engine,
        "weights_sha256": run.weights["g_ema.safetensors"],
        "curves": str(cell.results / "curves" / f"{cell.name}.csv"),
        "data": TrainingData(
            name=config.data,
            sha256=images.sha256,
            train_count=len(images) if indices is None else len(indices),
            fraction=config.fraction,
        ),
        "networks": full_size_networks(cell),
    }


def measurement(record: ScoreRecord, training: Training, processes: list[Process]) -> Measurement:
    """The measurements that belong to a record: the processes that trained and scored it, and their memory."""
    return make(
        Measurement,
        cell=record.cell,
        profile=record.profile,
        record_digest=record.digest,
        processes=processes,
        peak_bytes=training.peak_bytes,
        engine_error=training.engine_error,
    )


def full_size_networks(cell: Cell) -> Networks:
    """Names of the cost records of the cell's networks. Smaller networks stand for the paper's full-size ones."""
    generator, discriminator = full_size_names(cell.generator, cell.params.attention, cell.params.discriminator)
    return Networks(generator=generator, discriminator=discriminator)


def measure(run: Run, folder: Path, sampler: Sampler, scorer: Scorer) -> dict[str, Any]:
    """Scores of the untrained generator and of every snapshot, as points of a curve, and of the last weights with every seed.

    The best snapshot is given again.
    """
    curve_images, last = scorer.params.curve_images, folder / "g_ema.safetensors"
    untrained = scorer.score(sampler)
    sampler.load(last)
    runs = scorer.runs(sampler) if run.status == "ok" else []

    def score_of(path: Path) -> Scores:
        is_last = run.weights[path.name] == run.weights[last.name]
        if runs and is_last and not curve_images:
            return runs[0]
        sampler.load(path)
        return scorer.score(sampler)

    history = [
        Snapshot(nimg=int(path.stem.split("-")[1]), metrics=score_of(path))
        for path in tracked(sorted(folder.glob("g_ema-*.safetensors")), f"{run.cell}: scoring", "snapshots")
    ]
    sampler.load(last)  # for the pictures
    if not runs:
        return {"curve_images": curve_images, "untrained": untrained, "history": history}
    return {
        "curve_images": curve_images,
        "untrained": untrained,
        "history": history,
        "metrics": summarised(runs, fmean),
        "generation_sd": summarised(runs, stdev) if len(runs) > 1 else {},
        "best": min(history, key=_distance, default=None),
    }


def _distance(entry: Snapshot) -> float:
    """The first protocol's Frechet distance, FID or not."""
    first = next(iter(entry.metrics.values()))
    label = METRICS["fid"].label_in(first)
    return math.inf if label is None else first[label]


if __name__ == "__main__":
    run_command(main)
