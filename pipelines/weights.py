"""A trained generator on disk, in each of the forms that this project writes or reads.

A cell's run (run.json and g_ema.safetensors), a model folder (config.json and model.safetensors), a converted checkpoint (one
.safetensors file) and the authors' own folder. What is missing, damaged or foreign is one HarnessError.
"""

from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from harness.config import from_mapping
from harness.errors import HarnessError, unknown_choice
from harness.files import sha256_file
from harness.names import check_name
from harness.records.models import Run
from harness.records.record import read_as
from harness.records.store import RESULTS
from harness.strict_json import parse_json
from lada.configs import GeneratorConfig
from lada.generator import Generator
from pipelines.published.convert import CONFIG, METADATA, MODEL, build_generator, load_generator, read_published

RUN, AVERAGE = "run.json", "g_ema.safetensors"  # of a cell
CHECKPOINTS = "best-training-checkpoints"  # of the authors' folder
FORMS = f"a cell, a folder with {RUN} or {CONFIG}, or a .safetensors file of this project"


@dataclass(frozen=True)
class Weights:
    """A generator in eval mode on the CPU. label: whose it is; sha256: of the file that its weights lay in."""

    label: str
    sha256: str
    generator: Generator


def open_weights(given: str, profile: str | None = None) -> Weights:
    """The weights at a path, or of the cell with this name (of `profile`, where several profiles have it)."""
    path = Path(given)
    if path.exists():
        return _at(path)
    if path.suffix or len(path.parts) != 1:
        raise HarnessError(f"nothing at {given}; expected {FORMS}")
    return read_run(run_folder(given, profile))


def run_folder(cell: str, profile: str | None = None, results: Path = RESULTS) -> Path:
    """The folder of a cell's run. HarnessError if no profile has trained it, or several have."""
    check_name("cell", cell)
    wanted = check_name("profile", profile) if profile else "*"
    found = sorted(path.parent for path in results.glob(f"{wanted}/runs/{cell}/{RUN}"))
    if len(found) > 1:
        names = ", ".join(folder.parent.parent.name for folder in found)
        raise HarnessError(f"cell {cell} was trained in {names}; expected --profile with one of them")
    if not found:
        name = profile or "<profile>"
        raise HarnessError(
            f"no trained weights of {cell} at {results / name / 'runs' / cell}; expected the folder that its train stage writes; "
            f"run .venv/bin/dvc repro pipelines/{name}/dvc.yaml:train@{cell}, or give {FORMS}"
        )
    return found[0]


def _at(path: Path) -> Weights:
    folder = path if path.is_dir() else path.parent
    if (folder / RUN).is_file():
        return read_run(folder, AVERAGE if path.is_dir() or path.name == RUN else path.name)
    if path.is_dir() and (folder / CHECKPOINTS).is_dir():
        return _authors(folder)
    if (folder / CONFIG).is_file() and (path.is_dir() or path.name in (CONFIG, MODEL)):
        generator = load_generator(folder)
        return Weights(folder.resolve().name, sha256_file(folder / MODEL), generator)
    if path.is_file():
        return _converted(path)
    raise HarnessError(f"{path} holds no weights; expected {FORMS}")


def read_run(folder: Path, name: str = AVERAGE) -> Weights:
    """Reads a file of a cell's run, the last averaged weights or a snapshot, and checks the sha256 from training."""
    path = folder / RUN
    run = read_as(Run, path)
    if name not in run.weights:
        raise unknown_choice(f"weights in {path}", name, run.weights)
    sha256, state, _ = _tensors(folder / name)
    if sha256 != run.weights[name]:
        raise HarnessError(
            f"{folder / name} is damaged: its sha256 is not the one in {RUN}; run the train stage of {run.cell} again"
        )
    config = from_mapping(GeneratorConfig, run.config.get("generator"), f"{path}: config.generator")
    label = f"{run.profile}/{run.cell}" + ("" if name == AVERAGE else f", {name}")
    return Weights(label, sha256, build_generator(config, run.config.get("attention"), state, folder / name, path))


def _authors(folder: Path) -> Weights:
    published = read_published(folder)
    sha256 = next(digest for name, digest in published.files.items() if ".data-" in name)
    generator = build_generator(published.generator, "lada", published.generator_state(), published.path, folder / CONFIG)
    return Weights(f"published weights, {published.checkpoint}", sha256, generator)


def _converted(path: Path) -> Weights:
    sha256, state, metadata = _tensors(path)
    if METADATA not in metadata:
        raise HarnessError(f"{path} does not say of which network it is (metadata {METADATA}); expected {FORMS}")
    try:
        facts = parse_json(metadata[METADATA])
        config, checkpoint = facts["config"], str(facts["checkpoint"])
    except (ValueError, KeyError, TypeError) as error:
        raise HarnessError(f"{path}: its metadata {METADATA} cannot be read; convert the checkpoint again") from error
    network = from_mapping(GeneratorConfig, config, f"{path}: config")
    return Weights(f"published weights, {checkpoint}", sha256, build_generator(network, "lada", state, path, path))


def _tensors(path: Path) -> tuple[str, dict[str, Tensor], dict[str, str]]:
    """sha256, tensors and metadata of a safetensors file."""
    if not path.is_file():
        raise HarnessError(f"no file at {path}; expected weights in safetensors; get them again")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        return sha256_file(path), load_file(path), metadata
    except SafetensorError as error:
        raise HarnessError(f"{path} is no readable safetensors file ({error}); get it again") from error
