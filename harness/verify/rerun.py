"""Repeats one cell beside the recorded one and says whether the two agree."""

import math
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from ruamel.yaml import YAML

from harness.config import load_params
from harness.errors import HarnessError, unknown_choice
from harness.records.models import ScoreRecord
from harness.records.record import read_as
from harness.records.store import Store

LEVEL = 0.95  # of the prediction interval


def rerun(store: Store, cell: str, seeds: Sequence[int]) -> list[str]:
    """Trains and evaluates `cell` again, once per seed (its own where none is given); returns the lines to print.

    The repetition works in a scratch directory: results are untouched. HarnessError where the cell has no record or a
    stage fails.
    """
    if cell not in store.scores:
        raise unknown_choice("cell with a record", cell, store.scores)
    record = store.scores[cell]
    seeds = list(seeds) or [record.seed]
    repeats = [_repeat(store, record, seed) for seed in seeds]
    return [line for label, value in _values(record).items() for line in [_compare(label, value, record, repeats, seeds)]]


def _values(record: ScoreRecord) -> dict[str, float]:
    return {f"{protocol} {label}": value for protocol, scores in record.metrics.items() for label, value in scores.items()}


def _compare(label: str, recorded: float, record: ScoreRecord, repeats: list[ScoreRecord], seeds: list[int]) -> str:
    points = [_values(repeat).get(label, math.nan) for repeat in repeats]
    head = f"{label}: recorded {recorded:.6g}, repeated {', '.join(f'{point:.6g}' for point in points)}"
    if any(math.isnan(point) for point in points):
        return f"{head}: differs (a repetition {repeats[0].status})"
    if seeds == [record.seed]:
        return f"{head}: {_same_seed(recorded, points[0], record, repeats[0])}"
    if len(points) < 2:
        return f"{head}: inconclusive (one seed has no interval; give several --seeds)"
    low, high = prediction_interval(points)
    inside = low <= recorded <= high
    return (
        f"{head}: {'inside' if inside else 'outside'} the 95% prediction interval {low:.6g} to {high:.6g} of {len(points)} seeds"
    )


def _same_seed(recorded: float, repeated: float, record: ScoreRecord, repeat: ScoreRecord) -> str:
    """A seed decides everything, so in the same arithmetic with the same versions a repetition is the same number."""
    if recorded == repeated:
        return "identical"
    same = (record.arithmetic, record.versions) == (repeat.arithmetic, repeat.versions)
    share = abs(repeated - recorded) / abs(recorded) if recorded else math.inf
    return f"differs by {share:.2%} ({'same arithmetic and versions' if same else 'other arithmetic or versions'})"


def prediction_interval(points: Sequence[float], level: float = LEVEL) -> tuple[float, float]:
    """Where one more independent run falls with probability `level` (Student, unknown variance); needs two points."""
    from scipy.stats import t

    half = float(t.ppf((1 + level) / 2, len(points) - 1)) * stdev(points) * math.sqrt(1 + 1 / len(points))
    return fmean(points) - half, fmean(points) + half


def _repeat(store: Store, record: ScoreRecord, seed: int) -> ScoreRecord:
    """The record of a new run of the record's cell, made in a scratch copy of the working directory."""
    with tempfile.TemporaryDirectory(prefix="rerun-") as scratch:
        root = Path(scratch)
        _link_sources(Path.cwd(), root, store.profile)
        words = shlex.split(record.command)
        params = _params_with_seed(Path(words[words.index("--params") + 1]), record.cell, seed, root)
        for stage in ("train", "evaluate"):
            command = [sys.executable, "-m", f"pipelines.{stage}", "--params", str(params), "--cell", record.cell]
            done = subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, check=False)
            if done.returncode:
                raise HarnessError(f"repeating {record.cell!r}: stage {stage} ended with status {done.returncode}, as said above")
        return read_as(ScoreRecord, root / "results" / store.profile / "records" / f"{record.cell}.json")


def _link_sources(source: Path, root: Path, profile: str) -> None:
    """Links everything but results and checkpoints, and of the results the inputs of training and evaluation."""
    for entry in source.iterdir():
        if entry.name not in ("results", ".ckpt", "mlflow.db"):
            (root / entry.name).symlink_to(entry)
    inputs = root / "results" / profile
    inputs.mkdir(parents=True)
    for name in ("data", "extractor"):
        if (source / "results" / profile / name).exists():
            (inputs / name).symlink_to(source / "results" / profile / name)


def _params_with_seed(path: Path, cell: str, seed: int, root: Path) -> Path:
    """A copy of the parameters with the cell's training seed replaced."""
    params = load_params(path)
    params["cells"][cell].setdefault("train", {})["seed"] = seed
    target = root / "rerun-params.yaml"
    with target.open("w", encoding="utf-8") as handle:
        YAML(typ="safe", pure=True).dump(params, handle)
    return target
