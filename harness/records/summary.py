"""`python -m harness.records.summary --profile NAME`: writes each cell's last scores to its own file, for `dvc metrics`."""

import argparse
from pathlib import Path

from harness.errors import run_command
from harness.files import atomic_path, write_json
from harness.records.models import ScoreRecord
from harness.records.store import RESULTS, load_store

FOLDER = "metrics"  # in results/<profile>


def main(argv: list[str] | None = None) -> None:
    """Writes results/<profile>/metrics/<cell>.json: the scores under the first protocol, by metric."""
    parser = argparse.ArgumentParser(prog="python -m harness.records.summary", description=main.__doc__)
    parser.add_argument("--profile", required=True, help="the profile whose records are summed up")
    store = load_store(parser.parse_args(argv).profile)
    write_summaries(store.scores, RESULTS / store.profile / FOLDER)


def write_summaries(scores: dict[str, ScoreRecord], folder: Path) -> None:
    """Replaces `folder` by one with a file per cell."""
    with atomic_path(folder) as fresh:
        fresh.mkdir(parents=True)
        for cell, record in scores.items():
            write_json(fresh / f"{cell}.json", summary(record))


def summary(record: ScoreRecord) -> dict[str, float | int | str]:
    """{images: 10240, fd: 14.6, ...} of the first protocol, which the tables print; {images, status} of a run without scores.

    The extractor is left out of the names, so that they fit a screen; the record has it."""
    found: dict[str, float | int | str] = {"images": record.images_seen}
    scores = next(iter(record.metrics.values()), None)
    if scores is None:
        return found | {"status": record.status}
    return found | {label.split("/")[0]: value for label, value in scores.items()}


if __name__ == "__main__":
    run_command(main)
