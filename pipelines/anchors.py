"""Stage: scale anchors of one dataset. `python -m pipelines.anchors --params pipelines/digits/params.yaml --data digits`."""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
from pathlib import Path
from time import time

from harness.arithmetic import arithmetic
from harness.data.arrays import open_split
from harness.data.draws import drawn_indices
from harness.device import default_device, use_threads
from harness.errors import run_command
from harness.images import image_grid
from harness.locks import output_lock
from harness.metrics.adm import StoredReference
from harness.metrics.anchors import scale_anchors
from harness.metrics.protocol import SUBSET_SEED
from harness.metrics.reference import reference_images
from harness.records.environment import this_process, versions
from harness.records.measured import Measurement
from harness.records.models import AnchorRecord
from harness.records.record import make, write_record
from harness.training.distributed import join_ranks
from pipelines.profile import Profile, load_profile, profile_argument
from pipelines.sampler import GRID_COLUMNS, SAMPLES, grid_scale
from pipelines.scoring import Scorer, load_scorer


def main(argv: list[str] | None = None) -> None:
    """Scores one half of the reference against the other, and the reference with increasing noise, for every protocol."""
    parser = argparse.ArgumentParser(description=__doc__)
    profile_argument(parser)
    parser.add_argument("--data", required=True, help="a key of its `data`")
    args = parser.parse_args(argv)
    began, profile, ranks = time(), load_profile(args.params), join_ranks()
    use_threads(profile.defaults.threads)
    scorer = load_scorer(profile, args.data, default_device(), ranks)
    if ranks.rank:  # other ranks help with the reference, but only rank 0 writes the record
        return
    out = profile.results / "records" / f"anchors-{args.data}.json"
    with output_lock(out):
        record = anchor_record(
            profile, args.data, scorer, f"python -m pipelines.anchors --params {args.params} --data {args.data}"
        )
        write_record(out, record)
        process = this_process("anchors", began, time() - began, scorer.device)
        parts = {"cell": record.cell, "profile": record.profile, "record_digest": record.digest}
        write_record(profile.results / "measured" / out.name, make(Measurement, **parts, processes=[process]))


def anchor_record(profile: Profile, data: str, scorer: Scorer, command: str) -> AnchorRecord:
    """The anchors of dataset `data` under every protocol that has reference images."""
    anchors = {}
    for protocol in scorer.protocols:
        reference = scorer.reference(protocol)
        if isinstance(reference, StoredReference):  # statistics have no images to divide or to add noise to
            continue
        anchors[protocol.name] = scale_anchors(
            reference_images(profile.results / "data" / data, protocol),
            scorer.extractor,
            protocol,
            scorer.params.seeds[0],
            reference=reference,
            batch_size=scorer.params.batch,
            progress=False,
            device=scorer.device,
        )
    identity = scorer.identity()
    return make(
        AnchorRecord,
        cell=f"anchors-{data}",
        profile=profile.name,
        config={"data": profile.entries[data], "evaluate": profile.written.evaluate[data]},
        command=command,
        versions=versions(),
        arithmetic=arithmetic(scorer.device),
        extractor=identity["extractor"],
        comparability=identity["comparability"],
        anchors=anchors,
        samples=str(real_pictures(profile, data)),
    )


def real_pictures(profile: Profile, data: str) -> Path:
    """Draws training images, chosen at random, as every cell's samples are drawn. Returns the file's path."""
    images = open_split(profile.results / "data" / data, "train")
    chosen = images[drawn_indices(len(images), SAMPLES, SUBSET_SEED)]
    path = profile.results / "samples" / f"anchors-{data}.png"
    return image_grid(chosen, path, columns=GRID_COLUMNS, scale=grid_scale(chosen.shape[-1]))


if __name__ == "__main__":
    run_command(main)
