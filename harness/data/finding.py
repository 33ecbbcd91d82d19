"""Decides which files in a folder or an archive are pictures. Preparing and scoring use the same rule."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from harness.errors import HarnessError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass
class LeftOut:
    """Counts the files that are left out, by reason."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str) -> None:
        """Counts one more file."""
        self.counts[reason] += 1

    def say(self, where: object) -> None:
        """Prints one line on stderr, if anything was left out."""
        if self.counts:
            listed = ", ".join(f"{count} {reason}" for reason, count in sorted(self.counts.items()))
            print(f"note: {where}: left out {listed}", file=sys.stderr, flush=True)


def wanted(name: str, left_out: LeftOut, suffixes: tuple[str, ...] = SUFFIXES) -> bool:
    """Whether the relative POSIX path `name` is a picture's. If not, `left_out` counts it."""
    parts = name.split("/")
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        left_out.add("hidden")
    elif not parts[-1].lower().endswith(suffixes):
        left_out.add(f"with ending {PurePosixPath(parts[-1]).suffix.lower() or 'none'}")
    else:
        return True
    return False


def find_pictures(root: Path, suffixes: tuple[str, ...] = SUFFIXES, left_out: LeftOut | None = None) -> list[str]:
    """Relative POSIX paths of all pictures under `root`, sorted. Prints on stderr what it leaves out, and counts it in
    `left_out` where that is given.

    It leaves out hidden files and folders (a folder counts as one), other endings, and links to folders, because these can form
    circles. HarnessError for a missing folder and for a name that is not UTF-8.
    """
    if not root.is_dir():
        raise HarnessError(f"no folder at {root}; expected a folder of PNG, JPEG or WebP pictures; correct the path")
    left_out = LeftOut() if left_out is None else left_out
    found = sorted(_walk(root, "", suffixes, left_out))
    left_out.say(root)
    return found


def _walk(root: Path, folder: str, suffixes: tuple[str, ...], left_out: LeftOut) -> Iterator[str]:
    with os.scandir(root / folder) as entries:
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir():
                if entry.name.startswith(".") or entry.name == "__MACOSX":
                    left_out.add("hidden folders")
                elif entry.is_symlink():
                    left_out.add("links to folders")
                else:
                    yield from _walk(root, name, suffixes, left_out)
            elif wanted(name, left_out, suffixes):
                _check_utf8(root, name)
                if entry.is_file():
                    yield name
                else:
                    left_out.add("broken links or special files")


def _check_utf8(root: Path, name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise HarnessError(f"{root}: the file name {os.fsencode(name)!r} is not UTF-8; rename it") from error
