"""Stage: provides the network whose features are scored. `python -m pipelines.extractor --params pipelines/digits/params.yaml`.

Writes results/<profile>/extractor/: digits-cnn is committed, inception-v3 is the published file, found at `features.weights` or
downloaded; either's sha256 is checked before it is opened. `--remake` trains digits-cnn again and compares it with the committed
file, which it must equal to the last bit on an x86-64 with AVX2.
"""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from harness.arithmetic import arithmetic
from harness.data.arrays import open_split
from harness.data.digits import prepare_digits
from harness.errors import HarnessError, run_command
from harness.files import atomic_path, sha256_file
from harness.locks import output_lock
from harness.metrics.classifier import SHA256, WEIGHTS, train_digits_classifier
from pipelines.profile import load_profile
from pipelines.sections import FeatureParams

SEED = 0


def main(argv: list[str] | None = None) -> None:
    """Writes the profile's extractor to its folder, or trains the committed one again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--params", type=Path, help="the profile's params.yaml")
    what.add_argument("--remake", action="store_true", help="train digits-cnn again and compare it with the committed file")
    args = parser.parse_args(argv)
    if args.remake:
        print(remake())
        return
    profile = load_profile(args.params)
    features = profile.features
    if features is None:
        raise HarnessError("missing features; expected the extractor to put in its place; add it to the parameters")
    with output_lock(profile.results / "extractor"), atomic_path(profile.results / "extractor") as folder:
        folder.mkdir(parents=True)
        print(f"{features.extractor}: {MAKERS[features.extractor](features, folder)}")


def remake() -> str:
    """Trains digits-cnn on the digits in scikit-learn. HarnessError if the file differs from the committed one."""
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "digits-cnn.safetensors"
        facts = train_committed(Path(scratch) / "digits", made)
        found = sha256_file(made)
    if found != SHA256:
        raise HarnessError(
            f"digits-cnn made in {arithmetic()} has sha256 {found}; expected the committed {SHA256}; "
            "only pinned arithmetic on an x86-64 with AVX2 repeats it"
        )
    return f"bit for bit the committed file, sha256 {found}; {facts['accuracy']:.4f} of the test digits recognised"


def train_committed(data: Path, out: Path) -> dict[str, object]:
    """Prepares the digits in `data` and trains on them, as for the committed file. Returns the classifier's metadata."""
    prepare_digits({"name": "digits"}, data)
    train, test = open_split(data, "train"), open_split(data, "test")
    labels = [np.asarray(split.labels) for split in (train, test)]
    return train_digits_classifier(train[:], labels[0], SEED, out, test=(test[:], labels[1]), data_sha256=train.sha256)


def copy_digits_cnn(features: FeatureParams, folder: Path) -> str:
    """Copies the committed weights, if their sha256 is right."""
    if sha256_file(WEIGHTS) != SHA256:
        raise HarnessError(f"{WEIGHTS} is not the file with sha256 {SHA256}; restore it from Git")
    shutil.copyfile(WEIGHTS, folder / "digits-cnn.safetensors")
    return f"the committed file, sha256 {SHA256}"


def copy_inception(features: FeatureParams, folder: Path) -> str:
    """Copies the published weights, if their sha256 is right."""
    if features.random_seed is not None:
        (folder / "random.txt").write_text(f"random weights from seed {features.random_seed}\n")
        return "random weights, for a dry run: its scores are comparable with nothing"
    from harness.metrics.inception import published_weights  # torch-fidelity takes seconds to import

    source = published_weights(Path(features.weights) if features.weights else None)
    shutil.copyfile(source, folder / "inception-v3.pth")
    return f"{source} has the published sha256"


MAKERS: dict[str, Callable[[FeatureParams, Path], str]] = {"digits-cnn": copy_digits_cnn, "inception-v3": copy_inception}

if __name__ == "__main__":
    run_command(main)
