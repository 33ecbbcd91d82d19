"""Scores any pictures, ours or not: `python -m harness.metrics --generated DIR_or_NPZ --reference DIR_or_NPZ --protocol NAME`.

Prints one JSON object on stdout and nothing else; progress goes to stderr. Pictures are a folder of PNG files, an ADM-format .npz
or a folder made by `python -m pipelines.prepare`; the reference may also be an ADM-format .npz of statistics. Under torchrun the
ranks share out the pictures and rank 0 alone scores, prints and keeps the reference's features.
"""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
import json
from dataclasses import replace
from pathlib import Path

from harness.data.arrays import open_split
from harness.data.draws import drawn_indices
from harness.data.manifest import MANIFEST, read_manifest
from harness.data.views import Images, Subset
from harness.device import check_device
from harness.errors import HarnessError, run_command
from harness.metrics.adm import STATISTICS, StoredReference
from harness.metrics.extractors import EXTRACTORS, Extractor
from harness.metrics.features import Features
from harness.metrics.fetched import load_fetched
from harness.metrics.folders import FEWEST
from harness.metrics.matrix import MatrixInput, evaluator_matrix
from harness.metrics.npz import array_names
from harness.metrics.pictures import open_pictures
from harness.metrics.protocol import PROTOCOLS, SUBSET_SEED, Protocol, get_protocol
from harness.metrics.reference import CACHE, prepared_reference, reference_images, stored_reference
from harness.metrics.sample_size import mean_and_sd, sample_size_curve
from harness.metrics.scores import judge, scores
from harness.metrics.shards import ALONE, sharded_features
from harness.training.distributed import Ranks, join_ranks

DESCRIPTION = "Scores any pictures, ours or not; prints one JSON object on stdout."
UNVERIFIED = "the reference pictures have no manifest that says what they are"


def main(argv: list[str] | None = None) -> None:
    """Scores the pictures and prints the result."""
    args, ranks = parse(argv), join_ranks()
    protocol = get_protocol(args.protocol)
    if args.reduced:
        protocol = protocol.reduced(args.reduced, args.reduced)
    protocol = replace(protocol, is_order=args.is_order)
    extractor = load_fetched(args.extractor, args.weights, args.device, args.random_weights)
    reference, available = load_reference(args, protocol, extractor, ranks)
    count = protocol.generated_count(ranks.share(0 if reference is None else len(reference))) or None
    given = [open_pictures(path, protocol.reference_split) for path in args.generated]
    sets = [some(images, count) for images in given]
    seen = [sharded_features(images, extractor, args.batch, ranks=ranks) for images in sets]
    if reference is None:  # rank 0 has it, and prints
        return
    out = result(args, protocol, extractor, sets, [one for one in seen if one is not None], reference)
    generated = [draw(len(images), len(whole)) for images, whole in zip(sets, given, strict=True)]
    out["drawn"] = {"generated": generated, "reference": draw(len(reference), available)}
    print(json.dumps(out, indent=1, allow_nan=False))


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(prog="python -m harness.metrics", description=DESCRIPTION)
    parser.add_argument("--generated", required=True, type=Path, nargs="+", help="pictures; several: one set per seed")
    parser.add_argument("--reference", required=True, type=Path, help="pictures, prepared images or statistics")
    parser.add_argument("--protocol", required=True, help=f"one of {', '.join(PROTOCOLS)}")
    parser.add_argument("--weights", type=Path, help="weights file of the extractor (default: torch-fidelity's download)")
    parser.add_argument("--extractor", default="inception-v3", help=f"one of {', '.join(EXTRACTORS)} (default: %(default)s)")
    parser.add_argument("--random-weights", type=int, metavar="SEED", help="random weights, for a dry run; never comparable")
    parser.add_argument("--reduced", type=enough, metavar="N", help="N generated and N reference images, for a dry run")
    orders = "how images are dealt out to the Inception score's chunks (default: %(default)s); adm: consecutively, by file name"
    parser.add_argument("--is-order", default="shuffled", choices=("shuffled", "adm"), help=orders)
    parser.add_argument("--sample-size", action="store_true", help="also the distance against the number of images")
    parser.add_argument("--matrix", action="store_true", help="also the scores under other protocols that papers mix up")
    parser.add_argument("--other-reference", type=Path, help="for --matrix: pictures of the dataset's other split")
    parser.add_argument("--rounded", type=Path, help="for --matrix: the first generated set rounded to uint8, not truncated")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of reference features (default: %(default)s)")
    parser.add_argument("--batch", type=positive, default=64, help="images per forward pass (default: %(default)s)")
    parser.add_argument("--device", type=check_device, default="cpu", help="cpu, cuda or cuda:NUMBER (default: %(default)s)")
    return parser.parse_args(argv)


