"""Stage: scale anchors of one dataset. `python -m pipelines.anchors --params pipelines/digits/params.yaml --data digits`."""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
from time import time

from harness.arithmetic import arithmetic
from harness.device import default_device
from harness.errors import run_command
from harness.metrics.anchors import scale_anchors
from harness.metrics.reference import reference_images
from harness.records.environment import this_process, versions
from harness.records.models import AnchorRecord, Measurement
from harness.records.record import make, write_record
from harness.training.distributed import join_ranks
from pipelines.profile import load_profile, profile_argument
from pipelines.scoring import load_scorer


def main(argv: list[str] | None = None) -> None:
    """Scores one half of the reference against the other, and the reference under graded noise, for every protocol."""
    parser = argparse.ArgumentParser(description=__doc__)
    profile_argument(parser)
    parser.add_argument("--data", required=True, help="a key of its `data`")
    args = parser.parse_args(argv)
    began, profile, ranks = time(), load_profile(args.params), join_ranks()
    scorer = load_scorer(profile, args.data, default_device(), ranks)
    if ranks.rank:  # torchrun's other ranks help with the reference, and must not write the record too
        return
    root = profile.results / "data" / args.data
    anchors = {
        protocol.name: scale_anchors(
            reference_images(root, protocol),
            scorer.extractor,
            protocol,
            scorer.params.seeds[0],
            reference=scorer.reference(protocol),
            batch_size=scorer.params.batch,
            progress=False,
        )
        for protocol in scorer.protocols
        if protocol.statistics_file is None  # published statistics have no images to halve or to noise
    }
    identity = scorer.identity()
    record = make(
        AnchorRecord,
        cell=f"anchors-{args.data}",
        profile=profile.name,
        config={"data": profile.entries[args.data], "evaluate": profile.written.evaluate[args.data]},
        command=f"python -m pipelines.anchors --params {args.params} --data {args.data}",
        versions=versions(),
        arithmetic=arithmetic(scorer.device),
        extractor=identity["extractor"],
        comparability=identity["comparability"],
        anchors=anchors,
    )
    write_record(profile.results / "records" / f"{record.cell}.json", record)
    process = this_process("anchors", began, time() - began, scorer.device)
    parts = {"cell": record.cell, "profile": record.profile, "record_digest": record.digest}
    write_record(profile.results / "measured" / f"{record.cell}.json", make(Measurement, **parts, processes=[process]))


if __name__ == "__main__":
    run_command(main)
