"""Checks that the files beside the records are those that belong to the records. Each check yields one line per file.

The line is empty for a sound file. What DVC keeps in place of Git is not checked where it is not here: weights, data, and the
pictures of replicates may be only in DVC's cache.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.data.arrays import damaged_files, read_manifest
from harness.errors import HarnessError
from harness.files import sha256_file
from harness.records.measured import Measurement, Throughput, Training
from harness.records.models import AnchorRecord, CostRecord, PublishedRecord, Run, ScoreRecord, Sealed
from harness.records.record import read_as


def check_artefacts(records: Sequence[Sealed], folder: Path) -> Iterator[str]:
    """Checks that the curves and pictures that a record names exist, if Git has them, and are unchanged."""
    for record in records:
        if isinstance(record, ScoreRecord | PublishedRecord | AnchorRecord):
            for path, expected in record.artefacts.items():
                if not Path(path).is_file() and _kept_by_dvc(Path(path)):
                    continue
                sound = Path(path).is_file() and sha256_file(path) == expected
                yield "" if sound else f"{path}: missing or altered since record {record.cell!r} was written"


def _kept_by_dvc(path: Path) -> bool:
    """Whether DVC has told Git to ignore the file, as it does with what it keeps itself."""
    ignored = path.with_name(".gitignore")
    return ignored.is_file() and f"/{path.name}" in ignored.read_text("utf-8").splitlines()


def check_measured(records: Sequence[Sealed], folder: Path) -> Iterator[str]:
    """Checks that measurements and throughputs belong to the records that are here."""
    digests = {
        record.cell: record.digest for record in records if isinstance(record, ScoreRecord | AnchorRecord | PublishedRecord)
    }
    costs = {record.cell: record.digest for record in records if isinstance(record, CostRecord)}
    for record in records:
        if isinstance(record, Measurement):
            path, sound = folder / "measured" / f"{record.cell}.json", digests.get(record.cell) == record.record_digest
            yield "" if sound else f"{path}: measured for another record of {record.cell!r}; run its stage again"
        elif isinstance(record, Throughput):
            path, sound = folder / "throughput" / f"{record.network}.json", costs.get(record.network) == record.record_digest
            yield "" if sound else f"{path}: measured for another record of {record.network!r}; run the cost stage again"


def check_weights(records: Sequence[Sealed], folder: Path) -> Iterator[str]:
    """Checks that a run's files are as the training wrote them, and that its last weights are those that were scored."""
    for record in _scores(records):
        run_folder = folder / "runs" / record.cell
        if not run_folder.is_dir():
            continue
        path = run_folder / "g_ema.safetensors"
        if path.is_file() and record.weights_sha256:
            sound = sha256_file(path) == record.weights_sha256
            yield "" if sound else f"{path}: not the weights that record {record.cell!r} scored"
        yield from _check_run(record, run_folder)


def _check_run(record: ScoreRecord, run_folder: Path) -> Iterator[str]:
    path = run_folder / "run.json"
    if not path.is_file():
        yield f"{path}: missing; run the train stage of {record.cell!r} again"
        return
    try:
        run = read_as(Run, path)
    except HarnessError as error:
        yield str(error)
        return
    facts = ("config", "status", "images_seen", "diverged_step", "engine")
    differing = [name for name in facts if getattr(run, name) != getattr(record, name)]
    yield f"{path}: {', '.join(differing)} differ from record {record.cell!r}; run its stages again" if differing else ""
    yield from _check_training(run, run_folder.parents[1] / "measured" / "train" / f"{record.cell}.json")
    for name in sorted({*run.weights, *(path.name for path in run_folder.iterdir() if path.name != "run.json")}):
        file = run_folder / name
        if name not in run.weights:
            yield f"{file}: not part of the run; remove it"
        else:
            sound = file.is_file() and sha256_file(file) == run.weights[name]
            yield "" if sound else f"{file}: missing or altered since {path} was written"


def _check_training(run: Run, path: Path) -> Iterator[str]:
    if not path.is_file():
        return
    try:
        sound = read_as(Training, path).run_digest == run.digest
    except HarnessError as error:
        yield str(error)
        return
    yield "" if sound else f"{path}: measured for another training of {run.cell!r}; run its train stage again"


def check_data(records: Sequence[Sealed], folder: Path) -> Iterator[str]:
    """Checks that a dataset is the one that the cell was trained on, to the last pixel."""
    damage: dict[str, str] = {}
    for record in _scores(records):
        name = record.data.name
        data_folder = folder / "data" / name
        if not (data_folder / "manifest.json").is_file():
            continue
        if name not in damage:
            damage[name] = _damage(data_folder)
            yield damage[name]
        if not damage[name]:
            hashes = {split["sha256"] for split in read_manifest(data_folder)["splits"].values()}
            if record.data.sha256 not in hashes:
                yield f"{data_folder / 'manifest.json'}: not the dataset that record {record.cell!r} was trained on"


def _damage(data_folder: Path) -> str:
    try:
        return "; ".join(list(damaged_files(data_folder))[:3])
    except HarnessError as error:
        return str(error)


def _scores(records: Sequence[Sealed]) -> list[ScoreRecord]:
    return [record for record in records if isinstance(record, ScoreRecord)]


CHECKS: dict[str, Callable[[Sequence[Sealed], Path], Iterator[str]]] = {
    "artefacts": check_artefacts,
    "measurements": check_measured,
    "files of runs": check_weights,
    "datasets": check_data,
}
