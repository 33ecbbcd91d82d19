"""What scoring published weights needs, checked before the hours of work; what is missing is a line each."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data import DATASETS
from harness.data.manifest import MANIFEST
from harness.data.published_files import fetch_alone
from harness.errors import HarnessError
from harness.locks import InUse, output_lock
from harness.metrics.extractors import Extractor, load_extractor
from lada.generator import Generator
from pipelines.needs import check_data
from pipelines.profile import Profile
from pipelines.published.convert import MODEL, load_generator, read_facts
from pipelines.published.fetch import LACKING, checkpoint, weights_path


@dataclass(frozen=True)
class Ready:
    """Everything that scoring one checkpoint needs. It is checked before the hours of work."""

    generator: Generator
    facts: dict[str, Any]  # of the converted file
    root: Path  # prepared pictures
    extractor: Extractor


def prepare(profile: Profile, key: str, device: str) -> tuple[Ready | None, list[str]]:
    """What scoring needs, or a line for each missing thing. InUse if another process downloads or prepares some of it."""
    params, weights = checkpoint(profile, key), weights_path(profile, key)
    extractor: Extractor | None = None
    missing: list[str] = []
    if not (weights / MODEL).is_file():
        line = weights / LACKING
        missing.append(line.read_text("utf-8").strip() if line.is_file() else f"no weights at {weights}; run their fetch stage")
    root = profile.results / "data" / params.data
    try:
        extractor = fetched_extractor(profile, device)
    except InUse:  # no lack: another checkpoint's stage is about to have it
        raise
    except HarnessError as error:
        missing.append(str(error))
    try:
        with nullcontext() if (root / MANIFEST).is_file() else output_lock(root):
            prepare_data(profile, params.data, root)
    except InUse:
        raise
    except HarnessError as error:
        missing.append(str(error))
    if missing or extractor is None:
        return None, missing
    return Ready(load_generator(weights).to(device), read_facts(weights), root, extractor), []


def fetched_extractor(profile: Profile, device: str) -> Extractor:
    """The profile's extractor. Fetches its weights if they are missing. Random weights need no file."""
    features = profile.features
    if features is None:
        raise HarnessError("missing features; expected the extractor with which checkpoints are scored; add it")
    if features.random_seed is None and features.weights is not None and features.extractor == "inception-v3":
        from harness.metrics.inception import MAX_BYTES, SHA256, URL_INCEPTION_V3  # torch-fidelity takes seconds to import

        fetch_alone(URL_INCEPTION_V3, Path(features.weights), f"sha256:{SHA256}", MAX_BYTES)
    return load_extractor(features.extractor, features.weights, device, random_seed=features.random_seed)


def prepare_data(profile: Profile, key: str, root: Path) -> None:
    """Prepares the pictures of dataset `key` in `root`. HarnessError for what is missing or not as asked."""
    if not (root / MANIFEST).is_file():
        entry = profile.entries[key]
        DATASETS[entry["name"]](entry, root)
    check_data(profile, key)
