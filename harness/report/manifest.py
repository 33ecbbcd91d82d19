"""The manifests of a report: digests of every record that it read and every file that it wrote.

Two files: `manifest.json` covers what repeats on every machine, `manifest_measured.json` what holds a measured time.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.errors import HarnessError
from harness.files import sha256_file, write_json
from harness.records.models import Sealed
from harness.records.store import Store

REPEATS, MEASURED = "tables/manifest.json", "tables/manifest_measured.json"
NAMES = (REPEATS, MEASURED)


def record_digests(store: Store) -> dict[str, str]:
    """{"records/<cell>.json": digest} of every record that the report read. The digest is the one inside the record."""
    return _digests(_repeating(store)) | _digests(_measured(store))


def _repeating(store: Store) -> dict[str, Mapping[str, Sealed]]:
    return {"records": {**store.scores, **store.anchors}, "costs": store.costs}


def _measured(store: Store) -> dict[str, Mapping[str, Sealed]]:
    return {"measured": store.measurements, "throughput": store.throughputs}


def _digests(parts: Mapping[str, Mapping[str, Sealed]]) -> dict[str, str]:
    found = {f"{part}/{name}.json": record.digest for part, records in parts.items() for name, record in records.items()}
    return {path: found[path] for path in sorted(found)}


def write_manifest(store: Store, repeating: Iterable[Path], measured: Iterable[Path] = ()) -> None:
    """Writes both manifests. They are the last files of a report."""
    for name, records, files in ((REPEATS, _repeating(store), repeating), (MEASURED, _measured(store), measured)):
        written = {path.relative_to(store.folder).as_posix(): sha256_file(path) for path in sorted(files)}
        write_json(store.folder / name, {"profile": store.profile, "records": _digests(records), "files": written})


def read_manifest(folder: Path) -> dict[str, dict[str, str]]:
    """Both manifests of a report as one. HarnessError if one is missing or cannot be read."""
    whole: dict[str, dict[str, str]] = {"records": {}, "files": {}}
    for name in NAMES:
        path = folder / name
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            for part, entries in whole.items():
                entries.update(dict(manifest[part]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            reason = f"{path}: not a readable manifest ({type(error).__name__}); run python -m harness.report and compare"
            raise HarnessError(reason) from error
    return whole
