"""Stages killed at random moments, and stages run twice at once: what they end with is what an undisturbed run ends with."""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

from children import ended, start
from stages import STAGES, check_again, check_said, leftovers, results, sound_project
from tally import Tally

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
WRITERS = ("prepare", "prepare", "extractor", "prepare", "train", "prepare", "evaluate", "cost", "report")


def kills(scratch: Path, seed: int, tries: int, most_seconds: float = 3600) -> list[Tally]:
    """Kills `tries` stages at random moments and runs each again; begins no other after `most_seconds`."""
    began, tally, rng = time.monotonic(), Tally("kills of stages"), random.Random(seed)
    sound, root, said, order = sound_project(), scratch / "killed", scratch / "said.txt", list(STAGES)
    for number in range(tries):
        if time.monotonic() - began > most_seconds:
            break
        stage = order[number % len(order)]
        sound.before(stage, root)
        tally.tried += 1
        what = _kill(rng, root, stage, said, sound.seconds[stage])
        check_said(tally, what, said)
        check_again(tally, what, root, stage, said)
    return [tally]


def _kill(rng: random.Random, root: Path, stage: str, said: Path, seconds: float) -> str:
    """Starts the stage and ends it by a random signal at a random moment; says how."""
    number, moment = rng.choice(SIGNALS), rng.random() * seconds
    child = start(root, STAGES[stage], said)
    time.sleep(moment)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)
    os.waitpid(child, 0)
    return f"{stage} {signal.Signals(number).name} after {moment:.2f} s"


def together(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """The same stage twice at once: an orphan of a killed pipeline and its rerun, or two people in one folder.

    Each ends well or in one line; if one ended well the results are right; and both may be killed."""
    tally, rng = Tally("stages twice at once"), random.Random(seed)
    sound, root, said = sound_project(), scratch / "twice", scratch / "said.txt"
    for number in range(tries):
        stage = WRITERS[number % len(WRITERS)]
        sound.before(stage, root)
        between, killed = rng.choice((0, rng.random() * sound.seconds[stage] / 2)), rng.random() < 0.3
        what = f"{stage} twice, {between:.2f} s apart{', the first killed' if killed else ''}"
        tally.tried += 1
        first = start(root, STAGES[stage], said)
        time.sleep(between)
        second = start(root, STAGES[stage], said)
        if killed:
            time.sleep(rng.random() * sound.seconds[stage] / 2)
            os.kill(first, signal.SIGKILL)
        codes = [ended(first), ended(second)]
        tally.refused += 2 in codes
        if not set(codes[killed:]) <= {0, 2} or not (killed or 0 in codes):
            tally.fail(f"{what}: they ended with {codes}: {said.read_text(errors='replace')[-300:]!r}")
        check_said(tally, what, said)
        if codes[killed:] == [0] * (2 - killed) and (results(root) != sound.after(stage) or leftovers(root)):
            tally.fail(f"{what}: both ended well, with other results or with leftovers")
        check_again(tally, what, root, stage, said)
    return [tally]
