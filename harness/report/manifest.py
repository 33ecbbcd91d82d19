"""What a report was made from and what it consists of: digests of every record it read and every file it wrote."""

import json
from pathlib import Path

from harness.errors import HarnessError
from harness.files import sha256_file, write_json
from harness.records.store import Store

NAME = "tables/manifest.json"


def record_digests(store: Store) -> dict[str, str]:
    """{"records/<cell>.json": digest} of every record, the digest that the record itself carries."""
    found = {f"records/{cell}.json": record for cell, record in (store.scores | store.anchors).items()}
    found |= {f"costs/{network}.json": record for network, record in store.costs.items()}
    return {path: found[path].digest for path in sorted(found)}


def write_manifest(store: Store, files: list[Path]) -> None:
    """Writes results/<profile>/tables/manifest.json, the last file of a report."""
    written = {path.relative_to(store.folder).as_posix(): sha256_file(path) for path in sorted(files)}
    write_json(store.folder / NAME, {"profile": store.profile, "records": record_digests(store), "files": written})


def read_manifest(folder: Path) -> dict[str, dict[str, str]]:
    """The manifest of a report; HarnessError where there is none or it cannot be read."""
    path = folder / NAME
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return {name: dict(manifest[name]) for name in ("records", "files")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{path}: not a readable manifest ({type(error).__name__}); run python -m harness.report and compare"
        raise HarnessError(reason) from error
