"""Turns SIGTERM, SIGHUP and SIGINT into a request to stop. The loop answers it between two steps, after saving."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def requested_stop() -> Iterator[Callable[[], int | None]]:
    """Yields a function that returns the received signal, or None. A second signal has its usual effect, at once."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # Python handles signals in the main thread only
        yield lambda: None
        return
    former: dict[int, Any] = {
        int(number): signal.getsignal(number) or signal.SIG_DFL for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    }
    if former[signal.SIGHUP] is signal.SIG_IGN:  # under nohup, a closed terminal must not stop the run
        del former[signal.SIGHUP]

    def note(number: int, frame: object) -> None:
        received.append(number)
        signal.signal(number, former[number])

    for number in former:
        signal.signal(number, note)
    try:
        yield lambda: received[0] if received else None
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
