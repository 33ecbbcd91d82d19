"""Reads all records of a profile once, and checks them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import HarnessError, unknown_choice
from harness.names import check_name
from harness.records.asked import Asked, differences, read_asked
from harness.records.measured import Measurement, Throughput
from harness.records.models import AnchorRecord, CostRecord, PublishedRecord, Record, ScoreRecord, Sealed
from harness.records.record import read_record

RESULTS = Path("results")  # the commands run in the repository root
FOLDERS: dict[str, tuple[type[Sealed], ...]] = {  # {folder of a profile: kinds of records in it}
    "records": (ScoreRecord, AnchorRecord, PublishedRecord),
    "costs": (CostRecord,),
    "measured": (Measurement,),
    "throughput": (Throughput,),
}


@dataclass(frozen=True)
class Store:
    """The records of one profile. Measurements and throughputs are those that belong to these records."""

    profile: str
    folder: Path
    scores: dict[str, ScoreRecord]  # by cell
    costs: dict[str, CostRecord]  # by network
    anchors: dict[str, AnchorRecord]  # scale anchors, by their cell
    measurements: dict[str, Measurement] = field(default_factory=dict)  # by cell
    throughputs: dict[str, Throughput] = field(default_factory=dict)  # by network
    asked: Asked | None = None  # what params.yaml asks for; None if there is no such file
    published: dict[str, PublishedRecord] = field(default_factory=dict)  # scores of published weights, by checkpoint

    def mixture(self) -> dict[str, list[str]]:
        """{cell: ["train.nimg 1280, params.yaml asks ..."]} of records that differ from params.yaml.

        Such a record beside the others would make a table of unequal runs.
        """
        if self.asked is None:
            return {}
        found = {cell: differences(record, self.asked) for cell, record in self.scores.items()}
        return {cell: reasons for cell, reasons in found.items() if reasons}

    def of_row(self, *rows: str) -> list[ScoreRecord]:
        """Score records, one per seed, that fill any of these printed rows, such as "1:16"."""
        return [record for record in self.scores.values() if not set(rows).isdisjoint(record.rows)]

    def published_of_row(self, *rows: str) -> list[PublishedRecord]:
        """Records of published weights that fill any of these printed rows."""
        return [record for record in self.published.values() if not set(rows).isdisjoint(record.rows)]

    def own(self) -> list[ScoreRecord]:
        """Score records of experiments that fill no row of a printed table."""
        return [record for record in self.scores.values() if not record.rows]


def record_paths(folder: Path, parts: Iterable[str] = ("records", "costs")) -> list[Path]:
    """Files of a profile's records, in the order of reading. Hidden ones are left out, because they are half-written."""
    return [path for part in parts for path in sorted(folder.glob(f"{part}/[!.]*.json"))]


def load_store(profile: str, results: Path = RESULTS) -> Store:
    """Reads all records in results/<profile>. HarnessError names the first file that is damaged."""
    folder = Path(results) / profile
    records = [load_record(path, profile) for path in record_paths(folder, FOLDERS)]
    if not any(isinstance(record, Record) for record in records):
        raise HarnessError(
            f"no records under {folder}; expected {folder}/records/*.json; run dvc repro, or name another --profile"
        )
    return store_of(profile, folder, records)


def _joined(store: Store) -> Store:
    """The store, together with the records of the profile that it adds seeds to."""
    others = store.asked and store.asked.adds_to
    if not others or not store.asked:
        return store
    asked = read_asked(check_name("profile", others), store.folder.parent.parent / "pipelines")
    if asked and asked.adds_to:  # itself, or one that reads this one
        raise HarnessError(f"adds_to: given {others}, which adds to {asked.adds_to}; expected a profile that adds to none")
    if store.published and others not in _with_records(store.folder.parent):
        return store  # published weights stand beside trained ones where there are any
    base = load_store(others, store.folder.parent)
    return replace(
        store,
        scores={**base.scores, **store.scores},
        costs={**base.costs, **store.costs},
        anchors={**base.anchors, **store.anchors},
        measurements={**base.measurements, **store.measurements},
        throughputs={**base.throughputs, **store.throughputs},
        asked=store.asked.with_others(base.asked),
    )


def store_of(profile: str, folder: Path, records: Iterable[Sealed]) -> Store:
    """A store of records that are already read, together with those of the profile that they add seeds to."""
    records = list(records)
    scores = {record.cell: record for record in records if isinstance(record, ScoreRecord)}
    costs = {record.cell: record for record in records if isinstance(record, CostRecord)}
    anchors = {record.cell: record for record in records if isinstance(record, AnchorRecord)}
    digests = {(type(record), record.digest) for record in records}
    measurements = {
        record.cell: record
        for record in records
        if isinstance(record, Measurement)
        and not digests.isdisjoint({(kind, record.record_digest) for kind in FOLDERS["records"]})
    }
    throughputs = {
        record.network: record
        for record in records
        if isinstance(record, Throughput) and (CostRecord, record.record_digest) in digests
    }
    store = Store(
        profile,
        folder,
        scores,
        costs,
        anchors,
        measurements,
        throughputs,
        read_asked(profile, folder.parent.parent / "pipelines"),
        {record.cell: record for record in records if isinstance(record, PublishedRecord)},
    )
    return _joined(store)


def profiles_with_records(results: Path = RESULTS) -> list[str]:
    """Names of the profiles that have records. HarnessError if there is none."""
    found = _with_records(results)
    if not found:
        raise HarnessError(f"no records under {results}/*/records; run dvc repro first")
    return sorted(found)


def _with_records(results: Path) -> set[str]:
    return {path.parent.parent.name for part in ("records", "costs") for path in Path(results).glob(f"*/{part}/[!.]*.json")}


def chosen_profiles(profile: str | None, results: Path = RESULTS) -> list[str]:
    """The given profile, or every profile with records."""
    found = profiles_with_records(results)
    if profile is not None and profile not in found:
        raise unknown_choice("profile with records", profile, found)
    return [profile] if profile else found


def load_record(path: Path, profile: str) -> Sealed:
    """Reads one record. HarnessError unless it is of this profile, in the folder of its kind, and named as its file."""
    record = read_record(path)
    if not isinstance(record, FOLDERS[path.parent.name]):
        raise HarnessError(f"{path}: holds a {record.kind} record, which does not belong in {path.parent.name}; rerun its stage")
    found, name = getattr(record, "profile", ""), getattr(record, "cell", getattr(record, "network", ""))
    if found != profile:
        raise HarnessError(f"{path}: belongs to profile {found!r}, not {profile!r}; move it or rerun its stage")
    if path.stem != name:
        raise HarnessError(f"{path}: is the record of {name!r}; expected the file name {name}.json")
    return record
