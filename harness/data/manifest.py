"""The manifest of prepared images: what they are, where they came from, and the hashes of the files in its folder.

    manifest.json   name, image_shape, source, preparation, versions, splits {split: count, sha256, shards, labels}, check

`check` is the digest of all other entries, so a damaged manifest is always noticed.
"""

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import features

from harness.errors import HarnessError
from harness.files import digest, write_json

SCHEMA_VERSION = 2
MANIFEST = "manifest.json"
ENTRIES = {"name": str, "image_shape": list, "source": dict, "preparation": dict, "versions": dict, "splits": dict}
SPLIT_ENTRIES = {"count": int, "sha256": str, "shards": list}


def read_manifest(root: Path | str) -> dict[str, Any]:
    """The manifest under `root`. HarnessError if it is missing, damaged or of another version."""
    path = Path(root) / MANIFEST
    if not path.is_file():
        raise HarnessError(f"no prepared images at {root}; expected {MANIFEST} there; run `python -m pipelines.prepare` first")
    advice = f"delete {root} and prepare again"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version = manifest["schema_version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HarnessError(f"{path} is not a manifest ({error!r}); {advice}") from error
    if version != SCHEMA_VERSION:
        raise HarnessError(f"{path} has schema version {version}; expected {SCHEMA_VERSION}; {advice}")
    if manifest.get("check") != _check(manifest):
        raise HarnessError(f"{path} is damaged: it does not match its own check sum; {advice}")
    wrong = [key for key, kind in ENTRIES.items() if not isinstance(manifest.get(key), kind)]
    splits = manifest["splits"].values() if not wrong else ()
    if wrong or any(not isinstance(split.get(key), kind) for split in splits for key, kind in SPLIT_ENTRIES.items()):
        raise HarnessError(f"{path} is not a manifest (wrong {', '.join(wrong) or 'splits'}); {advice}")
    return manifest


def write_manifest(root: Path, manifest: dict[str, Any]) -> None:
    """Writes the manifest to `root`, with its schema version and check sum."""
    sealed = {"schema_version": SCHEMA_VERSION, **manifest}
    write_json(root / MANIFEST, {**sealed, "check": _check(sealed)})


def _check(manifest: dict[str, Any]) -> str:
    content = {key: value for key, value in manifest.items() if key != "check"}
    try:
        return digest(content)
    except (ValueError, RecursionError):  # NaN or too much nesting, which no manifest of ours has
        return "none"


def library_versions() -> dict[str, str | None]:
    """Versions of the libraries that decode, resize and store the images."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "libjpeg_turbo": features.version("libjpeg_turbo"),
        "webp": features.version("webp"),
    }
