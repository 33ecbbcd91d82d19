"""Shows the progress of a long job: a bar on a terminal, a line every so often elsewhere, nothing with --quiet."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

LINE_SECONDS = 20
QUIET = "HARNESS_QUIET"  # set by --quiet; the processes that a command starts see it too
Item = TypeVar("Item")


def is_quiet() -> bool:
    """Whether only results, warnings and errors are wanted."""
    return bool(os.environ.get(QUIET))


def say(*lines: str) -> None:
    """Prints lines that are no result, such as advice, unless only results are wanted."""
    if not is_quiet():
        print(*lines, sep="\n", flush=True)


class Lines:
    """Replaces tqdm's bar in a log. It prints at most one line per LINE_SECONDS: `label: 1,200 of 5,000 img, 40 s left`."""

    def __init__(self, total: int, label: str, unit: str) -> None:
        self.total, self.label, self.unit, self.done = total, label, unit, 0
        self.began = self.said = time.monotonic()

    def update(self, count: int = 1) -> None:
        """Counts `count` more items as done."""
        self.done += count
        now = time.monotonic()
        if self.done < self.total and now - self.said >= LINE_SECONDS:
            self.said, left = now, (now - self.began) * (self.total - self.done) / self.done
            text = f"{self.label}: {self.done:,} of {self.total:,} {self.unit}, about {left:,.0f} s left"
            print(text, file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass


def progress_bar(total: int, label: str, unit: str, quiet: bool = False) -> "tqdm | Lines":
    """tqdm's bar on a terminal, lines elsewhere. Use it as `with progress_bar(...) as bar: bar.update(count)`."""
    quiet = quiet or is_quiet()
    if quiet or sys.stderr.isatty():
        return tqdm(total=total, desc=label, unit=unit, disable=quiet, leave=False)  # the result is said after it
    return Lines(total, label, unit)


def tracked(items: Sequence[Item], label: str, unit: str) -> Iterator[Item]:
    """Yields the items and shows the progress."""
    with progress_bar(len(items), label, unit) as bar:
        for item in items:
            yield item
            bar.update(1)
