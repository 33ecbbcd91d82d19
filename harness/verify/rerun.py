"""Trains and evaluates one cell again, and says whether it agrees with the record."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from harness.errors import HarnessError, unknown_choice
from harness.files import write_json
from harness.params import read_sections
from harness.records.models import ScoreRecord
from harness.records.record import read_as
from harness.records.store import Store, load_store, profiles_with_records
from harness.verify.agreement import IDENTICAL, INSIDE, Agreement, agreements, flat, of_seeds, other_seeds


def rerun(store: Store, cell: str, seeds: Sequence[int]) -> tuple[list[str], bool]:
    """Trains and evaluates `cell` again, once per seed, or once with its own seed. Returns (lines to print, whether all agree).

    A repetition with the recorded seed agrees if every score is bit-identical, or inside the prediction interval of all recorded
    seeds. Repetitions with other seeds agree if the recorded score is inside their interval. A score that only one side has never
    agrees. Everything happens in a scratch directory, so results do not change.

    HarnessError if the cell has no record, its inputs are missing, params.yaml asks for something else, or a stage fails.
    """
    if cell not in store.scores:
        raise unknown_choice("cell with a record", cell, store.scores)
    record = store.scores[cell]
    params = check_inputs(store, record)
    seeds = list(seeds) or [record.seed]
    repeats = [_repeat(store, record, params, seed) for seed in seeds]
    return compare(record, repeats, seeds, other_seeds(record, all_stores(store)))


def compare(
    record: ScoreRecord, repeats: Sequence[ScoreRecord], seeds: Sequence[int], recorded_seeds: Sequence[ScoreRecord]
) -> tuple[list[str], bool]:
    """(one line per score, whether all agree) for a record and its repetitions."""
    if list(seeds) == [record.seed]:
        found = agreements(record.metrics, repeats[0].metrics, [other.metrics for other in recorded_seeds])
    else:
        found = of_seeds(record.metrics, [repeat.metrics for repeat in repeats])
    lines = [_line(entry, repeats) for entry in found]
    for repeat, seed in zip(repeats, seeds, strict=True):
        if repeat.status != record.status:
            lines.append(f"seed {seed}: recorded {record.status}, repeated {repeat.status}")
    agree = len(lines) == len(found) and all(entry.kind in (IDENTICAL, INSIDE) for entry in found)
    if not agree and (why := _other_conditions(record, repeats[0])):
        lines.append(f"the repetition differs in {why}")
    return lines or [f"recorded {record.status}, repeated {repeats[0].status}: there is no score"], agree


def _line(entry: Agreement, repeats: Sequence[ScoreRecord]) -> str:
    points = [flat(repeat.metrics).get(entry.label) for repeat in repeats]
    recorded = "none" if entry.recorded is None else f"{entry.recorded:.6g}"
    repeated = ", ".join("none" if point is None else f"{point:.6g}" for point in points)
    return f"{entry.label}: recorded {recorded}, repeated {repeated}: {entry.verdict}"


def _other_conditions(record: ScoreRecord, repeat: ScoreRecord) -> str:
    """Names the conditions, other than the seed, that differ between the two."""
    pairs = {"arithmetic": (record.arithmetic, repeat.arithmetic), "data": (record.data.sha256, repeat.data.sha256)}
    pairs |= {"extractor": (record.extractor.sha256, repeat.extractor.sha256)}
    pairs |= {
        name: (record.versions.get(name, "none"), repeat.versions.get(name, "none"))
        for name in sorted({*record.versions, *repeat.versions})
    }
    return ", ".join(f"{name} ({str(a)[:20]} there, {str(b)[:20]} here)" for name, (a, b) in pairs.items() if a != b)


def all_stores(store: Store) -> list[Store]:
    """The stores of all profiles, this one first."""
    results = store.folder.parent
    return [store, *(load_store(name, results) for name in profiles_with_records(results) if name != store.profile)]


def check_inputs(store: Store, record: ScoreRecord) -> Path:
    """The parameters file of the record's cell. HarnessError, before any training, if an input is missing."""
    words = shlex.split(record.command)
    if "--params" not in words[:-1]:
        raise HarnessError(f"record {record.cell!r} was made by {record.command!r}; expected --params in it; run its stage again")
    if "--set" in words:
        raise HarnessError(f"{record.cell!r} is a trial; --rerun repeats a profile's own cells; repeat the trial's command")
    params = Path(words[words.index("--params") + 1])
    data = store.folder / "data" / record.data.name / "manifest.json"
    for path, stage in ((params, "restore it from Git"), (data, "run the prepare stage")):
        if not path.is_file():
            raise HarnessError(f"{path}: not here; repeating {record.cell!r} needs it; {stage} first")
    if not (store.folder / "extractor").is_dir():
        raise HarnessError(f"{store.folder / 'extractor'}: not here; repeating {record.cell!r} needs it; run that stage first")
    if reasons := store.mixture().get(record.cell):
        raise HarnessError(
            f"record {record.cell!r} is not what params.yaml asks for ({reasons[0]}); run the cell's stages instead"
        )
    return params


def _repeat(store: Store, record: ScoreRecord, path: Path, seed: int) -> ScoreRecord:
    """Runs the record's cell again in a scratch copy of the working directory. Returns the new record."""
    with tempfile.TemporaryDirectory(prefix="rerun-") as scratch:
        root = Path(scratch)
        _link_sources(Path.cwd(), root, store.profile)
        params = _params_with_seed(path, record.cell, seed, root)
        for stage in ("train", "evaluate"):
            command = [sys.executable, "-m", f"pipelines.{stage}", "--params", str(params), "--cell", record.cell]
            done = subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, check=False)
            if done.returncode:
                raise HarnessError(f"repeating {record.cell!r}: stage {stage} ended with status {done.returncode}; see above")
        return read_as(ScoreRecord, root / "results" / store.profile / "records" / f"{record.cell}.json")


def _link_sources(source: Path, root: Path, profile: str) -> None:
    """Links everything except results and checkpoints. Of the results, it links the inputs of training and evaluation."""
    for entry in source.iterdir():
        if entry.name not in ("results", ".ckpt", "mlflow.db"):
            (root / entry.name).symlink_to(entry)
    inputs = root / "results" / profile
    inputs.mkdir(parents=True)
    for name in ("data", "extractor"):
        if (source / "results" / profile / name).exists():
            (inputs / name).symlink_to(source / "results" / profile / name)


def _params_with_seed(path: Path, cell: str, seed: int, root: Path) -> Path:
    """Writes a copy of the parameters with another training seed of the cell. JSON is YAML too."""
    sections = read_sections(path)
    entry = {name: value for name, value in sections.cells[cell].items() if name != "seed"}
    entry["train"] = {**entry.get("train", {}), "seed": seed}
    target = root / "rerun-params.yaml"
    write_json(target, asdict(replace(sections, cells={**sections.cells, cell: entry})))
    return target
