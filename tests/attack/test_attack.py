"""Every class of attacks with seed 0, in two minutes of a quiet machine; `python tests/attack --times 20` goes on for longer."""

import os

import pytest
from attacks import CLASSES
from kills import kills

TIMES = float(os.environ.get("ATTACK_TIMES", "1"))  # how many times as often
SECONDS = 45  # after which no further stage is killed


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CLASSES if name != "kills"])
def test_nothing_is_silently_wrong_or_a_traceback(name, tmp_path):
    attack, tries = CLASSES[name]
    tallies = attack(tmp_path.resolve(), 0, round(tries * TIMES))
    print(*tallies, sep="\n")
    assert sum(tally.tried for tally in tallies) >= min(tries, 20)
    assert [(tally.silent, tally.tracebacks, tally.examples) for tally in tallies] == [(0, 0, [])] * len(tallies)


@pytest.mark.slow
def test_a_killed_stage_run_again_ends_as_an_undisturbed_one(tmp_path):
    (tally,) = kills(tmp_path.resolve(), 0, round(CLASSES["kills"][1] * TIMES), SECONDS * TIMES)
    print(tally)
    assert (tally.silent, tally.tracebacks, tally.examples) == (0, 0, [])
    assert tally.tried
