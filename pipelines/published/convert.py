"""The authors' published checkpoints as a folder of model.safetensors and config.json, and a generator out of such a folder.

Here the harness's reader of TensorFlow's files, which knows no architecture, meets lada's table of names, which knows no files.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from baselines.attention import ATTENTIONS
from harness.checkpoints.bundle import bundle_files, read_bundle
from harness.checkpoints.folder import latest_checkpoint, read_object
from harness.config import from_mapping
from harness.errors import HarnessError, unknown_choice
from harness.files import atomic_path, sha256_file, write_json
from lada.configs import DiscriminatorConfig, GeneratorConfig
from lada.generator import Generator
from lada.layers import quick_draws
from lada.tensorflow import SUFFIX, discriminator_state, generator_state
from lada.tensorflow_config import published_configs

METADATA = "lada-generator"  # the one entry of the written file's metadata
MODEL, CONFIG = "model.safetensors", "config.json"
ATTENTION = "attention"  # the entry of CONFIG beside those of GeneratorConfig


@dataclass(frozen=True)
class Published:
    """A published folder, read and checked: `files` are {name in it: sha256}, `tensors` {key: values} of its checkpoint."""

    generator: GeneratorConfig
    discriminator: DiscriminatorConfig
    checkpoint: str
    n_images: int
    files: dict[str, str]
    tensors: dict[str, Tensor]
    path: Path

    def generator_state(self, weights: str = "ema_generator") -> dict[str, Tensor]:
        """State dict of Generator(self.generator): the average, or the last raw weights ("generator")."""
        with _naming(self.path):
            return generator_state(self.generator, self.tensors, weights)

    def discriminator_state(self) -> dict[str, Tensor]:
        """State dict of Discriminator(self.discriminator)."""
        with _naming(self.path):
            return discriminator_state(self.discriminator, self.tensors)


def read_published(folder: Path | str) -> Published:
    """Reads config.json and the latest of best-training-checkpoints/ in `folder`, laid out as the authors publish theirs.

    Raises HarnessError naming the file for what is missing, damaged or contradicts itself.
    """
    folder = Path(folder)
    config, checkpoints = folder / "config.json", folder / "best-training-checkpoints"
    generator, discriminator = read_configs(config)
    prefix = latest_checkpoint(checkpoints)
    paths = (config, checkpoints / "checkpoint", *bundle_files(prefix))
    tensors = {key: torch.from_numpy(values) for key, values in read_bundle(prefix).items()}
    files = {path.relative_to(folder).as_posix(): sha256_file(path) for path in paths}
    return Published(generator, discriminator, prefix.name, _n_images(tensors, prefix), files, tensors, prefix)


def read_configs(path: Path) -> tuple[GeneratorConfig, DiscriminatorConfig]:
    """The networks that a published config.json describes. Raises HarnessError naming the file and the key."""
    with _naming(path):
        return published_configs(read_object(path))


def convert(folder: Path | str, out: Path | str) -> dict[str, object]:
    """Writes the averaged generator of a published folder to `out` (safetensors), whole or not at all; returns its metadata.

    The metadata are its configuration, the checkpoint's name and images seen, and the sha256 of every file read; the same
    folder gives the same bytes. Raises HarnessError as `read_published` does.
    """
    published = read_published(folder)
    state = published.generator_state()
    facts = {
        "config": asdict(published.generator),
        "weights": "ema_generator",
        "checkpoint": published.checkpoint,
        "n_images": published.n_images,
        "sha256": published.files,
    }
    with atomic_path(out) as temporary:
        save_file(state, temporary, metadata={METADATA: json.dumps(facts, sort_keys=True)})
    return facts


def convert_folder(folder: Path | str, out: Path | str) -> dict[str, object]:
    """Writes the averaged generator of a published folder to the folder `out`, as `load_generator` reads it, whole or not at all.

    Returns and raises what `convert` does.
    """
    with atomic_path(out) as temporary:
        temporary.mkdir(parents=True)
        facts = convert(folder, temporary / MODEL)
        write_json(temporary / CONFIG, {ATTENTION: "lada", **asdict(read_configs(Path(folder) / "config.json")[0])})
    return facts


def load_generator(folder: Path | str) -> Generator:
    """The generator in a folder of model.safetensors and config.json, in eval mode on the CPU, without gradients.

    config.json holds the entries of GeneratorConfig and the name of the attention. HarnessError names the file for what is
    missing, damaged, or does not belong to the other.
    """
    model, path = Path(folder) / MODEL, Path(folder) / CONFIG
    values = dict(read_object(path))
    attention = values.pop(ATTENTION, "lada")
    config = from_mapping(GeneratorConfig, values, str(path))
    if not model.is_file():
        raise HarnessError(f"no weights at {model}; expected a folder with {MODEL} and {CONFIG}; convert or download it again")
    try:
        state = load_file(model)
    except SafetensorError as error:
        raise HarnessError(f"{model}: {str(error)[:300]}; expected the weights in safetensors; get the file again") from error
    return build_generator(config, attention, state, model, path)


def build_generator(config: GeneratorConfig, attention: object, state: dict[str, Tensor], model: Path, path: Path) -> Generator:
    """The generator that `path` describes with the weights of the file `model`, in eval mode on the CPU, without gradients.

    HarnessError naming the file for an unknown attention and for weights of another network."""
    if not isinstance(attention, str) or attention not in ATTENTIONS:
        raise unknown_choice(f"attention in {path}", attention, ATTENTIONS)
    try:
        with torch.device("meta"):  # names and shapes first: no memory for a size that the weights do not have
            Generator(config, ATTENTIONS[attention]).load_state_dict(state, assign=True)
    except (RuntimeError, TypeError, OverflowError) as error:  # the last two: sizes beyond 64 bits
        said = " ".join(str(error).split())[:300]
        raise HarnessError(f"{model}: {said}; expected the weights that {path} describes; get both again") from error
    with quick_draws():
        generator = Generator(config, ATTENTIONS[attention])
    generator.load_state_dict(state)
    return generator.eval().requires_grad_(False)


def read_facts(folder: Path | str) -> dict[str, Any]:
    """What `convert_folder` returned when it wrote `folder`; HarnessError where its weights hold no such facts."""
    model = Path(folder) / MODEL
    try:
        with safe_open(model, "pt") as file:
            return json.loads((file.metadata() or {})[METADATA])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise HarnessError(f"{model}: {str(error)[:200]}; expected converted weights; run their fetch stage again") from error


def _n_images(tensors: dict[str, Tensor], prefix: Path) -> int:
    """Images seen in training, which the authors also number their checkpoints by."""
    value = tensors.get(f"n_images{SUFFIX}")
    if value is None or value.ndim or value.dtype != torch.int32:
        raise HarnessError(f"{prefix}.index: no n_images of the authors' trainer; expected a checkpoint of milmor/LadaGAN")
    n_images = int(value)
    if prefix.name != f"ckpt-{n_images}":
        raise HarnessError(f"{prefix}.index: given n_images {n_images}; expected the number in its name; get the files again")
    return n_images


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turns lada's ValueError into one line that names the file."""
    try:
        yield
    except ValueError as error:
        raise HarnessError(f"{path}: {error}") from None
