"""Commands as children, forked from a process that has imported everything: a try costs a second, not ten."""

import contextlib
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import sklearn.datasets
import sklearn.model_selection  # noqa: F401

import harness.metrics.digits
import harness.report.figures  # noqa: F401
from harness.errors import run_command
from pipelines import cost, train

Action = Callable[[], None]


def start(root: Path, action: Action, said: Path) -> int:
    """The process id of a child that runs `action` in `root` as a command does; what it says goes to the file `said`."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        _become_a_command(root, said)
        run_command(action)
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _become_a_command(root: Path, said: Path) -> None:
    os.chdir(root)
    os.setsid()
    if hasattr(os, "sched_setaffinity"):  # on one core pictures are decoded here, not by workers that import everything anew
        os.sched_setaffinity(0, {random.choice(sorted(os.sched_getaffinity(0)))})
    out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    train.live_run = no_tracking
    cost._in_fresh_process = cost.measure_network


def run(root: Path, action: Action, said: Path) -> int:
    """Runs `action` to its end; its exit status."""
    return ended(start(root, action, said))


def ended(child: int) -> int:
    """Waits for a child; its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@contextlib.contextmanager
def no_tracking(*_: object) -> Iterator[Callable[[list[dict[str, float]]], None]]:
    """In place of MLflow, whose new database takes seconds in every project."""
    yield lambda rows: None