def positive(text: str) -> int:
    """A whole number above zero."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"given {value}; expected at least 1")
    return value


def enough(text: str) -> int:
    """A number of images for a dry run. Fewer than FEWEST would be refused only after their features are computed."""
    if positive(text) < FEWEST:
        raise HarnessError(f"--reduced: given {text}; expected at least {FEWEST} images")
    return int(text)


def some(images: Images, count: int | None) -> Images:
    """`count` of the images, drawn by a fixed seed because files may be sorted by class; all of them if there are no more."""
    if count is None or len(images) <= count:
        return images
    return Subset(images, drawn_indices(len(images), count, SUBSET_SEED))


def draw(count: int, of: int) -> dict[str, int] | None:
    """What the output says of `count` images that were taken from `of`; None where these are all."""
    return {"count": count, "of": of, "seed": SUBSET_SEED} if count < of else None


def load_reference(
    args: argparse.Namespace, protocol: Protocol, extractor: Extractor, ranks: Ranks = ALONE
) -> tuple[Features | StoredReference | None, int]:
    """Features or statistics of the reference, whichever form it has, and the number of images that there are to draw from
    (0 for statistics). A doubt is attached where nothing vouches for the images. None where rank 0 has the features.
    """
    path = args.reference
    if (path / MANIFEST).is_file():
        seen = prepared_reference(path, protocol, extractor, args.cache, args.batch, ranks=ranks)
        return seen, read_manifest(path)["splits"][protocol.reference_split]["count"]
    if path.is_file() and set(STATISTICS) <= array_names(path):
        return stored_reference(path, protocol, extractor, args.batch, ranks=ranks), 0
    pictures = open_pictures(path, protocol.reference_split)
    seen = sharded_features(some(pictures, protocol.reference), extractor, args.batch, ranks=ranks)
    return None if seen is None else replace(seen, doubts=(UNVERIFIED,)), len(pictures)


def result(
    args: argparse.Namespace,
    protocol: Protocol,
    extractor: Extractor,
    sets: list[Images],
    seen: list[Features],
    reference: Features | StoredReference,
) -> dict[str, object]:
    """Everything that is printed."""
    level, reasons = judge(seen[0], reference, protocol)
    runs = [scores(one, reference, protocol, args.device) for one in seen]
    out: dict[str, object] = {
        "protocol": protocol.name,
        "extractor": {"name": extractor.name, "label": extractor.label, "sha256": extractor.sha256},
        "comparability": {"level": level, "reasons": reasons},
        "counts": {"generated": len(seen[0]), "reference": len(reference)},
        "is_order": protocol.is_order,
        "generated": [str(path) for path in args.generated],
        "reference": str(args.reference),
        "scores": runs[0] if len(runs) == 1 else mean_and_sd(runs),
    }
    if args.sample_size:
        out["sample_size"] = sample_size_curve(seen[0], reference, seed=0)
    if args.matrix:
        out["matrix"] = evaluator_matrix(matrix_input(args, protocol, sets[0]), extractor, protocol, args.batch)
    return out


def matrix_input(args: argparse.Namespace, protocol: Protocol, generated: Images) -> MatrixInput:
    """The pictures that the evaluator matrix can be made from."""
    path, other = args.reference, "test" if protocol.reference_split == "train" else "train"
    if path.is_file() and set(STATISTICS) <= array_names(path):
        raise HarnessError(f"given the statistics {path}; --matrix needs the reference's pictures")
    prepared = (path / MANIFEST).is_file()
    reference = reference_images(path, protocol) if prepared else some(open_pictures(path, ""), protocol.reference)
    others = open_pictures(args.other_reference, other) if args.other_reference else None
    if others is None and prepared:
        others = _split_or_none(path, other)
    rounded = some(open_pictures(args.rounded, ""), len(generated)) if args.rounded else None
    return MatrixInput(generated, reference, others, rounded)


def _split_or_none(root: Path, split: str) -> Images | None:
    try:
        return open_split(root, split)
    except HarnessError:  # a dataset of one split
        return None


if __name__ == "__main__":
    run_command(main)
