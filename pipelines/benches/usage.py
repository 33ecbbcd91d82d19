"""Measures the time and the peak memory of a process and its children."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil


def measured(work: Callable[[], object]) -> dict:
    """Wall and processor seconds, and the peak memory in bytes, of this process and its children (shared pages counted once)."""
    with _peak_memory() as peak:
        start, cpu = time.perf_counter(), _cpu_seconds()
        work()
        seconds, cpu = time.perf_counter() - start, _cpu_seconds() - cpu
    return {"seconds": seconds, "cpu_seconds": cpu, "peak_bytes": peak[0]}


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    peak, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.5):
            peak[0] = max(peak[0], _memory())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        stop.set()
        watcher.join()


def _memory() -> int:
    process = psutil.Process(os.getpid())
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            used = one.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        total += getattr(used, "pss", used.rss)
    return total
