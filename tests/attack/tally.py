"""What became of each attack: refused in one line, harmless, silently wrong, or a traceback."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import HarnessError, run_command

ROOT = Path(__file__).resolve().parents[2]
SHOWN = 5  # examples kept of each failure


@dataclass
class Tally:
    """Counts of one class of attacks. `silent` and `tracebacks` are what must not happen; `examples` say how it did."""

    name: str
    tried: int = 0
    refused: int = 0
    silent: int = 0
    tracebacks: int = 0
    examples: list[str] = field(default_factory=list)

    def attack(self, what: str, action: Callable[[], Any], sound: Any = None) -> None:
        """Runs `action` on damaged input. It must end in one line, or give what it gives for sound input."""
        self.tried += 1
        try:
            found = action()
        except BaseException as error:  # SystemExit and KeyboardInterrupt as well: a command must not end so
            self._ended(what, error)
            return
        if not same(found, sound):
            self.silent += 1
            self.keep(f"{what}: silently gave something else")

    def must_refuse(self, what: str, action: Callable[[], Any]) -> None:
        """Runs `action` on input that nothing may accept."""
        self.attack(what, action, sound=_NEVER)

    def _ended(self, what: str, error: BaseException) -> None:
        if one_line(error):
            self.refused += 1
            return
        self.tracebacks += 1
        where = traceback.extract_tb(error.__traceback__)[-1]
        self.keep(f"{what}: TRACEBACK {type(error).__name__}: {str(error)[:150]!r} at {where.filename}:{where.lineno}")

    def fail(self, what: str) -> None:
        """Counts a wrong result that the caller found."""
        self.silent += 1
        self.keep(what)

    def keep(self, example: str) -> None:
        """Remembers how it failed."""
        if len(self.examples) < SHOWN or "TRACEBACK" in example:
            self.examples.append(example)

    def __str__(self) -> str:
        counts = f"tried {self.tried:4}, refused {self.refused:4}, silent {self.silent:3}, traceback {self.tracebacks:3}"
        return "\n    ".join([f"{self.name:28} {counts}", *self.examples])


_NEVER = object()


def one_line(error: BaseException) -> bool:
    """Whether the command-line wrapper makes one line and exit status 2 of this exception."""

    def raising() -> None:
        raise error

    if isinstance(error, HarnessError):
        return True
    try:
        run_command(raising)
    except SystemExit as ended:
        return ended.code == 2
    except BaseException:
        return False
    return False


def same(found: Any, sound: Any) -> bool:
    """Whether two results are equal, arrays value by value."""
    if isinstance(sound, dict):
        return isinstance(found, dict) and found.keys() == sound.keys() and all(same(found[key], sound[key]) for key in sound)
    if isinstance(sound, list | tuple):
        return len(found) == len(sound) and all(map(same, found, sound))
    if hasattr(sound, "__array__"):
        return np.array_equal(np.asarray(found), np.asarray(sound), equal_nan=np.asarray(sound).dtype.kind == "f")
    return found is sound if sound is _NEVER else bool(found == sound)


def tree(root: Path) -> dict[str, bytes]:
    """Every file under `root`."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
