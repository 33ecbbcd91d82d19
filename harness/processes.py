"""A command that is ended leaves nothing half-written, and no process that it started."""

import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

ENDING = (signal.SIGTERM, signal.SIGHUP)
# Waits for the end of its input, which comes when the process that holds the other end has ended, however it ended.
WATCHDOG = 'read -r _; kill -s TERM -- "-$0"; sleep 5; kill -s KILL -- "-$0"'


def end_tidily() -> None:
    """Lets SIGTERM and SIGHUP end this process by SystemExit, so that `finally` blocks run, after its children were asked to end.

    A signal that is ignored, as `nohup` does, stays ignored."""
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end)


def _end(number: int, frame: object) -> None:
    import psutil  # only where it is needed: every command imports this file

    signal.signal(number, signal.SIG_DFL)  # a second one acts at once
    for child in psutil.Process().children(recursive=True):
        try:
            child.terminate()
        except psutil.NoSuchProcess:
            continue
    raise SystemExit(128 + number)


def run_to_the_end(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Runs a command that starts processes of its own; returns its exit status. All of them end when this process does, even by
    SIGKILL."""
    server = subprocess.Popen(command, env=env, start_new_session=True)  # a group of its own, which can be ended as a whole
    watchdog = subprocess.Popen(
        ["sh", "-c", WATCHDOG, str(server.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return server.wait()
    finally:
        watchdog.communicate(b"")  # its input ends, and it ends the group


def interrupted() -> int:
    """What a command does about Ctrl-C: one word, and the usual exit status."""
    print("interrupted", file=sys.stderr)
    return 128 + signal.SIGINT
