"""All records of one profile, read once and checked."""

import csv
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, unknown_choice
from harness.records.record import read_record

RESULTS = Path("results")  # the commands run in the repository root


@dataclass(frozen=True)
class Store:
    """Records of one profile: score records by cell, cost records by network, scale anchors by dataset."""

    profile: str
    folder: Path
    scores: dict[str, dict]
    costs: dict[str, dict]
    anchors: dict[str, dict]

    def of_row(self, *rows: str) -> list[dict]:
        """Score records (one per seed) that measure any of these printed rows, for example "1:16"."""
        return [record for record in self.scores.values() if not set(rows).isdisjoint(record["rows"])]

    def own(self) -> list[dict]:
        """Score records of experiments that stand in none of the printed tables."""
        return [record for record in self.scores.values() if not record["rows"]]


def record_paths(folder: Path) -> list[Path]:
    """Files of a profile's records, in the order in which they are read."""
    return [path for part in ("records", "costs") for path in sorted(folder.glob(f"{part}/*.json"))]


def load_store(profile: str, results: Path = RESULTS) -> Store:
    """Reads results/<profile>/records and costs; HarnessError names the first file that is not a sound record."""
    folder = Path(results) / profile
    records = [load_record(path, profile) for path in record_paths(folder)]
    if not records:
        raise HarnessError(
            f"no records under {folder}; expected {folder}/records/*.json; run dvc repro, or name another --profile"
        )
    return store_of(profile, folder, records)


def store_of(profile: str, folder: Path, records: list[dict]) -> Store:
    """A store of records that were read already."""
    scores = {record["cell"]: record for record in records if record["kind"] == "score"}
    costs = {record["network"]: record for record in records if record["kind"] == "cost"}
    anchors = {record["cell"]: record for record in records if record["kind"] == "anchor"}
    return Store(profile, folder, scores, costs, anchors)


def profiles_with_records(results: Path = RESULTS) -> list[str]:
    """Names of the profiles that have at least one record; HarnessError if none has."""
    found = sorted({path.parent.parent.name for part in ("records", "costs") for path in Path(results).glob(f"*/{part}/*.json")})
    if not found:
        raise HarnessError(f"no records under {results}/*/records; run dvc repro first")
    return found


def chosen_profiles(profile: str | None, results: Path = RESULTS) -> list[str]:
    """The profile asked for, or every profile with records."""
    found = profiles_with_records(results)
    if profile is not None and profile not in found:
        raise unknown_choice("profile with records", profile, found)
    return [profile] if profile else found


def load_record(path: Path, profile: str) -> dict:
    """One record, which must be of this profile and stand under its own name."""
    record = read_record(path)
    if record["profile"] != profile:
        raise HarnessError(f"{path}: belongs to profile {record['profile']!r}, not {profile!r}; move it or rerun its stage")
    name = record.get("network", record["cell"])
    if path.stem != name:
        raise HarnessError(f"{path}: is the record of {name!r}; expected the file name {name}.json")
    return record


def read_curves(record: dict) -> list[dict[str, float]]:
    """Rows of a record's curves file as numbers; none where the record has no curves."""
    if not record.get("curves"):
        return []
    path = Path(record["curves"])
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            return [{name: float(text) for name, text in row.items() if text} for row in csv.DictReader(handle)]
    except (OSError, ValueError, TypeError) as error:
        raise HarnessError(f"{path}: not a readable curves file ({error}); restore it from Git or rerun the cell") from error
