"""`python -m harness.metrics.score GENERATED REFERENCE`: scores one folder of pictures against another.

Any PNG, JPEG, WebP or BMP files; what is left out, resized or lossy is said. The same from Python: `from harness import score`.
For a protocol of the paper, an .npz or prepared images, see `python -m harness.metrics --help`.
"""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
import argparse
import json
import sys
from pathlib import Path
from typing import Any

from harness.device import check_device
from harness.errors import run_command
from harness.metrics.extractors import EXTRACTORS
from harness.metrics.folders import score


def main(argv: list[str] | None = None) -> None:
    """Prints the scores, one per line, or everything about them as JSON."""
    args = parser().parse_args(argv)
    found = score(
        args.generated,
        args.reference,
        extractor=args.extractor,
        weights=args.weights,
        count=args.count,
        seed=args.seed,
        resolution=args.resolution,
        batch=args.batch,
        device=args.device,
        progress=not args.quiet,
    )
    for warning in found["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    print(json.dumps(found, indent=1, allow_nan=False) if args.json else "\n".join(lines(found)))


def lines(found: dict[str, Any]) -> list[str]:
    """The text for people: the scores, and what was scored."""
    sets = [found[name] for name in ("generated", "reference")]
    counts = " against ".join(f"{one['count']:,} pictures of {one['path']}" for one in sets)
    scores = [f"{label:<24}{value:.6g}" for label, value in found["scores"].items()]
    return [*scores, f"{counts}; features of {found['extractor']['label']}; not comparable with the paper's tables"]


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    found = argparse.ArgumentParser(
        prog="ladabench score", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("generated", type=Path, help="folder of pictures")
    found.add_argument("reference", type=Path, help="folder of pictures to hold them against")
    found.add_argument("--extractor", default="inception-v3", help=f"one of {', '.join(EXTRACTORS)} (default: %(default)s)")
    found.add_argument("--weights", type=Path, help="its weights file (default: the committed or the published one)")
    found.add_argument("--count", type=int, metavar="N", help="N pictures of each folder, drawn by --seed (default: all)")
    found.add_argument("--seed", type=int, default=0, help="seed of the draw (default: %(default)s)")
    found.add_argument(
        "--resolution",
        type=int,
        metavar="PIXELS",
        help="pixels a side to which all are brought (default: the shortest side, if mixed)",
    )
    found.add_argument("--batch", type=int, default=64, help="images a forward pass (default: %(default)s)")
    found.add_argument("--device", type=check_device, default="cpu", help="cpu, cuda or cuda:NUMBER (default: %(default)s)")
    found.add_argument("--json", action="store_true", help="one JSON object on stdout")
    found.add_argument("--quiet", action="store_true", help="no progress")
    return found


if __name__ == "__main__":
    run_command(main)
