"""Stage: the network whose features are scored. `python -m pipelines.extractor --params pipelines/digits/params.yaml`.

Writes results/<profile>/extractor/: digits-cnn is trained on the prepared digits; inception-v3 is the published file, found at
`features.weights` or downloaded, its sha256 checked before it is opened.
"""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.config import from_mapping, load_params
from harness.data.arrays import open_split
from harness.errors import HarnessError, run_command, unknown_choice
from harness.files import atomic_path
from harness.metrics.classifier import train_digits_classifier

SEED = 0


@dataclass(frozen=True)
class FeatureParams:
    """params.yaml's `features`: the extractor, what DVC must see change to make it again, and a weights file if it has one.

    `random_seed` stands for random weights, with which a dry run needs no file and is comparable with nothing."""

    extractor: str
    made_from: str
    weights: str | None = None
    random_seed: int | None = None


def main(argv: list[str] | None = None) -> None:
    """Makes the profile's extractor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", required=True, type=Path, help="the profile's params.yaml")
    params = load_params(parser.parse_args(argv).params)
    features = from_mapping(FeatureParams, params["features"], "features")
    if features.extractor not in MAKERS:
        raise unknown_choice("features.extractor", features.extractor, MAKERS)
    with atomic_path(Path("results") / params["profile"] / "extractor") as folder:
        folder.mkdir(parents=True)
        print(f"{features.extractor}: {MAKERS[features.extractor](features, folder)}")


def make_digits_cnn(features: FeatureParams, folder: Path) -> str:
    """Trains the classifier on the prepared digits under `made_from`; returns how well it reads the test digits."""
    train, test = (open_split(features.made_from, split) for split in ("train", "test"))
    if train.labels is None or test.labels is None:
        raise HarnessError(f"given {features.made_from}, which has no labels; expected the prepared digits; prepare them first")
    facts = train_digits_classifier(
        train[:],
        train.labels,
        SEED,
        folder / "digits-cnn.safetensors",
        test=(test[:], test.labels),
        data_sha256=train.sha256,
    )
    return f"{facts['accuracy']:.4f} of the test digits recognised"


def make_inception(features: FeatureParams, folder: Path) -> str:
    """Copies the published weights once their sha256 is right."""
    if features.random_seed is not None:
        (folder / "random.txt").write_text(f"random weights from seed {features.random_seed}\n")
        return "random weights, for a dry run: its scores are comparable with nothing"
    from harness.metrics.inception import published_weights  # torch-fidelity takes seconds to import

    source = published_weights(Path(features.weights) if features.weights else None)
    shutil.copyfile(source, folder / "inception-v3.pth")
    return f"{source} has the published sha256"


MAKERS: dict[str, Callable[[FeatureParams, Path], str]] = {"digits-cnn": make_digits_cnn, "inception-v3": make_inception}

if __name__ == "__main__":
    run_command(main)
