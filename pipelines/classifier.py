"""Stage: train the digits classifier that stands in for Inception-v3.

`python -m pipelines.classifier --params pipelines/digits/params.yaml` reads the prepared digits and writes
results/<profile>/extractor/digits-cnn.safetensors.
"""

import argparse
from pathlib import Path

from harness.config import load_params
from harness.data.arrays import open_split
from harness.errors import HarnessError, run_command
from harness.metrics.classifier import train_digits_classifier

SEED = 0


def main(argv: list[str] | None = None) -> None:
    """Trains the classifier on the training split and prints its accuracy on the test split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", required=True, type=Path, help="the profile's params.yaml")
    params = load_params(parser.parse_args(argv).params)
    results = Path("results") / params["profile"]
    root = Path(params["features"].get("made_from") or results / "data" / "digits")
    out = results / "extractor" / "digits-cnn.safetensors"
    facts = train_from(root, out)
    print(f"{out}: {facts['accuracy']:.4f} of the test digits recognised")


def train_from(root: Path, out: Path) -> dict[str, object]:
    """Trains on the prepared digits under `root`, writes `out` and returns what its metadata says."""
    train, test = open_split(root, "train"), open_split(root, "test")
    if train.labels is None or test.labels is None:
        raise HarnessError(f"given {root}, which has no labels; expected the prepared digits; run `python -m pipelines.prepare`")
    data = (train[:], train.labels)
    return train_digits_classifier(*data, SEED, out, test=(test[:], test.labels), data_sha256=train.sha256)


if __name__ == "__main__":
    run_command(main)
