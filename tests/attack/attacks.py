"""The attacks, class by class. Each takes a scratch folder, a seed and how often to try, and returns its tally."""

import random
import shutil
from pathlib import Path

from mutations import damaged
from stored import TARGETS, Target
from tally import Tally


def mutate_stored(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Random damage to everything that is read back."""
    return [_mutate(target, scratch / target.name.replace(" ", "-"), seed, max(1, tries // len(TARGETS))) for target in TARGETS]


def _mutate(target: Target, root: Path, seed: int, tries: int) -> Tally:
    rng, tally = random.Random(f"{seed}/{target.name}"), Tally(target.name)
    root.mkdir(parents=True)
    target.make(root)
    sound = target.read(root)
    for _ in range(tries):
        with damaged(rng, root, removes=not target.inputs) as how:
            tally.attack(how, lambda: target.read(root), sound)
        if target.again:
            shutil.rmtree(root)
            root.mkdir()
            target.make(root)
    return tally
