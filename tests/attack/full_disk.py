"""Stages that cannot write all that they have to, and MLflow's database damaged."""

import os
import random
import re
import resource
import shutil
import sys
import warnings
from functools import partial
from pathlib import Path

from children import Action, run
from mutations import mutated
from stages import STAGES, check_again, check_said, results, sound_project
from tally import Tally

from harness.tracking import __main__ as tracking

LEAST = 4096  # bytes that a file may always have, so that what the command says can be kept
LIMITED = ("prepare", "extractor", "train", "evaluate", "report", "cost")


def full_disk(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """No file can grow beyond a random size, which fails in the middle of a write as a full disk does."""
    tally, rng = Tally("full disk"), random.Random(seed)
    sound, root, said = sound_project(), scratch / "full", scratch / "said.txt"
    for number in range(tries):
        stage = LIMITED[number % len(LIMITED)]
        sound.before(stage, root)
        before, after = results(root), sound.after(stage)
        largest = max(len(content) for name, content in after.items() if before.get(name) != content)
        limit = max(LEAST, rng.randrange(largest))
        what = f"{stage} with at most {limit} bytes a file"
        tally.tried += 1
        status = run(root, partial(_limited, limit, STAGES[stage]), said)
        tally.refused += status == 2
        if status not in (0, 2):
            tally.fail(f"{what}: ended with {status}: {said.read_text(errors='replace')[-300:]!r}")
        check_said(tally, what, said)
        if torn := [name for name, content in results(root).items() if content not in (before.get(name), after.get(name))]:
            tally.fail(f"{what}: half-written {torn[:3]}")
        check_again(tally, what, root, stage, said)
    return [tally]


def _limited(size: int, action: Action) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    action()


def databases(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """MLflow's database damaged, removed, a directory, or on a full disk: it is made again from the records, or one line."""
    tally, rng, said = Tally("MLflow's database"), random.Random(seed), scratch / "said.txt"
    root, kept = scratch / "tracked", scratch / "kept"
    shutil.copytree(sound_project().root / "after/report/results", root / "results")
    if status := run(root, track, said):
        raise RuntimeError(f"tracking ended with {status}: {said.read_text()[-1500:]}")
    total = _runs(said.read_text())
    shutil.copytree(root, kept)
    for number in range(tries):
        shutil.rmtree(root)
        shutil.copytree(kept, root)
        what, action = _damage(rng, root / "mlflow.db", number)
        said.unlink(missing_ok=True)
        tally.tried += 1
        status, words = run(root, action, said), said.read_text(errors="replace")
        tally.refused += status == 2 or "warning" in words
        lines = [line for line in words.splitlines() if " INFO mlflow." not in line]  # MLflow says that it makes its tables
        if status not in (0, 2) or (status == 0 and _runs(words) != total) or len(lines) > 3:
            tally.fail(f"{what}: ended with {status}: {words[-300:]!r}")
        check_said(tally, what, said)
    return [tally]


def _runs(words: str) -> int:
    """The number of runs that the projection wrote or kept."""
    return sum(int(number) for number in re.findall(r"(\d+) runs (?:written|kept)", words))


def track() -> None:
    """`python -m harness.tracking --profile digits`."""
    sys.argv = ["tracking", "--profile", "digits"]
    warnings.simplefilter("default")  # MLflow warns of its own code, which pytest would raise in this process too
    tracking.main()


def _damage(rng: random.Random, database: Path, number: int) -> tuple[str, Action]:
    """Damages the database in the way whose turn it is: what was done, and the command to run."""
    kind = ("bytes", "directory", "full disk")[number % 3]
    if kind == "directory":
        database.unlink()
        database.mkdir()
        return "a directory", track
    if kind == "full disk":
        database.unlink()
        return "a full disk", partial(_limited, rng.randrange(LEAST, 200_000), track)
    how, content = mutated(rng, database.read_bytes())
    database.write_bytes(content)
    return f"{how} {os.fspath(database.name)}", track
