"""Divides work among processes and yields the results in order. The processes end with the one that started them."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from harness.errors import HarnessError
from harness.processes import serve_parent

MAX_WORKERS = 16  # each takes about 45 MiB, so all of them stay under 1 GiB

Task = TypeVar("Task")
Result = TypeVar("Result")


def available_cores() -> int:
    """Number of cores that this process may use, at most MAX_WORKERS."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_WORKERS)


def in_order(work: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Iterator[tuple[Task, Result]]:
    """(task, work(task)) in the tasks' order. Only a few tasks per worker are in memory at a time."""
    if workers <= 1:
        yield from ((task, work(task)) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")  # fork is unsafe once a library has started threads
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=serve_parent)
    waiting: deque[tuple[Task, Future[Result]]] = deque()
    try:
        for task in tasks:
            waiting.append((task, executor.submit(work, task)))
            if len(waiting) > 2 * workers:
                task, future = waiting.popleft()
                yield task, future.result()
        for task, future in waiting:
            yield task, future.result()
    except BrokenProcessPool as error:
        raise HarnessError(
            "a decoding process was killed, perhaps for its memory; run again: it goes on where it stopped"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)
