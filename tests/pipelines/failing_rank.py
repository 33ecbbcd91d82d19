"""One rank of test_sharded_evaluation: `failing_rank.py CALL ARGUMENTS` evaluates; rank 1 is killed at its CALL-th extraction."""

import os
import signal
import sys
from itertools import count

from harness.errors import run_command
from harness.metrics import shards
from pipelines import evaluate

CALLS, EXTRACT = count(1), shards.features


def extract_or_end(*arguments, **options):
    if next(CALLS) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return EXTRACT(*arguments, **options)


if __name__ == "__main__":
    if os.environ["RANK"] == "1":
        shards.features = extract_or_end
    run_command(lambda: evaluate.main(sys.argv[2:]))
