"""Damage to what is read back, and files that cannot be read for a reason that passes."""

import errno
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from mutations import damaged
from tally import Tally, same, tree
from targets import TARGETS, Target


def stored(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Random damage to everything that is read back."""
    return [_mutate(target, _room(scratch, target), seed, -(-tries // len(TARGETS))) for target in TARGETS]


def _room(scratch: Path, target: Target) -> Path:
    root = scratch / target.name.replace(" ", "-")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    return root


def _mutate(target: Target, root: Path, seed: int, tries: int) -> Tally:
    rng, tally = random.Random(f"{seed}/{target.name}"), Tally(target.name)
    target.make(root)
    sound = target.read(root)
    for _ in range(tries):
        with damaged(rng, root, removes=not target.inputs) as how:
            tally.attack(how, partial(target.read, root), sound)
        if target.again:
            root = _room(root.parent, target)
            target.make(root)
    return tally


def read_errors(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Files that cannot be read for a reason that passes: one line or a way round it, and nothing is removed or changed."""
    tally, rng = Tally("read errors"), random.Random(seed)
    for number in range(tries):
        target = TARGETS[number % len(TARGETS)]
        root = _room(scratch, target)
        target.make(root)
        sound, before = target.read(root), tree(root)
        path = root / rng.choice(sorted(before))
        code = rng.choice((errno.EACCES, errno.EIO, errno.ESTALE, errno.EMFILE))
        what = f"{target.name}: {path.name} {errno.errorcode[code]}"
        with _unreadable(path, code):
            tally.attack(what, partial(target.read, root), sound)
        if tree(root) != before or not same(target.read(root), sound):
            tally.fail(f"{what} changed what is there")
    return [tally]


@contextmanager
def _unreadable(path: Path, code: int) -> Iterator[None]:
    """Every way of opening `path` fails with this error."""
    import builtins
    import io

    real, real_io = builtins.open, io.open

    def failing(file: Any, *words: Any, **options: Any) -> Any:
        if not isinstance(file, int) and os.path.abspath(os.fsdecode(file)) == str(path):
            raise OSError(code, os.strerror(code), str(path))
        return real(file, *words, **options)

    builtins.open = io.open = failing
    try:
        yield
    finally:
        builtins.open, io.open = real, real_io
