"""Ends a command cleanly: nothing is left half-written, and no process that it started keeps running."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

# Windows has no SIGHUP, and the front door must get as far as its refusal there.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
# Waits for the end of its input. That comes when the process at the other end has ended, in whatever way.
WATCHDOG = 'read -r _; kill -s TERM -- "-$0"; sleep 5; kill -s KILL -- "-$0"'


def end_tidily() -> None:
    """Makes SIGTERM and SIGHUP end this process by SystemExit, so that `finally` blocks run. Its children get SIGTERM first.

    A signal that is ignored, as under `nohup`, stays ignored.
    """
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end)


def _end(number: int, frame: object) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second signal acts at once
    end_children()
    raise SystemExit(128 + number)


def end_children() -> None:
    """Sends SIGTERM to all processes that this one has started, and to those that they have started."""
    import psutil  # here, because every command imports this file

    for child in psutil.Process().children(recursive=True):
        try:
            child.terminate()
        except psutil.NoSuchProcess:
            continue


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Processes that are started meanwhile ignore Ctrl-C, which a terminal sends to all of them. This process ends them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def serve_parent() -> None:
    """Prepares a worker process, which ignores Ctrl-C because its parent handles it, and ends when its parent has been killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def end_with(head: int) -> None:
    """Ends this process, by SIGTERM, when the process `head`, its parent's parent, has ended in whatever way.

    The signal is sent every second: a trainer answers the first that it can hear by saving a checkpoint.
    """
    import psutil

    threading.Thread(target=_end_after, args=(psutil.Process(os.getppid()), head), daemon=True).start()


def _end_after(parent: "psutil.Process", head: int) -> None:
    import psutil

    while True:
        try:
            served = parent.ppid() == head
        except psutil.NoSuchProcess:
            served = False
        if not served:
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)


def run_to_the_end(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Runs a command that starts processes of its own. Returns its exit status.

    All of these processes end when this one does, even by SIGKILL.
    """
    server = subprocess.Popen(command, env=env, start_new_session=True)  # in its own group, which can be ended as a whole
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
    """Handles Ctrl-C in a command: prints one word and returns the usual exit status."""
    print("interrupted", file=sys.stderr)
    return 128 + signal.SIGINT
