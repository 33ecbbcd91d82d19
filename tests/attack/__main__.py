"""`python tests/attack [--seed N] [--times X] [CLASS ...]`: attacks this project as bad days and hostile users do.

Prints what became of each class of attacks, and ends with status 1 if anything was silently wrong or gave a traceback. The suite
runs it once with seed 0 (tests/attack/test_attack.py); another seed or more times finds more.
"""

import argparse
import contextlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

import harness.pinned  # noqa: F401, E402 - first: torch and numpy choose their kernels when they are loaded

# isort: split
from attacks import CLASSES  # noqa: E402


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hides what the attacked commands print."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):
        yield


def used() -> float:
    """Seconds of processor time of this process and its ended children: a busy machine does not lengthen them."""
    return sum(sum(resource.getrusage(whose)[:2]) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def main() -> int:
    """Runs the classes that were asked for; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("classes", nargs="*", help=f"any of {', '.join(CLASSES)} (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="another seed tries others (default: %(default)s)")
    parser.add_argument("--times", type=float, default=1, help="so many times as often (default: %(default)s)")
    args = parser.parse_args()
    failed, began = 0, time.monotonic()
    for name in args.classes or CLASSES:
        attack, tries = CLASSES[name]
        before = used()
        with tempfile.TemporaryDirectory() as scratch, quiet():
            tallies = attack(Path(scratch).resolve(), args.seed, max(1, round(tries * args.times)))
        for tally in tallies:
            print(tally, flush=True)
            failed += tally.silent + tally.tracebacks
        print(f"    {name}: {used() - before:.0f} s of processor time", flush=True)
    print(f"{failed} failures in {time.monotonic() - began:.0f} s, {used():.0f} s of processor time")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
