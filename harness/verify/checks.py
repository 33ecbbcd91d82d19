"""The checks of a profile's results. Each yields one line per problem."""

from collections.abc import Iterator
from pathlib import Path

from harness.errors import HarnessError
from harness.files import sha256_file
from harness.records.models import Record, Sealed
from harness.records.store import FOLDERS, RESULTS, Store, load_record, record_paths, store_of
from harness.report.manifest import NAMES, read_manifest, record_digests
from harness.report.table_files import render
from harness.report.tables import build_tables
from harness.verify.files import CHECKS


def check_profile(profile: str, results: Path = RESULTS) -> tuple[list[str], dict[str, int]]:
    """(problems, {kind of check: how many}) of results/<profile>."""
    folder = results / profile
    records, problems = [], []
    for path in record_paths(folder, FOLDERS):
        try:
            records.append(load_record(path, profile))
        except HarnessError as error:
            problems.append(str(error))
    counts = {"records": sum(isinstance(record, Record) for record in records)}
    if not problems:  # tables cannot be checked if some records are unreadable
        store = store_of(profile, folder, records)
        counts["table files"] = len(render(store, build_tables(store)))
        problems += [*check_tables(store), *check_manifest(store)]
        problems += check_mixture(store)
    for name, check in CHECKS.items():
        found = list(check([record for record in records if isinstance(record, Sealed)], folder))
        counts[name] = len(found)
        problems += [outcome for outcome in found if outcome]
    return problems, counts


def check_mixture(store: Store) -> Iterator[str]:
    """Checks that every record is what params.yaml asks for."""
    for cell, reasons in store.mixture().items():
        more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
        said = f"{'; '.join(reasons[:3])}{more}; run the cell again"
        yield f"{store.folder / 'records' / cell}.json: not what params.yaml asks for: {said}"


def check_tables(store: Store) -> Iterator[str]:
    """Recomputes every table from the records and compares it with the file on disk, byte by byte."""
    for name, text in render(store, build_tables(store)).items():
        path = store.folder / "tables" / name
        if not path.is_file():
            yield f"{path}: missing; run python -m harness.report"
        elif path.read_bytes() != text.encode():
            yield f"{path}: differs from what the records say{_first_difference(path, text)}"


def _first_difference(path: Path, text: str) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, (found, expected) in enumerate(zip(lines, text.splitlines(), strict=False), start=1):
        if found != expected:
            column = next((index for index, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), 0)
            start = max(0, column - 12)
            return f", first in line {number}: found {found[start : column + 12]!r}, expected {expected[start : column + 12]!r}"
    return ", in its length or line ends"


def check_manifest(store: Store) -> Iterator[str]:
    """Checks that records and report files are those of the last report."""
    try:
        manifest = read_manifest(store.folder)
    except HarnessError as error:
        yield str(error)
        return
    current = record_digests(store)
    for name in sorted(current.keys() | manifest["records"].keys()):
        if current.get(name) != manifest["records"].get(name):
            yield f"{store.folder / name}: not the record that the report was made from; run python -m harness.report and compare"
    for name, expected in manifest["files"].items():
        path = store.folder / name
        if not path.is_file() or sha256_file(path) != expected:
            yield f"{path}: not the file that the report wrote"
    for path in sorted((store.folder / "tables").iterdir()):
        name = path.relative_to(store.folder).as_posix()
        if name not in manifest["files"] and name not in NAMES:
            yield f"{path}: not part of the report; remove it"
